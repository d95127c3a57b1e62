// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/detail/crew.hpp>
#include <coproc/detail/printable.hpp>
#include <coproc/detail/session.hpp>
#include <coproc/detail/stop.hpp>
#include <coproc/gather.hpp>
#include <coproc/wait_for.hpp>
#include <thread>

namespace coproc::detail {

inline end_reason reason_of(int returncode) {
  if (returncode == unknown_returncode) return end_reason::unknown;
  return returncode < 0 ? end_reason::signalled : end_reason::exited;
}

/// Ends a child whose capture has not come to its end, as process::stop does, and goes on reading
/// what it writes meanwhile. If that is cancelled in turn the child has got SIGKILL, and is waited
/// for all the same.
inline awaitable<void> wind_up(std::shared_ptr<exchange> all, const options& how) {
  using clock = std::chrono::steady_clock;
  bounds rest;
  rest.stopping = true;
  rest.most = how.max_output;
  if (rest.most && rest.most->then == output_bound::policy::fail)
    rest.most->then = output_bound::policy::cut;
  rest.deadline = moment(clock::now(), how.grace.value_or(std::chrono::seconds(2)));
  all->who->send(SIGTERM, true);
  all->who->send(SIGCONT, true);
  const auto end = co_await run_exchange(all, rest);
  if (end == exchange_end::complete) {
    co_await end_group(all->who, *rest.deadline);
    co_return;
  }
  all->who->send(SIGKILL, true);
  co_await child::wait(all->who);
  // A grandchild that is in no group of its may hold the pipes, and write to them for ever.
  rest.shielded = true;
  rest.deadline = moment(clock::now(), std::chrono::seconds(1));
  co_await run_exchange(all, rest);
}

/// A command that has been launched to be captured.
class captive {
  using clock = std::chrono::steady_clock;

 public:
  captive(const asio::any_io_executor& executor, command captured)
      : what(std::move(captured)), begin(clock::now()) {
    options& how = what.options();
    if (how.input) how.streams[0] = stdio(stdio::kind::piped);
    else if (!how.streams[0].given) how.streams[0] = stdio(stdio::kind::devnull);
    else if (how.streams[0].what == stdio::kind::piped)
      throw std::invalid_argument("coproc: capture: std_in = piped needs input = ...");
    for (const int fd : {1, 2})
      if (!how.streams[fd].given) how.streams[fd] = stdio(stdio::kind::piped);
    launched started = launch(what);
    all = std::make_shared<exchange>(executor, started, how);
    if (how.input) all->input = *std::exchange(how.input, std::nullopt);
  }

  bounds within() const {
    const options& how = what.options();
    bounds all_of_them;
    if (how.timeout) all_of_them.deadline = moment(begin, *how.timeout);
    all_of_them.silence = how.idle_timeout;
    all_of_them.most = how.max_output;
    return all_of_them;
  }

  command what;
  clock::time_point begin;
  std::shared_ptr<exchange> all;
};

/// Runs a captive to its end.
inline awaitable<completed> finish(captive one) {
  const auto all = one.all;
  command& what = one.what;
  const options& how = what.options();
  auto end = exchange_end::cancelled;
  std::exception_ptr failure;  // of a tee
  shield against_cancellation;
  co_await against_cancellation.up();
  try {
    end = co_await run_exchange(all, one.within());
  } catch (...) {
    failure = std::current_exception();
    all->out.copy_to = all->err.copy_to = nullptr;
  }
  try {
    if (end != exchange_end::complete) co_await wind_up(all, how);
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  co_await against_cancellation.down();
  if (failure) std::rethrow_exception(failure);
  const auto elapsed = std::chrono::steady_clock::now() - one.begin;
  output written = all->complete ? all->take() : all->gathered();

  const bool silent = end == exchange_end::silent;
  if (silent || end == exchange_end::timed_out)
    throw timeout_error(to_string(what) + (silent ? ": wrote nothing for " : ": timed out after ") +
                            in_seconds(silent ? *how.idle_timeout : *how.timeout),
                        std::move(written), elapsed, all->who->usage());
  if (end == exchange_end::over_limit)
    throw limit_error(to_string(what) + ": wrote more than max_output, " +
                          std::to_string(how.max_output->bytes) + " bytes",
                      how.max_output->bytes, std::move(written));
  if (end == exchange_end::cancelled) throw cancelled_error(to_string(what), std::move(written));

  completed result(std::move(what), std::move(written), all->err.tail);
  result.returncode = all->who->returncode();
  result.why = reason_of(result.returncode);
  result.usage = all->who->usage();
  result.elapsed = elapsed;
  co_return result;
}

inline awaitable<completed> capture(command what) {
  const auto executor = co_await asio::this_coro::executor;
  captive one(executor, std::move(what));
  completed result = co_await finish(std::move(one));
  co_return result;
}

/// A range of commands as a lazy range of their captures.
template <class Range>
class captures {
 public:
  explicit captures(Range&& range) : range_(std::forward<Range>(range)) {}

  class iterator {
   public:
    using value_type = awaitable<completed>;
    using difference_type = std::ptrdiff_t;
    using inner = std::ranges::iterator_t<Range>;
    iterator(inner at, captures& all) : at_(std::move(at)), all_(&all) {}
    awaitable<completed> operator*() const { return capture(command(*at_)); }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == std::ranges::end(all_->range_); }

   private:
    inner at_;
    captures* all_;
  };
  iterator begin() { return iterator(std::ranges::begin(range_), *this); }
  std::default_sentinel_t end() { return {}; }

 private:
  Range range_;
};

}  // namespace coproc::detail
