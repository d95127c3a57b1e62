// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/find_program.hpp>
#include <coproc/gather.hpp>
#include <coproc/wait_for.hpp>

namespace coproc {
namespace detail {

/// Holds back the launches of a gather while descriptors or processes run short.
class launch_gate;
std::shared_ptr<launch_gate> make_launch_gate();

/// @param gate null: start at once
COPROC_ON_USE awaitable<completed> capture(command program,
                                           std::shared_ptr<launch_gate> gate = nullptr);

/// How many commands of a range run at once where no keyword says it.
std::size_t default_concurrency();

/// A range of commands as a lazy range of their captures.
/// @tparam Change (options&) what the keywords that stand beside the range say for each
template <class Range, class Change>
class captures {
 public:
  captures(Range&& range, Change change)
      : range_(std::forward<Range>(range)), change_(std::move(change)), gate_(make_launch_gate()) {}

  class iterator {
   public:
    using value_type = awaitable<completed>;
    using difference_type = std::ptrdiff_t;
    using inner = std::ranges::iterator_t<Range>;
    iterator(inner at, captures& whole) : at_(std::move(at)), captures_(&whole) {}
    awaitable<completed> operator*() const {
      command program(*at_);
      captures_->change_(program.options());
      return capture(std::move(program), captures_->gate_);
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      return at_ == std::ranges::end(captures_->range_);
    }

   private:
    inner at_;
    captures* captures_;
  };
  iterator begin() { return iterator(std::ranges::begin(range_), *this); }
  std::default_sentinel_t end() { return {}; }

 private:
  Range range_;
  Change change_;
  std::shared_ptr<launch_gate> gate_;
};

/// @param keywords those of commands apply to each of the range
template <class Range, class... Keywords>
auto captures_of(Range&& range, const Keywords&... keywords) {
  static_assert(((gather_setting<Keywords> || command_setting<Keywords>)&&...),
                "coproc: after a range of commands only keywords may stand");
  auto change = [keywords...](options& chosen) { apply_settings(chosen, keywords...); };
  return captures<Range, decltype(change)>(std::forward<Range>(range), std::move(change));
}

/// Makes the captures of the commands that a source gives.
template <class Source, class... Keywords>
auto awaited_captures(Source&& source, const Keywords&... keywords) {
  static_assert(((gather_setting<Keywords> || command_setting<Keywords>)&&...),
                "coproc: after a source of commands only keywords may stand");
  auto make = [keywords..., gate = make_launch_gate()](command program) {
    apply_settings(program.options(), keywords...);
    return capture(std::move(program), gate);
  };
  return awaited_jobs<command, decltype(make)>(std::forward<Source>(source), std::move(make));
}

}  // namespace detail

/// Runs a command to its end and returns all there is to know of it:
/// `auto done = co_await capture("git", "status", cwd = repo, timeout = 10s);`
///
/// Takes a `command`, or what makes one. Where the keywords do not say otherwise stdin is `devnull`
/// and both outputs are captured. A returncode other than 0 is no error here; `.check()` makes it
/// one. If the child ends while somebody else, a grandchild, keeps a pipe open, what is in it is
/// returned when it has been silent for 250 ms, or `grace` has passed, with `pipe_still_open` set.
/// @return completed
/// @throws launch_error as exec; timeout_error when `timeout` or `idle_timeout` has passed;
/// limit_error when there is more than `max_output`; cancelled_error. The last three after the
/// child, and its group if it leads one, has been ended as by process::stop (SIGTERM, `grace`,
/// SIGKILL) and reaped; they carry the output until then. An end in the very moment of the timeout
/// is an end.
/// @cancellation All types: ends the child as above, then throws; a second cancellation sends
/// SIGKILL at once.
/// @source Python's subprocess.run, with capture_output=True
/// @shown{capture.cpp}
template <class... Arguments>
awaitable<completed> capture(Arguments&&... arguments) {
  static_assert(sizeof...(Arguments) > 0, "coproc: capture needs a program, or a command");
  return detail::capture(command(std::forward<Arguments>(arguments)...));
}

/// Captures each command of a range: `co_await gather(commands, concurrency = 8, timeout = 1min)`.
///
/// Keywords of commands, `retry` among them, apply to each, over what its own say. As many as there
/// are processors run at once, where `concurrency` does not say otherwise; fewer where descriptors
/// run short (near RLIMIT_NOFILE), which then is no failure.
/// @return a vector of `completed`, in the order of the range; with `return_exceptions = true` of
/// `outcome<completed>`
/// @cancellation As for gather and capture.
/// @shown{job_runner.cpp}
template <std::ranges::input_range Range, class... Keywords>
  requires std::same_as<std::ranges::range_value_t<Range>, command>
auto gather(Range&& range, Keywords&&... keywords) {
  auto all = detail::captures_of<Range>(std::forward<Range>(range), keywords...);
  return detail::gather_jobs(detail::range_jobs<decltype(all)>(std::move(all)),
                             concurrency = detail::default_concurrency(), keywords...);
}

/// Captures commands as they come: `co_await gather(next_job, concurrency = 8)`, where `next_job()`
/// returns an `awaitable<std::optional<command>>`, and nothing at the end.
///
/// The next one is asked for when it may start, one call at a time, and is started at once. The
/// callable is copied; it is called, and its coroutine runs, where the coroutine that gathers does.
/// What it throws is a failure of the gather.
/// @return as for a range of commands, in the order in which they came
/// @cancellation As for gather and capture; a call that goes on is cancelled, and waited for.
template <class Source, class... Keywords>
  requires detail::gives_commands<Source>
auto gather(Source&& source, Keywords&&... keywords) {
  return detail::gather_jobs(detail::awaited_captures(std::forward<Source>(source), keywords...),
                             concurrency = detail::default_concurrency(), keywords...);
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/capture.ipp>
#endif
