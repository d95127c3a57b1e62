// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/exec.hpp>

namespace coproc {
namespace detail {

/// What stands for a value in a shell's text: quoted words.
template <class T>
std::string shell_words(const T& value) {
  if constexpr (word<T>) return quote(to_word(value));
  else {
    static_assert(std::ranges::input_range<const T>,
                  "coproc: a value for a shell's text must be a string, a path, an integer, or a "
                  "range of them");
    std::string words;
    for (const auto& one : value) {
      if (!words.empty()) words += ' ';
      words += shell_words(one);
    }
    return words;
  }
}

/// The text with each {} replaced, {{ and }} as braces.
inline std::string fill_in(std::string_view text, const std::vector<std::string>& values) {
  std::string filled;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view two = text.substr(i, 2);
    if (two == "{}") {
      if (used < values.size()) filled += values[used];
      ++used;
      ++i;
    } else if (two == "{{" || two == "}}") {
      filled += text[i++];
    } else if (text[i] == '{' || text[i] == '}') {
      throw std::invalid_argument(
          "coproc: shell: a single brace in '" + std::string(text) +
          "'; where values are given {} stands for one, and {{ and }} for braces");
    } else {
      filled += text[i];
    }
  }
  if (used != values.size())
    throw std::invalid_argument("coproc: shell: '" + std::string(text) + "' has " +
                                std::to_string(used) + " {} for " + std::to_string(values.size()) +
                                " values");
  return filled;
}

}  // namespace detail

/// `command` for a shell: what shell() runs, to be given to capture, gather or a pipeline:
/// `capture(shell_command("grep -c {} {}", pattern, file))`
template <class... Arguments>
command shell_command(std::string_view text, const Arguments&... arguments) {
  std::vector<std::string> values;
  [[maybe_unused]] const auto collect = [&]<class T>(const T& argument) {
    if constexpr (!detail::is_setting<T>) values.push_back(detail::shell_words(argument));
  };
  (collect(arguments), ...);
  const std::string script = values.empty() ? std::string(text) : detail::fill_in(text, values);
  // A text that starts as an option would must not be taken for one.
  const bool option_like = script.starts_with('-') || script.starts_with('+');
  command what("/bin/sh", "-c");
  if (option_like) what = command(what, "--");
  what = command(what, script);
  [[maybe_unused]] const auto apply = [&]<class T>(const T& argument) {
    if constexpr (detail::is_setting<T>) argument.apply(what.options());
  };
  (apply(arguments), ...);
  return what;
}

/// Runs a text by `/bin/sh -c`: `co_await shell("grep -c {} {} | sort", pattern, file, std_out =
/// piped)`.
///
/// Each value, a string, a path, an integer or a range of them, is put in place of a `{}`, quoted,
/// so that it arrives as that very text and can never become code; `{{` and `}}` stand for braces.
/// Without values the text is taken as it is. (Do not put quotes around a `{}`.)
/// @return the running shell. What the shell cannot find is not an error here: its returncode is
/// then 127, and its stderr says why.
/// @throws launch_error if the shell itself cannot be started; std::invalid_argument if the number
/// of `{}` is not that of the values
/// @par Source asyncio.create_subprocess_shell
/// @par Example examples/shell_command.cpp
template <class... Arguments>
awaitable<process> shell(std::string_view text, const Arguments&... arguments) {
  return detail::start(shell_command(text, arguments...));
}

}  // namespace coproc
