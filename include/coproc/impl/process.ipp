// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/communicate.hpp>
#include <coproc/detail/child/next_line.hpp>
#include <coproc/detail/os/signals.hpp>
#include <coproc/process.hpp>

namespace coproc {
namespace detail {

COPROC_ON_USE awaitable<int> wait(std::shared_ptr<child> child) {
  const error_code cancelled = co_await wait_for_exit(child);
  if (cancelled && !child->exited()) throw cancelled_error("wait");
  co_return child->returncode();
}

COPROC_ON_USE awaitable<int> stop_process(std::shared_ptr<child> child,
                                          std::chrono::nanoseconds patience) {
  const bool stopped = co_await shielded(stop(child, patience));
  if (!stopped) throw cancelled_error("stop");
  co_return child->returncode();
}

COPROC_ON_USE awaitable<output> communicate(std::shared_ptr<child_streams> streams,
                                            input_source source) {
  if (!streams) throw std::logic_error("coproc: this process has been moved from");
  streams->make_streams();
  if (!source.empty() && !streams->in)
    throw std::logic_error("coproc: communicate: input, but std_in is not piped");
  if (!source.empty() && streams->input_given)
    throw std::logic_error("coproc: communicate: the input of the first call is not replaced");
  streams->check_idle("communicate");
  if (!streams->input_given) streams->give_input(std::move(source));
  if (streams->complete) co_return streams->gathered();
  communicate_limits limits;
  limits.max_output = streams->max_output;
  const auto outcome = co_await communicate(streams, limits);
  if (outcome == communicate_outcome::over_limit) {
    co_await shielded(stop_and_drain(streams, default_grace));
    const std::size_t most = streams->max_output->bytes;
    throw limit_error("communicate: more than max_output, " + std::to_string(most) + " bytes", most,
                      streams->gathered());
  }
  // The bytes stay where they are, for the next call.
  if (outcome == communicate_outcome::cancelled)
    throw cancelled_error("communicate", streams->gathered());
  streams->check_copies("communicate");
  co_return streams->gathered();
}

/// Makes the reader or writer that a process hands out, at its first use.
template <class Stream, class Implementation>
Stream& public_stream(const std::shared_ptr<Implementation>& implementation,
                      std::unique_ptr<Stream>& made, const char* name) {
  if (!implementation)
    throw std::logic_error(std::string("coproc: ") + name + " is neither piped nor a terminal");
  if (!made) made = std::make_unique<Stream>(implementation);
  return *made;
}

}  // namespace detail

COPROC_INLINE process::process(std::shared_ptr<detail::child_streams> streams)
    : streams_(std::move(streams)) {}

COPROC_INLINE process::process() noexcept = default;
COPROC_INLINE process::process(process&& other) noexcept = default;

COPROC_INLINE process& process::operator=(process&& other) noexcept {
  if (this == &other) return *this;
  end();
  streams_ = std::move(other.streams_);
  detached_ = other.detached_;
  in_ = std::move(other.in_);
  out_ = std::move(other.out_);
  err_ = std::move(other.err_);
  terminal_ = std::move(other.terminal_);
  return *this;
}

COPROC_INLINE process::~process() { end(); }

COPROC_INLINE void process::end() noexcept {
  if (!streams_) return;
  streams_->child->abandon(!detached_);
  streams_->abandon();
}

COPROC_INLINE detail::child_streams& process::streams() const {
  if (!streams_) throw std::logic_error("coproc: this process has been moved from");
  return *streams_;
}

COPROC_INLINE int process::pid() const { return streams().child->pid(); }

COPROC_INLINE optional_returncode process::returncode() const {
  if (!streams().child->exited()) return std::nullopt;
  return streams().child->returncode();
}

COPROC_INLINE std::string process::description() const {
  if (!streams_) return "no process";
  const std::string name = "process " + std::to_string(pid());
  if (streams_->child->released()) return name + ", released";
  const auto code = returncode();
  return name + ", " + (code ? describe(*code) : "running");
}

COPROC_INLINE usage process::usage() const { return streams().child->usage(); }

COPROC_INLINE writer& process::std_in() {
  if (streams().is_terminal[0]) return terminal().in();
  streams().make_stream(0);
  return detail::public_stream(streams().in, in_, "std_in");
}

COPROC_INLINE reader& process::std_out() {
  if (streams().is_terminal[1]) return terminal().out();
  streams().make_stream(1);
  return detail::public_stream(streams().out.stream, out_, "std_out");
}

COPROC_INLINE reader& process::std_err() {
  if (streams().is_terminal[2]) return terminal().out();
  streams().make_stream(2);
  return detail::public_stream(streams().err.stream, err_, "std_err");
}

COPROC_INLINE terminal_side& process::terminal() {
  if (!streams().terminal_in) throw std::logic_error("coproc: terminal: this child has none");
  if (!terminal_) terminal_ = std::make_unique<terminal_side>(streams_);
  return *terminal_;
}

COPROC_INLINE terminal_side::terminal_side(std::shared_ptr<detail::child_streams> streams)
    : streams_(std::move(streams)), in_(streams_->terminal_in), out_(streams_->terminal_out) {}

COPROC_INLINE void terminal_side::resize(terminal_size to) {
  detail::resize_terminal(native_handle(), to);
}

COPROC_INLINE terminal_side::native_handle_type terminal_side::native_handle() const {
  return streams_->terminal_in->pipe().get();
}

COPROC_ON_USE awaitable<int> process::wait() { return detail::wait(streams().child); }

COPROC_ON_USE awaitable<output> process::communicate(std::string bytes) {
  return communicate_from(std::move(bytes));
}

COPROC_ON_USE awaitable<output> process::communicate_from(detail::input_source source) {
  return detail::communicate(streams_, std::move(source));
}

COPROC_ON_USE awaitable<std::optional<tagged_line>> process::next_line() {
  streams();
  return detail::next_line(streams_);
}

COPROC_INLINE void process::send_signal(int number) { streams().child->send(number, false); }
COPROC_INLINE void process::terminate() {
  streams().child->send(detail::signal_numbers::term, true);
}
COPROC_INLINE void process::kill() { streams().child->send(detail::signal_numbers::kill, true); }

COPROC_ON_USE awaitable<int> process::stop_within(std::chrono::nanoseconds patience) {
  return detail::stop_process(streams().child, patience);
}

COPROC_INLINE native_process_handle& process::handle() { return streams().child->handle(); }

COPROC_INLINE native_process process::release() {
  if (streams().child->has_lifeline())
    throw std::logic_error(
        "coproc: release: what is carried elsewhere ends with its lifeline, which an object of "
        "Boost's has not");
  native_process given = streams().child->release();
  streams_->abandon();
  return given;
}

}  // namespace coproc
