// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the launches of all systems have in common: their steps, what they refuse, how they fail.

#include <coproc/command.hpp>
#include <coproc/error.hpp>
#include <string>
#include <string_view>

namespace coproc::detail {

/// What a launch consists of, for reports.
enum class step : int {
  none,
  arguments,
  environment,
  open,
  pipe,
  terminal,
  clone,
  dup2,
  close_range,
  pass_fds,
  new_session,
  process_group,
  resource_limit,
  niceness,
  extra_groups,
  as_group,
  as_user,
  kill_on_parent_death,
  chdir,
  exec
};

inline std::string_view step_name(step which) {
  static constexpr std::string_view names[] = {"",
                                               "arguments",
                                               "environment",
                                               "open",
                                               "pipe",
                                               "terminal",
                                               "clone",
                                               "dup2",
                                               "close_range",
                                               "pass_fds",
                                               "new_session",
                                               "process_group",
                                               "resource_limit",
                                               "niceness",
                                               "extra_groups",
                                               "as_group",
                                               "as_user",
                                               "kill_on_parent_death",
                                               "chdir",
                                               "exec"};
  return names[static_cast<std::size_t>(which)];
}

inline std::string stream_name(std::size_t fd) {
  static constexpr const char* names[] = {"std_in", "std_out", "std_err"};
  return names[fd];
}

[[noreturn]] inline void fail_launch(const command& what, step which, error_code why,
                                     const std::string& object) {
  std::string message = what.program().empty() ? "''" : std::string(what.program());
  message += ": ";
  // A missing program is by far the most common: say that in the plain words of a shell.
  if (which != step::exec) (message += step_name(which)) += ' ' + object + ": ";
  message += why.message();
  throw launch_error(why, step_name(which), message);
}

/// What cannot be handed to a program is refused before anything is made.
inline void check_launch(const command& what) {
  const auto refuse = [&what](step which, const std::string& object) {
    fail_launch(what, which, asio::error::invalid_argument, object);
  };
  const auto refuse_nul = [&refuse](step which, const auto& text, const std::string& object) {
    if (text.find(typename std::remove_cvref_t<decltype(text)>::value_type()) != text.npos)
      refuse(which, object + " holds a NUL byte");
  };
  const auto& words = what.words();
  const options& how = what.options();
  if (words.empty() || words[0].empty()) refuse(step::arguments, "the program's name is empty");
  for (std::size_t i = 0; i < words.size(); ++i)
    refuse_nul(step::arguments, words[i], "argument " + std::to_string(i));
  if (how.argv0) refuse_nul(step::arguments, *how.argv0, "argv0");
  if (how.cwd) refuse_nul(step::chdir, how.cwd->native(), "cwd");
  for (const auto& [name, value] : how.environment) {
    if (name.empty()) refuse(step::environment, "a variable's name is empty");
    if (name.find('=') != std::string::npos)
      refuse(step::environment, "the name '" + name + "' has a '='");
    refuse_nul(step::environment, name, "a variable's name");
    if (value) refuse_nul(step::environment, *value, "the value of '" + name + "'");
  }
  for (std::size_t fd = 0; fd < 3; ++fd)
    refuse_nul(step::open, how.streams[fd].path.native(), stream_name(fd));
}

}  // namespace coproc::detail
