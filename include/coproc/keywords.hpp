// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/keywords/env_keyword.hpp>
#include <coproc/detail/keywords/keyword_types.hpp>
#include <coproc/detail/keywords/stdio_keyword.hpp>

namespace coproc {

/// The words that say how a child is launched, for `using namespace coproc::keywords;`. They are
/// in namespace coproc as well. A keyword given twice: the later wins.
namespace keywords {

/// The child's stdin, and by the same words its std_out and std_err: `inherit` (default), `piped`,
/// `devnull`, a path, an open descriptor (int, FILE* or an object with native_handle(), which stays
/// the caller's and open until the child has started), or `terminal`. A path given to std_out or
/// std_err is created or truncated; `append("file")` appends. One file for both is opened once. A
/// descriptor that is non-blocking is made blocking, for the host as well; what a FILE* holds is
/// written first. A relative path is taken from the host's directory.
/// @source asyncio's stdin=, stdout=, stderr=
inline constexpr detail::stdio_keyword<0> std_in;
/// The child's stdout: as std_in; `append`, `tee` and `tee_lines`, too.
inline constexpr detail::stdio_keyword<1> std_out;
/// The child's stderr: as std_out; `to_stdout`, too.
inline constexpr detail::stdio_keyword<2> std_err;

/// What the host itself has there; closed where the host's is. (Python's `None`.)
inline constexpr detail::inherit_t inherit;
/// A pipe to this process: process::std_in(), std_out(), std_err(). (`asyncio.subprocess.PIPE`)
inline constexpr detail::piped_t piped;
/// /dev/null. (`asyncio.subprocess.DEVNULL`)
inline constexpr detail::devnull_t devnull;
/// For a stream: the child's terminal, one for all the streams that say so. It is a new
/// pseudo-terminal of 24 rows and 80 columns; the child leads a new session with it as its
/// controlling terminal, and this process has its other side. Where both outputs are the terminal,
/// what is written to either comes as stdout.
///
/// `terminal = size(50, 132)`: of that size, from before the child's start. All streams of which
/// nothing is said are the terminal; with capture, both outputs. Where none is, programs find it as
/// /dev/tty, which is where ssh, sudo and gpg ask: process::terminal() is its other side.
///
/// A child with a terminal is stopped by SIGHUP, as when a window is closed: an interactive shell
/// then ends its jobs. What that has not ended gets SIGTERM when half of the time has passed.
/// (What Python has in `pty.fork`, and `openpty` and `login_tty` in C.)
inline constexpr detail::terminal_t terminal;
/// For std_err: into the same place as std_out. (`asyncio.subprocess.STDOUT`)
inline constexpr detail::to_stdout_t to_stdout;
/// For std_out and std_err: at the end of that file, made where it is missing. (A shell's `>>`.)
template <class Path>
  requires detail::text<Path> || detail::path_like<Path> detail::append_t append(Path&& path) {
    return detail::append_t(detail::path_of(detail::to_word(path)));
  }

/// The directory in which the child starts. A program given by a relative path is still taken from
/// the host's. (Python's cwd=)
inline constexpr detail::plain_keyword<&detail::options::cwd> cwd;
/// The child's argv[0], where it is not to be the program as written. (The first of execve's argv.)
inline constexpr detail::plain_keyword<&detail::options::argv0> argv0;
/// For shell and shell_command: the shell that runs the text, in place of /bin/sh (on Windows of
/// cmd.exe). It gets the same options. (asyncio's executable=)
inline constexpr detail::plain_keyword<&detail::options::executable> executable;
/// `env["NAME"] = value` sets one variable of the child, `env["NAME"] = unset` removes it,
/// `env = map` replaces all, `env = {}` leaves none. (Python's env=)
inline constexpr detail::env_keyword env;
/// For env: `env["NAME"] = unset` takes that variable from the child.
inline constexpr detail::unset_t unset;

/// `process_group = new_group`: the child leads a group of its own, which is what stop() and the
/// destructor then end; a number: it joins that group. (setpgid; Python's process_group=) On
/// Windows only `new_group`: a console's process group, in a job object that has the child's
/// children too.
inline constexpr detail::process_group_keyword process_group;
/// For process_group: a group that the child leads.
inline constexpr detail::new_group_t new_group;
/// `kill_on_parent_death = true`: the child gets SIGKILL when this process has died, however it
/// did. Linux, FreeBSD and Windows only. (prctl(PR_SET_PDEATHSIG), a job object) Linux ties this to
/// the thread that makes the child: the main thread, or else one that is made for this child, with
/// all that the calling thread has, and lasts as long.
inline constexpr detail::plain_keyword<&detail::options::kill_on_parent_death> kill_on_parent_death;

#if defined(_WIN32)
inline constexpr detail::posix_keyword new_session, reset_signals, stop_signal, as_user, as_group,
    extra_groups, new_umask, niceness, resource_limit, pass_fds;
#else
/// `new_session = true`: the child leads a new session, without a terminal. (setsid;
/// Python's start_new_session=)
inline constexpr detail::plain_keyword<&detail::options::new_session> new_session;
/// `reset_signals = true`: every signal has its default action in the child. Without it what the
/// host ignores stays ignored, as exec has it, but for SIGPIPE, SIGXFSZ and SIGCHLD, which are
/// default. (Python's restore_signals= resets SIGPIPE and SIGXFSZ)
inline constexpr detail::plain_keyword<&detail::options::reset_signals> reset_signals;
/// `stop_signal = SIGINT`: the signal with which stop(), a timeout, a cancelled capture and Ctrl-C
/// under run() ask the child, or the group that it leads, to end, before `grace` passes and SIGKILL
/// comes. By default SIGTERM; for a child with a `terminal` SIGHUP, and after half of `grace`
/// SIGTERM. (systemd's KillSignal=; python, ffmpeg and git end well by SIGINT)
inline constexpr detail::plain_keyword<&detail::options::stop_signal> stop_signal;
/// The user that the child becomes, by number or name, with the account's own group and its
/// supplementary groups, unless the two keywords below say otherwise. A number without an account
/// needs `as_group`. HOME, USER and LOGNAME stay as they are. (su, systemd's User=; Python's user=
/// changes no group)
inline constexpr detail::plain_keyword<&detail::options::as_user> as_user;
/// The group, by number or name. (setgid; Python's group=)
inline constexpr detail::plain_keyword<&detail::options::as_group> as_group;
/// The supplementary groups: one, or a range; an empty range leaves none. (setgroups; Python's
/// extra_groups=)
inline constexpr detail::extra_groups_keyword extra_groups;
/// The file mode creation mask. (umask; Python's umask=)
inline constexpr detail::plain_keyword<&detail::options::new_umask> new_umask;
/// By how much to raise the nice value; less than 0 needs the privilege. (nice)
inline constexpr detail::plain_keyword<&detail::options::niceness> niceness;
/// `resource_limit[RLIMIT_NOFILE] = 256` sets the soft and the hard limit, a `std::pair(soft,
/// hard)` each. (setrlimit)
inline constexpr detail::resource_limit_keyword resource_limit;
/// Descriptors the child gets beside 0, 1 and 2: `pass_fds = fd` or a range, each under its own
/// number; `pass_fds[n] = fd`: as number n there. They stay the caller's, open until the child has
/// started. (Python's pass_fds=; n: dup2)
inline constexpr detail::pass_fds_keyword pass_fds;
#endif

/// How long a line may be, in bytes, before readline and readuntil give up; 64 KiB by default.
/// (asyncio's limit=)
inline constexpr detail::plain_keyword<&detail::options::limit> limit;

/// `piped`, and each piece of output is given to @p target as it comes as well: a std::ostream
/// (kept by reference), or a callable that takes a std::string_view. Where the callable returns an
/// `asio::awaitable<void>` it is awaited, and the child made to wait meanwhile. What a callable
/// throws ends the operation; a stream that has failed is an `error` with code `io_error` when all
/// is done, which has the output. For capture and communicate. (A shell's `| tee`.)
template <class Target>
detail::tee_t tee(Target&& target) {
  return detail::tee_t(detail::make_sink(std::forward<Target>(target), false));
}
/// The same with a call for each whole line, without its newline. A line longer than `limit` may
/// come in pieces.
template <class Target>
detail::tee_t tee_lines(Target&& target) {
  return detail::tee_t(detail::make_sink(std::forward<Target>(target), true));
}

/// For capture: what the child reads on stdin: text, or a range of bytes; a range of those, which
/// is gone through as the child reads; or a callable that returns a `std::optional<std::string>`,
/// or an `awaitable` of that: the next piece, and nothing at the end. A child that does not want
/// all of it is no error. A range with a name is not copied, and must live until it
/// has been read. (Python's input=)
inline constexpr detail::input_keyword input;
/// For capture and communicate: how many bytes of either output are kept; no bound by default. More
/// of it stops the child and throws `limit_error`, but for cut() and head_and_tail().
inline constexpr detail::plain_keyword<&detail::options::max_output> max_output;
/// For max_output: the first @p bytes are kept, the rest is read and dropped, and the child runs
/// on. How many were dropped is in output::out_dropped and output::err_dropped.
template <detail::number Number>
detail::output_bound cut(Number bytes) {
  return detail::output_bound(detail::in_range<std::size_t>(bytes),
                              detail::output_bound::policy::cut);
}
/// The same, but the first and the last half of @p bytes are kept.
template <detail::number Number>
detail::output_bound head_and_tail(Number bytes) {
  return detail::output_bound(detail::in_range<std::size_t>(bytes),
                              detail::output_bound::policy::head_and_tail);
}
/// For capture: how long the child may run, a std::chrono duration, or a std::optional of one; no
/// bound by default. (Python's timeout=)
inline constexpr detail::duration_keyword<&detail::options::timeout> timeout;
/// For capture: how long the child may write nothing; no bound by default.
inline constexpr detail::duration_keyword<&detail::options::idle_timeout> idle_timeout;
/// For capture: how long after SIGTERM, or SIGHUP, the child gets SIGKILL, 2 s by default.
inline constexpr detail::duration_keyword<&detail::options::grace> grace;
/// For capture: the returncodes that count as success, in the place of 0: a number or a range.
inline constexpr detail::ok_codes_keyword ok_codes;
/// For capture: `retry = attempts(3, 100ms)` runs the command up to three times, until it succeeds
/// (by `ok_codes`). A timeout is a failure like others, of which a predicate is asked too; what
/// cannot be launched, has written too much, or has been cancelled is not tried again. `timeout` is
/// for each attempt, and what comes out of the last. The pause before the next attempt doubles each
/// time.
inline constexpr detail::retry_keyword retry;
/// For retry: how often a command is run at most.
/// @param at_most 1 or more
/// @param pause before the second attempt; it doubles each time
/// @param again whether a result is to be tried again, where that is not "it has not succeeded"; of
/// a timeout it sees `why`, `elapsed`, what was used and written, and no returncode
template <class Rep = std::int64_t, class Period = std::nano>
detail::retrying attempts(
    int at_most, std::chrono::duration<Rep, Period> pause = std::chrono::duration<Rep, Period>(),
    std::function<bool(const completed&)> again = nullptr) {
  if (at_most < 1) throw std::invalid_argument("coproc: attempts must be at least 1");
  return detail::retrying(at_most, detail::to_nanoseconds(pause), std::move(again));
}

}  // namespace keywords

using namespace keywords;

}  // namespace coproc
