// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `keyword = value` means, for each kind of keyword.

#include <coproc/detail/keywords/options.hpp>
#include <ranges>

namespace coproc::detail {

class unset_t {};
class new_group_t {};

/// A keyword whose value goes into one member of the options as it is.
template <auto Member>
class plain_keyword {
  template <class T>
  struct value_of {
    using type = T;
  };
  template <class T>
  struct value_of<std::optional<T>> {
    using type = T;
  };
  using type =
      typename value_of<std::remove_cvref_t<decltype(std::declval<options&>().*Member)>>::type;
  static constexpr bool is_path = std::same_as<type, std::filesystem::path>;
  static constexpr bool takes_text = is_path || std::same_as<type, std::string>;

 public:
  constexpr plain_keyword() = default;
  auto operator=(type value) const {
    return set_option([value = std::move(value)](options& target) { target.*Member = value; });
  }
  // So that a null pointer is refused, too.
  template <text Text>
  requires takes_text auto operator=(const Text& value) const {
    if constexpr (is_path) return *this = path_of(to_word(value));
    else return *this = to_word(value);
  }
  template <class T>
    requires(!std::convertible_to<T, type> && !(takes_text && text<std::remove_cvref_t<T>>))
  auto operator=(T&&) const {
    static_assert(never<T> || !is_path, "coproc: this keyword takes a path or a string");
    static_assert(never<T> || is_path || !takes_text, "coproc: this keyword takes a string");
    static_assert(never<T> || !std::same_as<type, bool>,
                  "coproc: this keyword takes true or false");
    static_assert(never<T> || !std::integral<type>, "coproc: this keyword takes an integer");
    static_assert(never<T> || takes_text || std::integral<type>,
                  "coproc: this keyword takes a number or a name, or what its documentation says");
    return set_option([](options&) {});
  }
};

/// What a keyword of capture sets: exec and shell refuse it.
template <class Change>
class for_capture {
 public:
  explicit for_capture(Change change) : change_(std::move(change)) {}
  void operator()(options& target) const { change_(target); }

 private:
  Change change_;
};
template <class T>
inline constexpr bool is_for_capture = false;
template <class Change>
inline constexpr bool is_for_capture<setting<options, for_capture<Change>>> = true;

template <class Change>
auto set_for_capture(Change change) {
  return set_option(for_capture<Change>(std::move(change)));
}

template <class... Arguments>
constexpr void refuse_for_capture() {
  static_assert(!(is_for_capture<std::remove_cvref_t<Arguments>> || ...),
                "coproc: timeout, idle_timeout, grace, input, ok_codes and retry are for capture; "
                "with exec and shell use wait_for, stop, the streams and communicate");
}

class input_keyword {
 public:
  constexpr input_keyword() = default;
  auto operator=(input_source from) const {
    return set_for_capture([from = std::move(from)](options& target) { target.input = from; });
  }
};

class retry_keyword {
 public:
  constexpr retry_keyword() = default;
  auto operator=(retrying how) const {
    return set_for_capture([how = std::move(how)](options& target) { target.retry = how; });
  }
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, retrying>)
  auto operator=(T&&) const {
    static_assert(never<T>, "coproc: retry takes attempts(n), attempts(n, pause), or more");
    return set_option([](options&) {});
  }
};

template <auto Member>
class duration_keyword {
 public:
  constexpr duration_keyword() = default;
  template <class Rep, class Period>
  auto operator=(std::chrono::duration<Rep, Period> time) const {
    return set_for_capture(
        [time = to_nanoseconds(time)](options& target) { target.*Member = time; });
  }
  template <class T>
    requires(!is_duration<std::remove_cvref_t<T>>)
  auto operator=(T&&) const {
    refuse_as_time<std::remove_cvref_t<T>>();
    return set_option([](options&) {});
  }
};

/// What braces make: they do not compile within a co_await on g++ 12.
class braces {
 public:
  template <class... T>
  braces(T...) {
    static_assert(sizeof...(T) == static_cast<std::size_t>(-1),
                  "coproc: a list in braces has no type here: give the range a name, "
                  "std::vector numbers{3, 4};");
  }
};

class process_group_keyword {
 public:
  constexpr process_group_keyword() = default;
  auto operator=(int group) const {
    return set_option([group](options& target) { target.process_group = group; });
  }
  auto operator=(new_group_t) const { return *this = 0; }
};

#if defined(_WIN32)
/// What only POSIX has.
class posix_keyword {
  template <class T>
  static auto refuse() {
    static_assert(never<T>, "coproc: this keyword is for POSIX systems only");
    return set_option([](options&) {});
  }
  class element {
   public:
    template <class T>
    auto operator=(const T&) const {
      return refuse<T>();
    }
  };

 public:
  constexpr posix_keyword() = default;
  template <class T>
  auto operator=(const T&) const {
    return refuse<T>();
  }
  template <class T>
  element operator[](const T&) const {
    return element();
  }
};
#else

class extra_groups_keyword {
  static auto set(std::vector<account> list) {
    return set_option(
        [list = std::move(list)](options& target) { target.extra_groups.emplace(list); });
  }

