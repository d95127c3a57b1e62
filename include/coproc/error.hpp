// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <coproc/status.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace coproc {

/// The base of all that this library throws for what happens at run time. (Misuse of the interface
/// is a `std::logic_error`.) code() is the errno, Asio's code, or that of exit_category().
class error : public boost::system::system_error {
 public:
  /// @param code what code() returns
  /// @param message what what() returns
  /// @param partial what out() and err() return
  /// @param why,elapsed,used what the functions of these names, and usage(), return
  error(error_code code, std::string message, output partial = output(),
        end_reason why = end_reason::unknown, std::chrono::nanoseconds elapsed = {},
        class usage used = {})
      : error(code, std::move(message), std::make_shared<const output>(std::move(partial)), why,
              elapsed, used) {}

  /// The whole message; the text of code() is part of it where it helps.
  const char* what() const noexcept override { return state_->message.c_str(); }

  /// What the child had written to stdout until then, where the operation was gathering it.
  const std::string& out() const noexcept { return partial_output().out; }
  /// The same for stderr.
  const std::string& err() const noexcept { return partial_output().err; }
  /// Both, and whether a pipe was still open.
  const output& partial_output() const noexcept { return *state_->partial; }

  /// Why the operation has ended; `unknown` where that is not what the error is about.
  end_reason why() const noexcept { return state_->why; }
  /// How long the operation had run; 0 where it has no time.
  std::chrono::nanoseconds elapsed() const noexcept { return state_->elapsed; }
  /// What the child has used, where the operation (a capture) owned and reaped it.
  const class usage& usage() const noexcept { return state_->used; }
  /// How many bytes a writer::write had written that was cancelled, or ran out of time; 0 for all
  /// other operations.
  std::size_t written() const noexcept { return written_; }

 protected:
  /// @private One that tells of @p cause in other words: what that carries is shared, not copied.
  error(error_code code, std::string message, const error& cause, end_reason why,
        std::chrono::nanoseconds elapsed)
      : error(code, std::move(message), cause.state_->partial, why, elapsed, cause.usage()) {
    written_ = cause.written_;
  }
  /// @private
  void set_written(std::size_t bytes) noexcept { written_ = bytes; }

 private:
  class state {
   public:
    state(std::string text, std::shared_ptr<const output> written, end_reason reason,
          std::chrono::nanoseconds time, const class usage& resources)
        : message(std::move(text)),
          partial(std::move(written)),
          why(reason),
          elapsed(time),
          used(resources) {}
    std::string message;
    std::shared_ptr<const output> partial;
    end_reason why;
    std::chrono::nanoseconds elapsed;
    class usage used;
  };
  error(error_code code, std::string message, std::shared_ptr<const output> partial, end_reason why,
        std::chrono::nanoseconds elapsed, const class usage& used)
      : system_error(code),
        state_(
            std::make_shared<state>(std::move(message), std::move(partial), why, elapsed, used)) {}

  std::shared_ptr<const state> state_;  // so that copying an exception cannot throw
  std::size_t written_ = 0;
};

/// A child could not be started; nothing of it is left behind.
class launch_error : public error {
 public:
  /// @param step what failed: "exec", "chdir", "open", ... (see step())
  /// @param message "program: step object: reason"
  /// @param object see object()
  launch_error(error_code why, std::string_view step, std::string message,
               std::string object = std::string())
      : error(why, std::move(message)),
        step_(step),
        object_(std::make_shared<const std::string>(std::move(object))) {}
  /// @param number of the system: an errno, or what Windows calls one
  launch_error(int number, std::string_view step, std::string message,
               std::string object = std::string())
      : launch_error(error_code(number, boost::system::system_category()), step, std::move(message),
                     std::move(object)) {}

  /// The step that failed, named as the call or keyword at fault: "arguments", "environment",
  /// "via", "open", "pipe", "terminal", "clone", "dup2", "close_range", "pass_fds", "new_session",
  /// "process_group", "resource_limit", "niceness", "extra_groups", "as_group", "as_user",
  /// "stop_signal", "kill_on_parent_death", "chdir" or "exec".
  std::string_view step() const noexcept { return step_; }

  /// What that step was about, as it was given: the program ("exec"), a path ("open", "chdir"), the
  /// name or number of a descriptor, user, group or resource; where there is none the keyword.
  const std::string& object() const noexcept { return *object_; }

 private:
  std::string_view step_;                      // always a literal
  std::shared_ptr<const std::string> object_;  // so that copying cannot throw
};

