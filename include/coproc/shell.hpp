// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/exec.hpp>

namespace coproc {
namespace detail {

/// A value as one word of the shell's text.
std::string shell_word(const std::string& value);
/// The command that runs a text by the shell.
command shell_command_of(std::string script, options chosen);

/// What stands for a value in a shell's text: quoted words.
template <class T>
std::string shell_words(const T& value) {
  if constexpr (word<T>) return shell_word(to_word(value));
  else {
    static_assert(std::ranges::input_range<const T>,
                  "coproc: a value for a shell's text must be a string, a path, an integer, or a "
                  "range of them");
    std::string words;
    for (const auto& element : value) {
      if (!words.empty()) words += ' ';
      words += shell_words(element);
    }
    return words;
  }
}

inline constexpr std::size_t single_brace = static_cast<std::size_t>(-1);

/// Goes through a text for values: @p plain gets each character as it is to be, @p value is called
/// for each {}. How many there are, or single_brace.
template <class Plain, class Value>
constexpr std::size_t read_braces(std::string_view text, Plain plain, Value value) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view two = text.substr(i, 2);
    if (two == "{}") {
      value(count++);
      ++i;
    } else if (two == "{{" || two == "}}") {
      plain(text[i++]);
    } else if (text[i] == '{' || text[i] == '}') {
      return single_brace;
    } else {
      plain(text[i]);
    }
  }
  return count;
}

/// The text with each {} replaced, {{ and }} as braces.
std::string fill_in(std::string_view text, const std::vector<std::string>& values);

// Not constexpr, so that a call is an error of the compiler, which then says the name.
inline void coproc_shell_the_number_of_braces_is_not_that_of_the_values() {}
inline void coproc_shell_a_single_brace_where_values_are_given_write_it_twice() {}

/// A literal as a shell's text, whose {} are counted when it is compiled.
template <class... Arguments>
class literal_text {
 public:
  template <std::size_t Size>
  consteval literal_text(const char (&text)[Size]) : text_(text, Size - 1) {
    constexpr std::size_t values = (std::size_t{0} + ... + (command_setting<Arguments> ? 0 : 1));
    if (values == 0) return;
    const std::size_t count = read_braces(
        text_, [](char) {}, [](std::size_t) {});
    if (count == single_brace) coproc_shell_a_single_brace_where_values_are_given_write_it_twice();
    else if (count != values) coproc_shell_the_number_of_braces_is_not_that_of_the_values();
  }
  constexpr std::string_view get() const { return text_; }

 private:
  std::string_view text_;
};

/// A text that is known only at run time.
template <class Text>
concept run_time_text = std::convertible_to<Text, std::string_view> &&
    !(std::is_array_v<std::remove_reference_t<Text>> &&
      std::is_const_v<std::remove_extent_t<std::remove_reference_t<Text>>>);

template <class... Arguments>
command make_shell_command(std::string_view text, const Arguments&... arguments) {
  std::vector<std::string> values;
  [[maybe_unused]] const auto collect = [&]<class T>(const T& argument) {
    if constexpr (!command_setting<T>) values.push_back(shell_words(argument));
  };
  (collect(arguments), ...);
  options chosen;
  apply_settings(chosen, arguments...);
  return shell_command_of(values.empty() ? std::string(text) : fill_in(text, values),
                          std::move(chosen));
}

}  // namespace detail

/// `command` for a shell: what shell() runs, to be given to capture, gather or a pipeline:
/// `capture(shell_command("grep -c {} {}", pattern, file))`
template <class... Arguments>
command shell_command(detail::literal_text<std::type_identity_t<Arguments>...> text,
                      const Arguments&... arguments) {
  return detail::make_shell_command(text.get(), arguments...);
}
/// The same with a text that is known only at run time.
/// @throws std::invalid_argument if the number of `{}` is not that of the values
template <detail::run_time_text Text, class... Arguments>
command shell_command(Text&& text, const Arguments&... arguments) {
  return detail::make_shell_command(text, arguments...);
}

/// Runs a text by `/bin/sh -c`: `co_await shell("grep -c {} {} | sort", pattern, file, std_out =
/// piped)`.
///
/// Each value, a string, a path, an integer or a range of them, is put in place of a `{}`, quoted,
/// so that it arrives as that very text and can never become code; `{{` and `}}` stand for braces.
/// Without values the text is taken as it is. (Do not put quotes around a `{}`.) That there are as
/// many `{}` as values is checked by the compiler where the text is a literal, at run time where it
/// is a std::string or the like.
/// @return the running shell. What the shell cannot find is not an error here: its returncode is
/// then 127, and its stderr says why.
/// @throws launch_error if the shell itself cannot be started; std::invalid_argument if the number
/// of `{}` is not that of the values
/// @source asyncio.create_subprocess_shell
/// @shown{shell_command.cpp}
template <class... Arguments>
awaitable<process> shell(detail::literal_text<std::type_identity_t<Arguments>...> text,
                         const Arguments&... arguments) {
  detail::refuse_for_capture<Arguments...>();
  return detail::start(detail::make_shell_command(text.get(), arguments...));
}
/// The same with a text that is known only at run time.
template <detail::run_time_text Text, class... Arguments>
awaitable<process> shell(Text&& text, const Arguments&... arguments) {
  detail::refuse_for_capture<Arguments...>();
  return detail::start(detail::make_shell_command(text, arguments...));
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/shell.ipp>
#endif
