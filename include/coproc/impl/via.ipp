// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/launch_hooks.hpp>
#include <coproc/detail/child/stop.hpp>
#include <coproc/detail/os/launch_checks.hpp>
#include <coproc/via.hpp>

namespace coproc {
namespace detail {

/// What /bin/sh does on the far side: it runs far_script in a session of that one's own, where it
/// is reached neither by signals to the carrier's group nor by the end of this shell, which the
/// carrier kills. So there is somebody to end the command, whenever this shell has died. (The last
/// line keeps it from being replaced by what it runs.)
/// Its arguments: far_script and, but for the first, what that takes.
inline constexpr char far_shell[] =
    R"sh(# coproc: runs a command, and ends it when whoever has sent it is gone
f=$1 n=; shift; command -v setsid >/dev/null && n=setsid
$n /bin/sh -c "$f" sh $$ "$@"
exit $?)sh";

/// Its arguments: the number of far_shell's process, the directory or nothing, the grace in tenths
/// of a second, the signal, the carrier's code or nothing, "own" where the command has a stdin of
/// its own; then the command.
///
/// The command runs in the foreground of a pipe's first side, not as a background job, in which
/// dash would ignore SIGINT; its number and its status come by that pipe. The second side has the
/// watcher. That waits for the end of the lifeline, which may bring another grace. Where stdin is
/// the command's own, it waits until nobody reads its output any more or far_shell has been killed:
/// GNU's tail looks for both once a second; without GNU there is no such watcher.
/// Then it ends the command's group: a signal, the grace, SIGKILL, and this shell waits for it.
/// Where the command has ended by itself the watcher is told to end, by SIGALRM, since a host may
/// ignore SIGTERM, and no shell can change that. Not so where far_shell has gone, too: what is left
/// of the group is to end then. (No tail may be left, also where the watcher is told so before it
/// knows the number: the tail holds the output open. It gets SIGKILL, since a gentler signal is
/// lost where it comes before the exec: until then the shell's own handler is there.)
inline constexpr char far_script[] =
    R"sh(
h=$1 d=$2 g=$3 s=$4 c=$5 i=$6 e=; shift 6
[ -z "$d" ] || CDPATH= cd -P -- "$d" || exit 126
exec 3<&0 4>&1 5>&2
if [ -z "$i" ]; then
  if [ /dev/stdin -ef /dev/null ]; then
    echo 'coproc: no stdin comes through to here (docker exec needs -i)' >&2; exit 126
  fi
  exec </dev/null
fi
n= m=; command -v setsid >/dev/null && n=setsid m=-
{
  $n /bin/sh -c 'echo $$ :; exec "$@" >&4 2>&5 3<&- 4>&- 5>&-' sh "$@"
  echo $?
} 2>/dev/null | {
  read p y
  if [ -z "$y" ]; then r=$p; else
    (
      exec 5>&-
      if [ -z "$i" ]; then exec 4>&-; read x <&3; else
        case $(tail --version) in *GNU*) ;; *) exit ;; esac
        trap 'e=1; kill -KILL $t' ALRM
        tail -f --pid=$h /dev/null >&4 3<&- & t=$!
        [ -z "$e" ] || kill -KILL $t
        wait $t; [ -z "$e" ] || exit
      fi
      trap '' ALRM; exec 3<&- 4>&-
      kill -$s $m$p; kill -CONT $m$p; x=${x:-$g}
      while kill -0 $m$p; do
        [ $x -gt 0 ] || { kill -KILL $m$p; break; }
        x=$((x-1)); sleep .1 || { sleep 1; x=$((x-9)); }
      done
    ) >/dev/null 2>&1 & w=$!
    exec 3<&- 4>&- 5>&-
    read r; { kill -0 $h && kill -ALRM $w; wait $w; } 2>/dev/null
  fi
  r=${r:-137}; [ "$r" != "$c" ] || r=$((r>1?r-1:2))
  exit $r
})sh";

COPROC_INLINE command carried(const std::function<command(command)>& carry, const command& what) {
  check_launch(what.words(), what.options());
  command written = what;
  written.options().via = nullptr;
  return as_the_call_needs("via", written, carry(written));
}

/// The returncode by which a carrier is known to say that it did not get there.
/// @param name of its program, without folders
COPROC_INLINE std::optional<int> known_carrier_code(const std::string& name) {
  if (name == "srun" || name == "ssh") return 255;
  if (name == "docker" || name == "podman" || name == "nerdctl") return 125;
  return std::nullopt;
}

