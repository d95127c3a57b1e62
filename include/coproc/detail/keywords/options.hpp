// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the keywords of a command set, as plain data.

#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/types.h>
#endif

#include <chrono>
#include <concepts>
#include <coproc/awaitable.hpp>
#include <coproc/detail/keywords/input_source.hpp>
#include <coproc/detail/keywords/os_handle.hpp>
#include <coproc/detail/keywords/setting.hpp>
#include <coproc/terminal_size.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coproc {

class command;
class completed;

namespace detail {

/// Any duration in nanoseconds. One that is too long becomes the longest there is, so that
/// `hours::max()` is a way to say never.
template <class Rep, class Period>
std::chrono::nanoseconds to_nanoseconds(std::chrono::duration<Rep, Period> time) {
  using std::chrono::nanoseconds;
  using real = std::chrono::duration<long double, std::nano>;
  if (real(time) >= real(nanoseconds::max())) return nanoseconds::max();
  if (real(time) <= real(nanoseconds::min())) return nanoseconds::min();
  return std::chrono::duration_cast<nanoseconds>(time);
}

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

/// Says what a time is.
template <class T>
constexpr void refuse_as_time() {
  static_assert(is_duration<T>, "coproc: a time is a duration, with its unit: 5s, 500ms");
}

/// Gets a copy of what a child writes, as it comes, or line by line without the newlines.
class sink {
 public:
  explicit sink(bool whole_lines) : lines(whole_lines) {}
  // One of them is set:
  std::function<void(std::string_view)> call;
  std::function<awaitable<void>(std::string_view)> start;
  bool lines;
  bool failed = false;  // the stream has not taken the last piece
};

template <class T>
concept number = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                 !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                 !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;
/// What a keyword that keeps a number takes: a number, or an enumerator that converts to one.
template <class T>
concept whole = number<T> ||(std::is_enum_v<T>&& std::convertible_to<T, int>);

/// A number as the keyword that it is given to keeps it.
/// @throws std::invalid_argument where that has no such number
template <std::integral Kept, class Given>
Kept in_range(Given given) {
  const auto value = +given;
  if (std::in_range<Kept>(value)) return static_cast<Kept>(value);
  throw std::invalid_argument("coproc: " + std::to_string(value) +
                              " is out of the range of the keyword it is given to");
}

/// How much of an output is kept, and what is done when there is more.
class output_bound {
 public:
  enum class policy { fail, cut, head_and_tail };
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  output_bound(Number most) : output_bound(in_range<std::size_t>(most), policy::fail) {}
  output_bound(std::size_t most, policy when_more) : bytes(most), then(when_more) {}
  bool operator==(const output_bound&) const = default;
  std::size_t bytes;
  policy then;
};

/// How often a command is run, if need be.
class retrying {
 public:
  retrying() = default;
  retrying(int count, std::chrono::nanoseconds first_pause,
           std::function<bool(const completed&)> predicate)
      : attempts(count), pause(first_pause), again(std::move(predicate)) {}
  int attempts = 1;
  std::chrono::nanoseconds pause{};
  std::function<bool(const completed&)> again;
};

/// Where one of the child's descriptors 0, 1, 2 comes from.
class stdio {
 public:
  enum class kind { inherit, piped, devnull, terminal, to_stdout, file, append, descriptor };

  stdio() = default;
  explicit stdio(kind from) : source(from), given(true) {}
  stdio(kind from, std::filesystem::path name) : source(from), given(true), path(std::move(name)) {}
  explicit stdio(os_handle descriptor)
      : source(kind::descriptor), given(true), handle(descriptor) {}
  explicit stdio(std::shared_ptr<sink> copies)
      : source(kind::piped), given(true), copy_to(std::move(copies)) {}