 public:
  constexpr extra_groups_keyword() = default;
  template <std::ranges::input_range Groups>
    requires std::constructible_from<account, std::ranges::range_reference_t<Groups>> &&
        (!text<Groups>)auto
        operator=(Groups&& groups) const {
      std::vector<account> list;
      for (auto&& group : groups) list.emplace_back(group);
      return set(std::move(list));
    }
    auto operator=(account group) const {
      std::vector<account> list;
      list.push_back(std::move(group));
      return set(std::move(list));
    }
};

class resource_limit_keyword {
 public:
  class element {
   public:
    explicit constexpr element(int resource) : resource_(resource) {}
    template <std::convertible_to<rlim_t> Soft, std::convertible_to<rlim_t> Hard>
    auto operator=(std::pair<Soft, Hard> soft_hard) const {
      return set_option([resource = resource_, soft_hard](options& target) {
        target.resource_limits[resource] =
            rlimit{static_cast<rlim_t>(soft_hard.first), static_cast<rlim_t>(soft_hard.second)};
      });
    }
    auto operator=(rlim_t both) const { return *this = std::pair(both, both); }

   private:
    int resource_;
  };
  constexpr resource_limit_keyword() = default;
  template <class Resource>  // glibc's C++ headers make the RLIMIT_ names an enum
  constexpr element operator[](Resource resource) const {
    return element(static_cast<int>(resource));
  }
};

class pass_fds_keyword {
 public:
  class element {
   public:
    explicit constexpr element(int number) : number_(number) {}
    auto operator=(int descriptor) const {
      return set_option(
          [n = number_, descriptor](options& target) { target.pass_fds[n] = descriptor; });
    }

   private:
    int number_;
  };
  constexpr pass_fds_keyword() = default;
  constexpr element operator[](int number_in_child) const { return element(number_in_child); }
  auto operator=(int descriptor) const { return (*this)[descriptor] = descriptor; }
  auto operator=(braces) const { return *this = 0; }
  template <std::ranges::input_range Descriptors>
    requires std::convertible_to < std::ranges::range_reference_t<Descriptors>,
  int > auto operator=(Descriptors&& descriptors) const {
    std::map<int, int> same;
    for (const int descriptor : descriptors) same[descriptor] = descriptor;
    return set_option([same = std::move(same)](options& target) { target.pass_fds = same; });
  }
};

#endif

class ok_codes_keyword {
  static auto set(std::vector<int> codes) {
    return set_for_capture(
        [codes = std::move(codes)](options& target) { target.ok_codes = codes; });
  }

 public:
  constexpr ok_codes_keyword() = default;
  template <std::ranges::input_range Codes>
  auto operator=(Codes&& codes) const {
    std::vector<int> list;
    for (const int code : codes) list.push_back(code);
    return set(std::move(list));
  }
  auto operator=(int code) const { return set(std::vector<int>(1, code)); }
  auto operator=(braces) const { return *this = 0; }
};

/// The whole of an environment; `env = {}` makes an empty one.
class environment {
 public:
  environment() = default;
  template <class Variables>
    requires(!std::same_as<std::remove_cvref_t<Variables>, environment>)
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint keeps it apart
  environment(Variables&& variables) {
    refuse_unsafe_temporary<Variables>();
    if constexpr (!text<std::remove_cvref_t<Variables>> && std::ranges::input_range<Variables>) {
      for (auto&& variable : variables) add(variable);
    } else {
      refuse<Variables>();
    }
  }
  std::map<std::string, std::optional<std::string>, std::less<>> values;

 private:
  template <class T>
  void add(const T& variable) {
    if constexpr (text<T>) {
      const std::string both = to_word(variable);
      const std::size_t equals = both.find('=');
      if (equals == std::string::npos)
        throw std::invalid_argument("coproc: env: '" + both + "' is not NAME=value");
      values[both.substr(0, equals)] = both.substr(equals + 1);
    } else if constexpr (requires {
                           to_word(variable.first);
                           to_word(variable.second);
                         }) {
      values[to_word(variable.first)] = to_word(variable.second);
    } else {
      refuse<T>();
    }
  }
  template <class T>
  static void refuse() {
    static_assert(never<T>,
                  "coproc: env takes a map of names and strings, paths or integers, or a range of "
                  "NAME=value strings, which must have a name: what stands in braces has no type");
  }
};

class env_keyword {
 public:
  class element {
    auto set(std::optional<std::string> value) const {
      return set_option([name = name_, value = std::move(value)](options& target) {
        target.environment[name] = value;
      });
    }

   public:
    explicit element(std::string name) : name_(std::move(name)) {}
    template <word Value>
    auto operator=(const Value& value) const {
      return set(to_word(value));
    }
    auto operator=(unset_t) const { return set(std::nullopt); }

   private:
    std::string name_;
  };
  constexpr env_keyword() = default;
  element operator[](std::string_view name) const { return element(std::string(name)); }
  element operator[](const char* name) const { return element(to_word(name)); }
  auto operator=(environment variables) const {
    return set_option([variables = std::move(variables.values)](options& target) {
      target.replace_environment = true;
      target.environment = variables;
    });
  }
};

}  // namespace coproc::detail
