// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `keyword = value` means, for each kind of keyword.

#include <coproc/detail/keywords/options.hpp>
#include <ranges>

namespace coproc::detail {

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
  static constexpr bool is_bound = std::same_as<type, output_bound>;
  template <class T>
  static constexpr bool takes = std::same_as<type, bool> ? std::same_as<T, bool>
                                : std::integral<type>    ? whole<T>
                                                         : std::convertible_to<T, type>;

  static auto set(type value) {
    return set_option([value = std::move(value)](options& target) { target.*Member = value; });
  }

 public:
  constexpr plain_keyword() = default;
  auto operator=(type value) const requires(!std::integral<type>) { return set(std::move(value)); }
  // Not what only converts: -1 is no size, and "no" not false.
  template <class Value>
    requires(std::integral<type>&& takes<Value>)
  auto operator=(Value value) const {
    if constexpr (std::same_as<type, bool>) return set(value);
    else return set(in_range<type>(value));
  }
  // So that a null pointer is refused, too.
  template <text Text>
  requires takes_text auto operator=(const Text& value) const {
    if constexpr (is_path) return *this = path_of(to_word(value));
    else return *this = to_word(value);
  }
  template <class T>
    requires(!takes<std::remove_cvref_t<T>> && !(takes_text && text<std::remove_cvref_t<T>>))
  auto operator=(T&&) const {
    static_assert(never<T> || !is_path, "coproc: this keyword takes a path or a string");
    static_assert(never<T> || is_path || !takes_text, "coproc: this keyword takes a string");
    static_assert(never<T> || !std::same_as<type, bool>,
                  "coproc: this keyword takes true or false");
    static_assert(never<T> || !std::integral<type>, "coproc: this keyword takes an integer");
    static_assert(never<T> || !is_bound,
                  "coproc: max_output takes a number of bytes, cut(n) or head_and_tail(n)");
    static_assert(never<T> || takes_text || is_bound || std::integral<type>,
                  "coproc: this keyword takes the number or the name of an account");
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

template <class T>
inline constexpr bool may_be_duration = is_duration<T> || std::same_as<T, std::nullopt_t>;
template <class T>
inline constexpr bool may_be_duration<std::optional<T>> = is_duration<T>;

template <auto Member>
class duration_keyword {
  static auto set(std::optional<std::chrono::nanoseconds> time) {
    return set_for_capture([time](options& target) { target.*Member = time; });
  }

 public:
  constexpr duration_keyword() = default;
  template <class Rep, class Period>
  auto operator=(std::chrono::duration<Rep, Period> time) const {
    return set(to_nanoseconds(time));
  }
  // None: no bound, or for grace the default, whatever has been said before.
  template <class Rep, class Period>
  auto operator=(const std::optional<std::chrono::duration<Rep, Period>>& time) const {
    return set(time ? std::optional(to_nanoseconds(*time)) : std::nullopt);
  }
  auto operator=(std::nullopt_t) const { return set(std::nullopt); }
  template <class T>
    requires(!may_be_duration<std::remove_cvref_t<T>>)
  auto operator=(T&&) const {
    refuse_as_time<std::remove_cvref_t<T>>();
    return set_option([](options&) {});
  }
};

template <class T>
concept numbers = std::ranges::input_range<T> && !text<std::remove_cvref_t<T>> &&
                  whole<std::remove_cvref_t<std::ranges::range_reference_t<T>>>;

class process_group_keyword {
 public:
  constexpr process_group_keyword() = default;
  template <whole Group>
  auto operator=(Group group) const {
    return set_option(
        [group = in_range<int>(group)](options& target) { target.process_group = group; });
  }
  auto operator=(new_group_t) const { return *this = 0; }
  template <class T>
    requires(!whole<std::remove_cvref_t<T>>)
  auto operator=(T&&) const {
    static_assert(never<T>, "coproc: process_group takes new_group, or the number of a group");
    return set_option([](options&) {});
  }
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
    template <whole Descriptor>
    auto operator=(Descriptor descriptor) const {
      return set_option([n = number_, fd = in_range<int>(descriptor)](options& target) {
        target.pass_fds[n] = fd;
      });
    }

   private:
    int number_;
  };
  constexpr pass_fds_keyword() = default;
  constexpr element operator[](int number_in_child) const { return element(number_in_child); }
  template <whole Descriptor>
  auto operator=(Descriptor descriptor) const {
    return (*this)[in_range<int>(descriptor)] = descriptor;
  }
  auto operator=(braces) const { return *this = 0; }
  template <numbers Descriptors>
  auto operator=(Descriptors&& descriptors) const {
    std::map<int, int> same;
    for (const auto descriptor : descriptors)
      same[in_range<int>(descriptor)] = in_range<int>(descriptor);
    return set_option([same = std::move(same)](options& target) { target.pass_fds = same; });
  }
  template <class T>
    requires(!whole<std::remove_cvref_t<T>> && !numbers<T>)
  auto operator=(T&&) const {
    static_assert(never<T>, "coproc: pass_fds takes a descriptor, or a range of descriptors");
    return set_option([](options&) {});
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
  template <numbers Codes>
  auto operator=(Codes&& codes) const {
    std::vector<int> list;
    for (const auto code : codes) list.push_back(in_range<int>(code));
    return set(std::move(list));
  }
  template <whole Code>
  auto operator=(Code code) const {
    return set(std::vector<int>(1, in_range<int>(code)));
  }
  auto operator=(braces) const { return *this = 0; }
  template <class T>
    requires(!whole<std::remove_cvref_t<T>> && !numbers<T>)
  auto operator=(T&&) const {
    static_assert(never<T>, "coproc: ok_codes takes a returncode, or a range of returncodes");
    return set(std::vector<int>());
  }
};

}  // namespace coproc::detail
