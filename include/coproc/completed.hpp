// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <coproc/command.hpp>
#include <coproc/error.hpp>
#include <coproc/status.hpp>

namespace coproc {

/// A command that has run to its end, from capture. True in a condition if it has succeeded.
/// @source Python's subprocess.CompletedProcess
class completed : public output {
 public:
  /// An empty one, which has not succeeded: for what needs a value before there is a result, as
  /// Asio's futures and callbacks do.
  completed() = default;
  /// @private For the library's own use.
  /// @param dropped_end the last of what was left out of stderr, for the message of check()
  completed(class command captured, output written, std::string dropped_end = std::string())
      : output(std::move(written)),
        command(std::move(captured)),
        dropped_end_(std::move(dropped_end)) {}

  class command command;                 ///< what was run
  int returncode = unknown_returncode;   ///< 0..255, or -N for signal N, or unknown_returncode
  end_reason why = end_reason::unknown;  ///< how it came to its end
  class usage usage;                     ///< CPU times and peak memory
  std::chrono::nanoseconds elapsed{};    ///< from before the launch to the end
  int attempts = 1;                      ///< how often it was run, see `retry`

  /// Whether the returncode is 0, or one of `ok_codes`, and the command's own.
  bool succeeded() const {
    return why != end_reason::unreachable &&
           std::ranges::count(command.options().ok_codes, returncode) > 0;
  }
  /// succeeded().
  explicit operator bool() const { return succeeded(); }

  /// Itself, if it has succeeded: `auto text = (co_await capture("uname")).check().out;`
  /// @throws exit_error whose text has the command, what happened, and the last lines of stderr
  const completed& check() const& {
    if (!succeeded()) throw_exit_error();
    return *this;
  }
  /// The same for a temporary, by value: what it refers to does not outlive it.
  completed check() && {
    if (!succeeded()) throw_exit_error();
    return std::move(*this);
  }

  /// @private Answered by a sentence.
  template <std::size_t, class Self>
    requires std::same_as<std::remove_cvref_t<Self>, completed>
  friend std::string get(Self&&) {
    static_assert(detail::never<Self>,
                  "coproc: a completed has more than two members: use .out, .err, .returncode; "
                  "process::communicate gives the two");
    return std::string();
  }

 private:
  [[noreturn]] void throw_exit_error() const;

  std::string dropped_end_;
};

}  // namespace coproc

/// @cond
template <>
struct std::tuple_size<coproc::completed> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I>
struct std::tuple_element<I, coproc::completed> {
  using type = std::string;
};
/// @endcond

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/completed.ipp>
#endif
