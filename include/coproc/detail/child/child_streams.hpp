// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>
#include <coproc/detail/child/gathered_output.hpp>
#include <coproc/detail/child/launch_hooks.hpp>
#include <coproc/detail/pipe/pipe_reader.hpp>
#include <coproc/detail/pipe/pipe_writer.hpp>
#include <coproc/detail/task/task_group.hpp>
#include <memory>

namespace coproc::detail {

[[noreturn]] inline void throw_copy_failed(const std::string& name, const char* of,
                                           output written) {
  throw error(make_error_code(boost::system::errc::io_error),
              name + ": tee: the stream that gets " + of + " has failed", std::move(written));
}

/// Keeps a terminal that is no stream of its child's open until that has ended. The child opens it
/// when it asks for something, and closes it again, which would be an end each time.
class terminal_keeper final : public stream_keeper {
 public:
  terminal_keeper(std::shared_ptr<class child> child, unique_handle slave)
      : child_(std::move(child)), slave_(std::move(slave)) {}

  void look() override {
    if (slave_ && (child_->exited() || child_->released())) slave_.reset();
  }
  void notify(std::shared_ptr<event> wake) override {
    if (told_) child_->stop_notifying(told_);
    told_ = std::move(wake);
    if (told_ && slave_) child_->notify(told_, 1);
  }

 private:
  std::shared_ptr<class child> child_;
  unique_handle slave_;
  std::shared_ptr<event> told_;
};

/// One child with its streams, and what communicate or capture has done with them so far. It is
/// what stands behind a process.
class child_streams {
 public:
  child_streams(const asio::any_io_executor& executor, launched& started, const options& chosen)
      : child(std::make_shared<class child>(executor, started)),
        max_output(chosen.max_output),
        limit_(chosen.limit),
        carrier_codes_(chosen.carrier_codes) {
    out.gathered.copy_to = chosen.streams[1].copy_to;
    err.gathered.copy_to = chosen.streams[2].copy_to;
    for (const int fd : {0, 1, 2}) {
      unused_[fd] = std::move(started.ends[fd]);
      to_make_[fd] = static_cast<bool>(unused_[fd]);
    }
    if (started.terminal.write) take_terminal(started, chosen);
  }
  child_streams(const child_streams&) = delete;
  child_streams& operator=(const child_streams&) = delete;

  /// Makes what is behind a stream, at its first use: many a child is only waited for.
  void make_stream(int fd) {
    if (!to_make_[fd]) return;
    unique_handle& end = unused_[fd];
    const bool closed = !end;  // by close(), before anybody has used it
    if (fd == 0) {
      in = std::make_shared<pipe_writer>(child->executor(), std::move(end), false);
    } else {
      auto& stream = (fd == 1 ? out : err).stream;
      stream = std::make_shared<pipe_reader>(child->executor(), std::move(end), limit_, false);
      if (closed) stream->close();
    }
    to_make_[fd] = false;
  }
  void make_streams() {
    for (const int fd : {0, 1, 2}) make_stream(fd);
  }

  /// One output.
  class output_stream {
   public:
    std::shared_ptr<pipe_reader> stream;  // null where it is not piped, or not made yet
    gathered_output gathered;
    buffer complete;  // all of it, once it is complete

    bool open() const { return stream && !stream->ended(); }
  };

  std::shared_ptr<class child> child;
  std::shared_ptr<pipe_writer> in;  // null where it is not piped, or not made yet
  output_stream out, err;
  // Of the terminal, which may be some of those: null where the child has none.
  std::shared_ptr<pipe_writer> terminal_in;
  std::shared_ptr<pipe_reader> terminal_out;
  const std::optional<output_bound> max_output;

  std::string input;  // what has been made of it, and not all written
  std::size_t input_written = 0;
  // One of these may be set: there may be more of it.
  std::function<input_source::piece()> next_input;
  input_source::maker make_input;
  std::shared_ptr<task_group> left_input;  // makes input though it has been asked to end
  bool is_terminal[3] = {};                // of the streams
  bool input_given = false;                // to communicate, if only an empty one
  bool complete = false;                   // all outputs are in
  bool abandoned = false;                  // the process has been destroyed, or released
  bool pipe_still_open = false;
  std::weak_ptr<event> waiting;                       // of a communicate or capture that goes on
  static constexpr unsigned abandoned_bit = 1u << 9;  // none of communicate_fsm's
  std::size_t next_line_first = 1;                    // the output whose turn it is
  yield_budget next_line_budget;

  void give_input(input_source given) {
    input_given = true;
    input = std::move(given.text);
    if (given.pieces) next_input = given.pieces();
    if (given.make) make_input = given.make();
  }
  bool has_source() const { return next_input || make_input; }
  /// Nobody reads the rest of it.
  void drop_input() {
    std::string().swap(input);  // an assignment would keep the memory
    input_written = 0;
    next_input = nullptr;
    make_input = nullptr;
  }

