// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the launches of all systems have in common: what they refuse, and how they fail.

#include <coproc/detail/keywords/options.hpp>
#include <coproc/error.hpp>
#include <string>
#include <string_view>

namespace coproc::detail {

/// The program and its arguments, as a command has them.
using word_list = std::vector<std::string>;

inline std::string stream_name(std::size_t fd) {
  static constexpr const char* names[] = {"std_in", "std_out", "std_err"};
  return names[fd];
}

/// Throws with the message "program: about reason".
/// @param step a literal, see launch_error::step()
[[noreturn]] inline void throw_launch_error(const word_list& words, const char* step,
                                            error_code why, const std::string& about,
                                            std::string object) {
  const std::string name = words.empty() || words[0].empty() ? "''" : words[0];
  throw launch_error(why, step, name + ": " + about + why.message(), std::move(object));
}

/// @param text of the message: the object, and what has to be said of it
/// @param object see launch_error::object(); empty: the text is it
[[noreturn]] inline void fail_launch(const word_list& words, const char* step, error_code why,
                                     const std::string& text, std::string object = std::string()) {
  // A missing program is by far the most common failure: say that in the plain words of a shell.
  const bool is_exec = std::string_view(step) == "exec";
  if (object.empty() && is_exec && !words.empty()) object = words[0];
  if (object.empty()) object = text.empty() ? step : text;
  const std::string about = step + (text.empty() ? text : ' ' + text) + ": ";
  throw_launch_error(words, step, why, is_exec ? std::string() : about, std::move(object));
}

/// Refuses what cannot be handed to a program, before anything is made.
inline void check_launch(const word_list& words, const options& chosen) {
  const auto refuse = [&words](const char* step, const std::string& text,
                               const std::string& object) {
    throw_launch_error(words, step, asio::error::invalid_argument, step + (": " + text) + ": ",
                       object);
  };
  const auto refuse_nul = [&refuse](const char* step, const auto& text, const std::string& object) {
    if (text.find(typename std::remove_cvref_t<decltype(text)>::value_type()) != text.npos)
      refuse(step, object + " holds a NUL byte", object);
  };
  if (words.empty() || words[0].empty())
    refuse("arguments", "the program's name is empty", "program");
  for (std::size_t i = 0; i < words.size(); ++i)
    refuse_nul("arguments", words[i], "argument " + std::to_string(i));
  if (chosen.argv0) refuse_nul("arguments", *chosen.argv0, "argv0");
  if (chosen.cwd) refuse_nul("chdir", chosen.cwd->native(), "cwd");
  for (const auto& [name, value] : chosen.environment) {
    if (name.empty()) refuse("environment", "a variable's name is empty", "name");
    if (name.find('=') != std::string::npos)
      refuse("environment", "the name '" + name + "' has a '='", name);
    refuse_nul("environment", name, "a variable's name");
    if (value) refuse_nul("environment", *value, "the value of '" + name + "'");
  }
  for (std::size_t fd = 0; fd < 3; ++fd)
    refuse_nul("open", chosen.streams[fd].path.native(), stream_name(fd));
}

}  // namespace coproc::detail
