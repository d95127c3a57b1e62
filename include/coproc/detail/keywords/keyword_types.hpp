// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `keyword = value` means, for each kind of keyword.

#if defined(_WIN32)
#include <io.h>
#endif

#include <coproc/detail/keywords/options.hpp>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <ranges>

namespace coproc::detail {

class piped_t {};
class inherit_t {};
class devnull_t {};
class terminal_t {};
class to_stdout_t {};
class unset_t {};
class new_group_t {};
class append_t {
 public:
  explicit append_t(std::filesystem::path file) : path(std::move(file)) {}
  std::filesystem::path path;
};

class tee_t {
 public:
  explicit tee_t(std::shared_ptr<sink> copies) : to(std::move(copies)) {}
  std::shared_ptr<sink> to;
};

/// What tee takes: a stream, or a callable that returns nothing or an awaitable.
template <class Target>
std::shared_ptr<sink> make_sink(Target&& target, bool lines) {
  auto to = std::make_shared<sink>(lines);
  if constexpr (std::derived_from<std::remove_cvref_t<Target>, std::ostream>) {
    static_assert(std::is_lvalue_reference_v<Target>,
                  "coproc: tee keeps a reference to the stream");
    to->call = [&target, self = to.get()](std::string_view text) {
      target << text;
      if (self->lines) target << '\n';
      self->failed = !target.flush();
    };
  } else if constexpr (requires(awaitable<void> done, std::string_view text) {
                         done = target(text);
                       }) {
    to->start = std::forward<Target>(target);
  } else {
    static_assert(std::invocable<Target&, std::string_view>,
                  "coproc: tee takes a std::ostream, or a callable that takes a std::string_view");
    to->call = std::forward<Target>(target);
  }
  return to;
}

/// The handle of a descriptor of the C runtime, which still owns it.
#if defined(_WIN32)
inline os_handle handle_of(int descriptor) {
  const std::intptr_t handle = descriptor < 0 ? -1 : ::_get_osfhandle(descriptor);
  return handle == -1 || handle == -2 ? no_handle : reinterpret_cast<os_handle>(handle);
}
#else
inline os_handle handle_of(int descriptor) { return descriptor; }
#endif

template <class T>
concept has_native_handle = requires(T& object) {
  { object.native_handle() } -> std::convertible_to<os_handle>;
};

template <int Number>
class stdio_keyword {
 public:
  constexpr stdio_keyword() = default;

  auto operator=(inherit_t) const { return set(stdio(stdio::kind::inherit)); }
  auto operator=(piped_t) const { return set(stdio(stdio::kind::piped)); }
  auto operator=(devnull_t) const { return set(stdio(stdio::kind::devnull)); }
  auto operator=(terminal_t) const {
#if defined(_WIN32)
    static_assert(Number > 2, "coproc: terminal is for POSIX systems only");
#endif
    return set(stdio(stdio::kind::terminal));
  }
  auto operator=(to_stdout_t) const {
    static_assert(Number == 2, "coproc: to_stdout is for std_err only");
    return set(stdio(stdio::kind::to_stdout));
  }
  auto operator=(append_t file) const {
    static_assert(Number != 0, "coproc: append is for std_out and std_err only");
    return set(stdio(stdio::kind::append, std::move(file.path)));
  }
  auto operator=(tee_t copies) const {
    static_assert(Number != 0, "coproc: tee is for std_out and std_err only");
    return set(stdio(std::move(copies.to)));
  }
  auto operator=(int descriptor) const { return set(stdio(handle_of(descriptor))); }
  auto operator=(bool) const = delete;
  auto operator=(std::FILE* file) const {
    stdio stream(file != nullptr ? handle_of(::fileno(file)) : no_handle);
    stream.file = file;
    return set(std::move(stream));
  }
  template <class Null>
    requires std::is_null_pointer_v<Null>
  auto operator=(Null) const {
    static_assert(!sizeof(Null), "coproc: a null pointer is no stream; devnull is /dev/null");
    return set(stdio());
  }
  template <class T>
    requires has_native_handle<T> || text<T> || path_like<T>
  auto operator=(T&& value) const {
    if constexpr (has_native_handle<T>)
      return set(stdio(static_cast<os_handle>(value.native_handle())));
    else return set(stdio(stdio::kind::file, path_of(to_word(value))));
  }

 private:
  static auto set(stdio value) {
    return set_option(
        [value = std::move(value)](options& target) { target.streams[Number] = value; });
  }
};

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
  using member = std::remove_cvref_t<decltype(std::declval<options&>().*Member)>;

 public:
  constexpr plain_keyword() = default;
  auto operator=(typename value_of<member>::type value) const {
    return set_option([value = std::move(value)](options& target) { target.*Member = value; });
  }
  template <text Text>  // so that a null pointer is refused, and a std::string_view taken
    requires std::same_as<typename value_of<member>::type, std::filesystem::path> ||
        std::same_as<typename value_of<member>::type, std::string>
  auto operator=(const Text& value) const {
    if constexpr (std::same_as<typename value_of<member>::type, std::filesystem::path>)
      return *this = path_of(to_word(value));
    else return *this = to_word(value);
  }
};

template <auto Member>
class duration_keyword {
 public:
  constexpr duration_keyword() = default;
  template <class Rep, class Period>
  auto operator=(std::chrono::duration<Rep, Period> time) const {
    return set_option([time = to_nanoseconds(time)](options& target) { target.*Member = time; });
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
    static_assert(!sizeof(T*), "coproc: this keyword is for POSIX systems only");
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
  static auto set(std::vector<account<gid_t>> list) {
    return set_option([list = std::move(list)](options& target) { target.extra_groups = list; });
  }

 public:
  constexpr extra_groups_keyword() = default;
  template <std::ranges::input_range Groups>
    requires std::constructible_from<account<gid_t>, std::ranges::range_reference_t<Groups>> &&
        (!text<Groups>)auto
        operator=(Groups&& groups) const {
      std::vector<account<gid_t>> list;
      for (auto&& group : groups) list.emplace_back(group);
      return set(std::move(list));
    }
    auto operator=(account<gid_t> group) const {
      std::vector<account<gid_t>> list;
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
    return set_option([codes = std::move(codes)](options& target) { target.ok_codes = codes; });
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
};

/// The whole of an environment; `env = {}` makes an empty one.
class environment {
 public:
  environment() = default;
  template <std::ranges::input_range Variables>
    requires(!std::same_as<std::remove_cvref_t<Variables>, environment>)
  &&requires(std::ranges::range_reference_t<Variables> variable) {
    requires word<std::remove_cvref_t<decltype(variable.first)>>;
    requires word<std::remove_cvref_t<decltype(variable.second)>>;
  }
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint keeps it apart
  environment(Variables&& variables) {
    for (auto&& [name, value] : variables)
      values.insert_or_assign(to_word(name), std::optional(to_word(value)));
  }
  std::map<std::string, std::optional<std::string>, std::less<>> values;
};

class env_keyword {
 public:
  class element {
    auto set(std::optional<std::string> value) const {
      return set_option([name = name_, value = std::move(value)](options& target) {
        target.environment.insert_or_assign(name, value);
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