/// The category of exit_error's code: its value is the returncode, its message describe()'s.
inline const boost::system::error_category& exit_category() {
  struct category final : boost::system::error_category {
    const char* name() const noexcept override { return "coproc.exit"; }
    std::string message(int value) const override { return describe(value); }
  };
  static const category instance;
  return instance;
}

/// What completed::check() throws: the command ended, but not with a returncode that counts as
/// success.
class exit_error : public error {
 public:
  /// @param returncode becomes code(), of exit_category(); the rest as for error
  exit_error(int returncode, std::string message, output written,
             end_reason why = end_reason::unknown, std::chrono::nanoseconds elapsed = {},
             class usage used = {})
      : error(error_code(returncode, exit_category()), std::move(message), std::move(written), why,
              elapsed, used) {}
  /// As completed::returncode.
  int returncode() const noexcept { return code().value(); }
};

/// Time ran out. The child, if the operation owned it, has ended and been reaped; what it had
/// written is in out() and err().
class timeout_error : public error {
 public:
  /// As for error; code() is `asio::error::timed_out`.
  explicit timeout_error(std::string message, output partial = output(),
                         std::chrono::nanoseconds elapsed = {}, class usage used = {})
      : error(asio::error::timed_out, std::move(message), std::move(partial), end_reason::timed_out,
              elapsed, used) {}
  /// @param cause what time running out has ended, whose output and usage are this one's too
  timeout_error(std::string message, const error& cause, std::chrono::nanoseconds elapsed)
      : error(asio::error::timed_out, std::move(message), cause, end_reason::timed_out, elapsed) {}
};

/// The operation was cancelled (code() is `asio::error::operation_aborted`). What had been read is
/// in out() and err(), and still in the process as well.
class cancelled_error : public error {
 public:
  /// @param what_was the operation, for the message; the rest as for error
  explicit cancelled_error(const std::string& what_was, output partial = output(),
                           std::chrono::nanoseconds elapsed = {}, class usage used = {})
      : error(asio::error::operation_aborted, what_was + ": cancelled", std::move(partial),
              end_reason::cancelled, elapsed, used) {}
  /// Of a write.
  cancelled_error(const std::string& what_was, std::size_t bytes_written)
      : error(asio::error::operation_aborted,
              what_was + ": cancelled, " + std::to_string(bytes_written) + " bytes written",
              output(), end_reason::cancelled) {
    set_written(bytes_written);
  }
};

/// A line is longer than the stream's `limit`, or an output than `max_output`. Nothing is lost:
/// the bytes of a line stay in the stream, those of an output are in out() and err().
class limit_error : public error {
 public:
  /// @param reached what reached() returns; the rest as for error
  limit_error(std::string message, std::size_t reached, output partial = output(),
              std::chrono::nanoseconds elapsed = {}, class usage used = {})
      : error(make_error_code(boost::system::errc::message_size), std::move(message),
              std::move(partial), end_reason::output_limit, elapsed, used),
        reached_(reached) {}
  /// How many bytes there were already, without an end in sight.
  std::size_t reached() const noexcept { return reached_; }

 private:
  std::size_t reached_;
};

/// The stream ended before readexactly, readuntil or until had what they were to wait for.
class incomplete_read_error : public error {
 public:
  /// @param partial what was read
  /// @param expected the number of bytes asked for, 0 where a text was
  incomplete_read_error(std::string partial, std::size_t expected)
      : incomplete_read_error(partial.size(), std::move(partial), expected) {}
  /// What was read before the end; the stream does not hold it any more.
  const std::string& partial() const noexcept { return out(); }
  /// The number of bytes asked for, 0 where it was a text.
  std::size_t expected() const noexcept { return expected_; }

 private:
  // The size apart: no order is set between reading it and the move of the text.
  incomplete_read_error(std::size_t size, std::string&& partial, std::size_t expected)
      : error(asio::error::eof,
              "end of stream after " + std::to_string(size) +
                  (expected != 0 ? " of " + std::to_string(expected) : std::string()) + " bytes",
              output(std::move(partial), std::string())),
        expected_(expected) {}

  std::size_t expected_;
};

/// A signal, SIGINT, SIGTERM or SIGHUP, has ended coproc::run, which has cleaned up.
class interrupted : public error {
 public:
  /// @param signal its number
  explicit interrupted(int signal)
      : error(make_error_code(boost::system::errc::interrupted),
              "interrupted by " + signal_name(signal)),
        signal_(signal) {}
  /// The number of the signal.
  int signal() const noexcept { return signal_; }
  /// What the program should return from main: 128 + the signal's number, as shells do.
  int exit_code() const noexcept { return 128 + signal_; }

 private:
  int signal_;
};

}  // namespace coproc