  /// How the ended child has come to its end.
  end_reason why() const { return reason_of(child->returncode(), carrier_codes_); }

  /// The bytes so far, or all of them.
  output gathered() const {
    const auto text = [this](const output_stream& each) {
      if (!each.stream) return std::string();
      return each.gathered.text(complete ? each.complete : each.stream->bytes());
    };
    output result(text(out), text(err));
    add_facts(result);
    return result;
  }

  /// The same, when complete and for the last time.
  output take() {
    output result(out.gathered.take(out.complete), err.gathered.take(err.complete));
    add_facts(result);
    return result;
  }

  /// All outputs are in.
  void finish(bool left_open) {
    pipe_still_open = left_open;
    complete = true;
    for (output_stream* each : {&out, &err})
      if (each->stream) each->complete = std::move(each->stream->bytes());
    close();
  }

  /// Nobody wants copies any more.
  void drop_copies() { out.gathered.copy_to = err.gathered.copy_to = nullptr; }
  bool has_copies() const { return out.gathered.copy_to || err.gathered.copy_to; }

  /// @throws error where all is in, but the stream of a tee has not taken its copy.
  void check_copies(const std::string& name) const {
    for (const output_stream* each : {&out, &err})
      if (each->gathered.copy_failed)
        throw_copy_failed(name, each == &out ? "stdout" : "stderr", gathered());
  }

  /// Ends all streams, and what uses them as if cancelled.
  void abandon() {
    abandoned = true;
    close();
    if (terminal_in) terminal_in->close();
    if (terminal_out) terminal_out->close();
    if (const auto wake = waiting.lock()) wake->notify(abandoned_bit);
  }

  /// Ends all streams.
  void close() {
    for (unique_handle& end : unused_) end.reset();
    if (in) in->close();
    if (out.stream) out.stream->close();
    if (err.stream) err.stream->close();
  }

  /// @throws std::logic_error where another operation uses a stream.
  void check_idle(const char* name) const {
    if (in) busy_guard::check(in->busy(), name);
    if (out.stream) busy_guard::check(out.stream->busy(), name);
    if (err.stream) busy_guard::check(err.stream->busy(), name);
  }

 private:
  void add_facts(output& result) const {
    result.pipe_still_open = pipe_still_open;
    result.out_dropped = out.gathered.dropped();
    result.err_dropped = err.gathered.dropped();
  }

  /// What is written to both outputs comes as stdout, where both are the terminal.
  void take_terminal(launched& started, const options& chosen) {
    std::shared_ptr<stream_keeper> keeper;
    if (started.kept_slave)
      keeper = std::make_shared<terminal_keeper>(child, std::move(started.kept_slave));
    terminal_in =
        std::make_shared<pipe_writer>(child->executor(), std::move(started.terminal.write), true);
    terminal_out = std::make_shared<pipe_reader>(
        child->executor(), std::move(started.terminal.read), limit_, true, std::move(keeper));
    for (const unsigned fd : {0u, 1u, 2u})
      is_terminal[fd] = chosen.source_of(fd) == stdio::kind::terminal;
    if (is_terminal[0]) in = terminal_in;
    if (is_terminal[1]) out.stream = terminal_out;
    else if (is_terminal[2]) err.stream = terminal_out;
  }

  const std::size_t limit_;
  const std::vector<int> carrier_codes_;
  unique_handle unused_[3];
  bool to_make_[3] = {};
};

/// Launches a command, and makes what stands behind its process.
inline std::shared_ptr<child_streams> launch_with_streams(const asio::any_io_executor& executor,
                                                          const command& program,
                                                          traced_launch* traced = nullptr) {
  const options& chosen = program.options();
  if (chosen.executable)
    throw std::invalid_argument(
        "coproc: executable is the shell of shell and shell_command; else the program itself is "
        "the first argument, and argv0 what it is told to be");
  if (chosen.via) return launch_with_streams(executor, (*chosen.via)(program), traced);
  if (traced != nullptr) traced->carried(chosen);
  launched started = launch(program.words(), chosen);
  if (chosen.lifeline) started.lifeline = std::move(started.ends[0]);
  return std::make_shared<child_streams>(executor, started, chosen);
}

/// The same for every call that launches: of what the interceptors make of the command, and the
/// tracers are told.
inline std::shared_ptr<child_streams> launch_with_hooks(const asio::any_io_executor& executor,
                                                        const command& asked) {
  launch_hooks* const hooks = launch_hooks::of(executor);
  if (hooks == nullptr) return launch_with_streams(executor, asked);
  auto traced = hooks->trace(asked);
  try {
    const std::optional<command> changed = hooks->intercept(asked);
    const command& what = changed ? *changed : asked;
    if (traced && changed) traced->intercepted(what);
    auto streams = launch_with_streams(executor, what, traced.get());
    if (traced) {
      traced->started(streams->child->pid());
      streams->child->observe(std::move(traced));
    }
    return streams;
  } catch (...) {
    if (traced) traced->failed();
    throw;
  }
}

}  // namespace coproc::detail
