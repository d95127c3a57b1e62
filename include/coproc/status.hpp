// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <concepts>
#include <coproc/awaitable.hpp>
#include <cstddef>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace coproc {

/// The returncode of a child whose end was seen but whose status nobody here could read: the host
/// ignores SIGCHLD, or other code in it has reaped the child.
inline constexpr int unknown_returncode = std::numeric_limits<int>::min();

/// What an ended child has used, by itself and by those of its descendants that it waited for.
class usage {
 public:
  /// Zero everywhere.
  usage() = default;
  /// @private For the library's own use.
  usage(std::chrono::microseconds user_time, std::chrono::microseconds system_time,
        std::size_t peak_bytes)
      : user(user_time), system(system_time), peak_rss(peak_bytes) {}

  std::chrono::microseconds user{};    ///< CPU time in user mode
  std::chrono::microseconds system{};  ///< CPU time in the kernel
  /// Largest resident set, in bytes. On Linux never less than that of the launching program at
  /// the launch: the kernel carries the high-water mark over an exec.
  std::size_t peak_rss = 0;
};

/// Why a child, or the operation that ran it, came to its end.
enum class end_reason {
  exited,        ///< by itself, with an exit status
  signalled,     ///< by a signal
  timed_out,     ///< `timeout` or `idle_timeout` had passed
  cancelled,     ///< the operation was cancelled
  output_limit,  ///< there was more than `max_output`
  unreachable,   ///< what was to carry it elsewhere (`via`) did not get there
  unknown        ///< nobody here could read its status, or there is none
};

/// Its name, as it is written here.
inline std::string_view to_string(end_reason reason) {
  switch (reason) {
    case end_reason::exited: return "exited";
    case end_reason::signalled: return "signalled";
    case end_reason::timed_out: return "timed_out";
    case end_reason::cancelled: return "cancelled";
    case end_reason::output_limit: return "output_limit";
    case end_reason::unreachable: return "unreachable";
    case end_reason::unknown: break;
  }
  return "unknown";
}
/// The same.
inline std::ostream& operator<<(std::ostream& stream, end_reason reason) {
  return stream << to_string(reason);
}

/// The name of a signal, "SIGTERM", or "signal 40" where it has none.
std::string signal_name(int number);

/// A returncode in words: "exit status 3", "killed by SIGTERM", "ended, status unknown".
std::string describe(int returncode);

/// A returncode, or nothing while the child runs: process::returncode(). It prints as the number,
/// or as "running".
class optional_returncode : public std::optional<int> {
 public:
  using std::optional<int>::optional;
  /// The same as that.
  optional_returncode(std::optional<int> code) : std::optional<int>(code) {}
  /// Whether both are the same.
  template <std::same_as<optional_returncode> One, std::same_as<optional_returncode> Other>
  friend bool operator==(const One& one, const Other& other) {
    return static_cast<const std::optional<int>&>(one) ==
           static_cast<const std::optional<int>&>(other);
  }
  /// Writes it.
  friend std::ostream& operator<<(std::ostream& stream, const optional_returncode& code) {
    return code ? stream << *code : stream << "running";
  }
};

/// What a child wrote: `auto [out, err] = co_await process.communicate();`
class output {
 public:
  /// Empty.
  output() = default;
  /// @private For the library's own use.
  output(std::string out_bytes, std::string err_bytes)
      : out(std::move(out_bytes)), err(std::move(err_bytes)) {}

  std::string out;  ///< all of stdout, empty where it is not `piped`
  std::string err;  ///< all of stderr, empty where it is not `piped`
  /// The child has ended, but somebody (a grandchild, say) still held one of its pipes open:
  /// what was in them by then is here, what is written later is not.
  bool pipe_still_open = false;
  /// How many bytes `max_output` has left out; with head_and_tail between the two halves.
  std::size_t out_dropped = 0,
              err_dropped = 0;  ///< the same of stderr

  /// @private For `auto [out, err]`.
  template <std::size_t I, class Self>
    requires std::same_as<std::remove_cvref_t<Self>, output>
  friend auto&& get(Self&& self) noexcept {
    if constexpr (I == 0) return (std::forward<Self>(self).out);
    else return (std::forward<Self>(self).err);
  }
};

/// A line of either output of a child, without its newline: process::next_line().
class tagged_line {
 public:
  /// @private For the library's own use.
  tagged_line(int number, std::string text) : fd(number), line(std::move(text)) {}
  int fd;            ///< where it was written: 1 for stdout, 2 for stderr
  std::string line;  ///< its text
};

/// What came by of several texts: `auto found = co_await reader.until("yes/no", "password: ");`
class found_text {
 public:
  /// @private For the library's own use.
  found_text(std::size_t number, std::string bytes) : index(number), text(std::move(bytes)) {}
  std::size_t index;  ///< which of them, from 0
  std::string text;   ///< all up to and with it
};

}  // namespace coproc

/// @cond
template <>
struct std::tuple_size<coproc::output> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I>
struct std::tuple_element<I, coproc::output> {
  using type = std::string;
};
/// @endcond

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/status.ipp>
#endif
