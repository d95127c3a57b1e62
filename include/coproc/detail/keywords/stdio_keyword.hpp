// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `std_in = value` and its like mean.

#if defined(_WIN32)
#include <io.h>
#endif

#include <coproc/detail/keywords/options.hpp>
#include <cstdint>
#include <cstdio>
#include <ostream>

namespace coproc {

class reader;
class writer;

namespace detail {

class piped_t {};
class inherit_t {};
class devnull_t {};
class to_stdout_t {};
/// A value of the keywords for streams, and a keyword.
class terminal_t {
 public:
  template <class Size>
  auto operator=(const Size& shown) const {
    constexpr bool is_size = std::same_as<Size, terminal_size>;
    static_assert(is_size, "coproc: terminal takes size(rows, columns)");
#if defined(_WIN32)
    static_assert(never<Size>, "coproc: terminal is for POSIX systems only");
#endif
    return set_option([shown](options& target) {
      if constexpr (is_size) target.terminal = shown;
    });
  }
};
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
  refuse_unsafe_temporary<Target>();
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
  template <class T>
    requires(!has_native_handle<T> && !text<T> && !path_like<T> && !std::is_null_pointer_v<T> &&
             (!std::convertible_to<T, int> || std::same_as<std::remove_cvref_t<T>, bool> ||
              std::floating_point<std::remove_cvref_t<T>>)&&!std::convertible_to<T, std::FILE*>)
  auto operator=(T&&) const {
    using type = std::remove_cvref_t<T>;
    static_assert(!std::same_as<type, reader> && !std::same_as<type, writer>,
                  "coproc: a stream of another child is no descriptor; join them: exec(a | b)");
    static_assert(!std::same_as<type, bool>,
                  "coproc: true and false are no streams; devnull is /dev/null");
    static_assert(
        std::same_as<type, reader> || std::same_as<type, writer> || std::same_as<type, bool>,
        "coproc: a stream is inherit, piped, devnull, terminal, a path, append(path), a "
        "descriptor, a FILE*, what has native_handle(), or for an output tee(target)");
    return set(stdio());
  }

 private:
  static auto set(stdio value) {
    return set_option(
        [value = std::move(value)](options& target) { target.streams[Number] = value; });
  }
};

}  // namespace detail
}  // namespace coproc