/// Refuses a keyword that cannot travel.
COPROC_INLINE void check_travels(const command& what, bool elsewhere) {
  const options& chosen = what.options();
  const auto refuse = [&what](bool given, const char* keyword) {
    if (!given) return;
    fail_launch(what.words(), "via", asio::error::operation_not_supported,
                std::string("cannot carry ") + keyword, keyword);
  };
  refuse(chosen.argv0.has_value(), "argv0");
  if (!elsewhere) return;
#if defined(_WIN32)
  refuse(chosen.raw_text, "a text for cmd.exe");
#else
  refuse(!chosen.pass_fds.empty(), "pass_fds");
  refuse(chosen.as_user.has_value(), "as_user");
  refuse(chosen.as_group.has_value(), "as_group");
  refuse(chosen.extra_groups.has_value(), "extra_groups");
  refuse(chosen.new_umask.has_value(), "new_umask");
  refuse(chosen.niceness.has_value(), "niceness");
  refuse(!chosen.resource_limits.empty(), "resource_limit");
#endif
  refuse(chosen.terminal.has_value(), "terminal");
  for (const stdio& stream : chosen.streams)
    refuse(stream.source == stdio::kind::terminal, "terminal");
}

COPROC_INLINE std::string far_signal([[maybe_unused]] const options& chosen) {
#if defined(_WIN32)
  return "TERM";
#else
  const int number = chosen.stop_signal.value_or(signal_numbers::term);
  const std::string name = signal_name(number);
  return name.starts_with("SIG") ? name.substr(3) : std::to_string(number);
#endif
}

/// Whether the command's stdin has to come through: it says so, or is a carrier with a lifeline.
COPROC_INLINE bool has_own_stdin(const options& chosen) {
  const stdio& in = chosen.streams[0];
  return chosen.lifeline || (in.given && in.source != stdio::kind::devnull);
}

/// The words in front of the command that change its environment. Without changes there are none:
/// the far shell's exec takes every word for a program, as env does, and costs less.
COPROC_INLINE std::vector<std::string> environment_words(const command& what) {
  const options& chosen = what.options();
  const bool option_like = what.program().starts_with('-');
  if (chosen.environment.empty() && !chosen.replace_environment && !option_like) return {};
  if (what.program().find('=') != what.program().npos)
    fail_launch(what.words(), "via", asio::error::invalid_argument,
                "env there would take it for a variable", what.words().front());
  std::vector<std::string> words{"env"};
  if (chosen.replace_environment) words.emplace_back("-i");
  for (const auto& [name, value] : chosen.environment)
    if (!value && !chosen.replace_environment) words.insert(words.end(), {"-u", name});
  words.emplace_back("--");
  for (const auto& [name, value] : chosen.environment)
    if (value) words.push_back(name + '=' + *value);
  return words;
}

/// What a carrier's program is given for @p what.
/// @param code the carrier's own returncode, if it has one
COPROC_INLINE command far_side(const command& what, const std::optional<int>& code) {
  const options& chosen = what.options();
  std::string directory = chosen.cwd ? path_text(*chosen.cwd) : "";
  if (chosen.cwd && directory.empty())
    fail_launch(
        what.words(), "chdir",
        boost::system::errc::make_error_code(boost::system::errc::no_such_file_or_directory), "''");
  if (directory == "-") directory = "./-";  // which cd would take for the one before
  return what.reworded("/bin/sh", "-c", far_shell, "sh", far_script, directory,
                       far_grace(chosen.grace.value_or(default_grace)), far_signal(chosen),
                       code ? std::to_string(*code) : "", has_own_stdin(chosen) ? "own" : "",
                       environment_words(what), what);
}

/// The words as one text for the login shell of another machine; a secret, if one of them is.
COPROC_INLINE command as_shell_text(const command& carrier, const command& there) {
  const std::string text = "exec " + join(there.words());
  return there.has_secret() ? there.reworded(carrier, secret(text)) : there.reworded(carrier, text);
}

}  // namespace detail

COPROC_INLINE command carrier::operator()(const command& what) const {
  detail::check_travels(what, kind_ != kind::prefix);
  const std::string path(words_.program());
  const std::string program = path.substr(path.rfind('/') + 1);
  const auto code = code_ || kind_ == kind::prefix ? code_ : detail::known_carrier_code(program);
  command carried = what.reworded(words_, what);
  if (kind_ != kind::prefix) {
    const command there = detail::far_side(what, code);
    carried =
        kind_ == kind::ssh ? detail::as_shell_text(words_, there) : there.reworded(words_, there);
    detail::options& here = carried.options();
    here.cwd.reset();
    here.replace_environment = false;
    here.environment.clear();
    if (program == "srun") here.environment["SLURM_EXIT_ERROR"] = std::to_string(code.value_or(1));
    if (!detail::has_own_stdin(here)) {
      here.streams[0] = detail::stdio(detail::stdio::kind::piped);
      here.lifeline = true;
    }
#if defined(__linux__)
    // Without a lifeline the far side is told by the carrier's end alone.
    else if (!here.lifeline)
      here.kill_on_parent_death = true;
#endif
  }
  if (code) carried.options().carrier_codes.push_back(*code);
  const std::string name = kind_ == kind::ssh ? "ssh " + words_.words().back() : to_string(words_);
  std::string& by = carried.options().carried_by;
  by = by.empty() ? name : name + ' ' + by;
  return carried;
}

}  // namespace coproc