  kind source = kind::inherit;
  bool given = false;             // a keyword has said so
  std::filesystem::path path;     // file, append
  os_handle handle = no_handle;   // descriptor
  std::FILE* file = nullptr;      // that has the descriptor: its text goes first
  std::shared_ptr<sink> copy_to;  // piped, with a tee
};

template <class T>
concept path_like = !text<T> && std::convertible_to<const T&, std::filesystem::path>;
/// What can be one argument, or a variable's value: a string, a path or an integer.
template <class T>
concept word = text<T> || path_like<T> || number<T>;

/// A path as text: UTF-8 on Windows, its own bytes elsewhere.
inline std::string path_text(const std::filesystem::path& path) {
#if defined(_WIN32)
  const std::u8string text = path.u8string();
  return std::string(text.begin(), text.end());
#else
  return path.string();
#endif
}
/// The same the other way.
inline std::filesystem::path path_of(const std::string& text) {
#if defined(_WIN32)
  return std::u8string(text.begin(), text.end());
#else
  return text;
#endif
}

/// The text that stands for a value in an argument list.
template <word T>
std::string to_word(const T& value) {
  if constexpr (text<T>) return to_bytes(value);
  else if constexpr (path_like<T>) return path_text(static_cast<std::filesystem::path>(value));
  else return std::to_string(value);
}

#if !defined(_WIN32)
/// A user or group: a number, or a name to look up.
class account {
  static_assert(std::same_as<uid_t, gid_t>);

 public:
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  account(Number id) : number(std::in_range<uid_t>(id) ? static_cast<uid_t>(id) : nobody) {}
  template <text Name>
  account(const Name& called) : has_name(true), name(to_word(called)) {}

  /// Nobody has that number: in the system's calls it says "no change". It is refused.
  static constexpr uid_t nobody = static_cast<uid_t>(-1);

  uid_t number = nobody;
  bool has_name = false;
  std::string name;
};
#endif

/// All that the keywords can say of one command.
class options {
 public:
  /// Where a stream comes from, of all that has been said.
  stdio::kind source_of(std::size_t fd) const {
    return terminal && !streams[fd].given ? stdio::kind::terminal : streams[fd].source;
  }

  stdio streams[3];
  std::optional<terminal_size> terminal;  // also where no stream is one
  std::optional<std::filesystem::path> cwd;
  std::optional<std::string> argv0;
  std::optional<std::filesystem::path> executable;  // the shell

  bool replace_environment = false;
  std::map<std::string, std::optional<std::string>, std::less<>> environment;  // nullopt: unset

  std::optional<int> process_group;  // 0: one of its own
  bool kill_on_parent_death = false;

#if defined(_WIN32)
  bool raw_text = false;  // the last word is a text for cmd.exe, not an argument
#else
  bool new_session = false;
  bool reset_signals = false;
  std::optional<int> stop_signal;
  std::optional<account> as_user;
  std::optional<account> as_group;
  std::optional<std::vector<account>> extra_groups;
  std::optional<mode_t> new_umask;
  std::optional<int> niceness;
  std::map<int, rlimit> resource_limits;
  std::map<int, int> pass_fds;  // number in the child -> descriptor here
#endif

  std::size_t limit = 64 * 1024;

  // Turns the command into the one that is launched here.
  std::shared_ptr<const std::function<command(const command&)>> via;
  // Of what that gives:
  bool lifeline = false;           // stdin is the pipe whose end tells the far side to end
  std::vector<int> carrier_codes;  // returncodes by which a carrier says that it did not get there
  std::string carried_by;          // for who reads a trace

  // For capture.
  std::optional<input_source> input;
  std::optional<output_bound> max_output;
  std::optional<std::chrono::nanoseconds> timeout, idle_timeout, grace;
  std::vector<int> ok_codes{0};
  retrying retry;
};

/// What `keyword = value` gives for a keyword of commands.
template <class Change>
auto set_option(Change change) {
  return make_setting<options>(std::move(change));
}

template <class T>
concept command_setting = setting_of<T, options>;

}  // namespace detail
}  // namespace coproc
