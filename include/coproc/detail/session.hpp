// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/crew.hpp>
#include <coproc/detail/exchange.hpp>
#include <exception>
#include <optional>

namespace coproc::detail {

/// What an exchange may take, in time and bytes.
class bounds {
 public:
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::optional<std::chrono::nanoseconds> silence;
  std::optional<output_bound> most;
  bool shielded = false;  // goes on though its coroutine has been cancelled
  bool stopping = false;  // waits for the child's group too, as long as that has a pipe
};

enum class exchange_end { complete, cancelled, timed_out, silent, over_limit };

/// One run of an exchange: feeds stdin, reads both outputs, looks for the child's end, each as far
/// as it goes without waiting; and arms a wakeup for what has to wait.
class session {
  using clock = std::chrono::steady_clock;
  enum bit : unsigned {
    can_write = 1,
    can_read_out = 2,
    can_read_err = 4,
    may_have_ended = 8,
    idle = 16,
    time_is_up = 32,
    silent = 64,
    copied = 128
  };

 public:
  session(exchange& all, const bounds& within, const asio::any_io_executor& executor,
          const asio::cancellation_state& state)
      : all_(all),
        within_(within),
        executor_(executor),
        cancellation_(state),
        wake_(std::make_shared<wakeup>(executor)),
        last_heard_(within.silence ? clock::now() : clock::time_point()) {
    all.make_streams();
    if (all.in) in_use_[0].emplace(all.in->busy(), "communicate");
    if (all.out.stream) in_use_[1].emplace(all.out.stream->busy(), "communicate");
    if (all.err.stream) in_use_[2].emplace(all.err.stream->busy(), "communicate");
    all.waiting = wake_;
    if (within.deadline) set(deadline_, *within.deadline, time_is_up);
    if (within.silence) set(silence_, moment(clock::now(), *within.silence), silent);
  }
  ~session() {
    if (all_.in) all_.input_done += all_.in->let_go();
    if (armed_ & can_write) all_.in->descriptor().cancel();
    if (armed_ & can_read_out) all_.out.stream->descriptor().cancel();
    if (armed_ & can_read_err) all_.err.stream->descriptor().cancel();
    if (armed_ & may_have_ended) all_.who->stop_notifying(stop_watching_);
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// For a coroutine with its shield up.
  awaitable<exchange_end> run() {
    for (;;) {
      const bool wait = advance();
      if (all_.out.copy_to) co_await deliver(all_.out);
      if (all_.err.copy_to) co_await deliver(all_.err);
      keep_within();
      const auto now = end();
      if (now == exchange_end::complete) all_.finish(gave_up_ && open());
      if (now) co_return *now;
      if (kept_ != 0) continue;  // something has happened while a copy was waited for
      error_code interrupted;
      if (wait) interrupted = co_await wake_->wait([this] { return !sleep_on(); });
      else co_await yield_to_others();
      if (failure_) std::rethrow_exception(failure_);
      if (cancelled(interrupted) && !within_.shielded) co_return exchange_end::cancelled;
    }
  }

 private:
  /// How long a pipe must be silent, after the child has ended, to be given up. Only a grandchild
  /// can still hold it then.
  static constexpr auto idle_time = std::chrono::milliseconds(250);
  /// How often to read or write in a row before others get their turn.
  static constexpr int turns = 16;

  bool open() const { return all_.out.open() || all_.err.open(); }

  /// Does in the place of the coroutine what goes without it: to resume that takes longer than all
  /// the rest of a turn. False: it has to look itself.
  bool sleep_on() noexcept {
    if (all_.out.copy_to || all_.err.copy_to || within_.most) return false;
    try {
      const bool wait = advance();
      return wait && !end() && !cancellation_.hit();
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  bool cancelled(error_code interrupted) {
    cancelled_ = cancelled_ || interrupted || cancellation_.hit();
    return cancelled_;
  }

  /// Does all that goes without waiting, and arms the waits for the rest. False: there is more to
  /// do at once.
  bool advance() {
    ready_ = std::exchange(kept_, 0) | wake_->take();
    armed_ &= ~ready_;
    const bool had_ended = ended_;
    look_for_the_end();
    const bool wrote_all = write();
    // A pipe is read without having been waited for when the child has just ended, since its end is
    // near, and before it is given up.
    const bool last = ended_ != had_ended || (ready_ & (idle | time_is_up)) != 0;
    const bool read_out = read(all_.out, can_read_out, last);
    const bool read_err = read(all_.err, can_read_err, last);
    mind_the_time();
    return wrote_all && read_out && read_err;
  }

  std::optional<exchange_end> end() const {
    if (all_.abandoned) return exchange_end::cancelled;
    if (over_limit_) return exchange_end::over_limit;
    if (cut_short_) return timed_out_ ? exchange_end::timed_out : exchange_end::cancelled;
    if (ended_ && (gave_up_ || !open())) return exchange_end::complete;
    if (timed_out_) return exchange_end::timed_out;
    if (silent_) return exchange_end::silent;
    if (cancelled_ && !within_.shielded) return exchange_end::cancelled;
    return std::nullopt;
  }

  bool write() {
    if (!all_.in || !all_.in->is_open() || armed_ & can_write) return true;
    for (int turn = 0; turn < turns; ++turn) {
      const std::string_view rest = std::string_view(all_.input).substr(all_.input_done);
      std::size_t written = 0;
      try {
        written = all_.in->try_write(rest);
        all_.input_done += written;
      } catch (const error&) {
        all_.input_done = all_.input.size();  // it does not want the rest: no error, as in Python
      }
      if (all_.input_done == all_.input.size() && !all_.in->writing()) {
        all_.in->close();
        all_.input = std::string();
        all_.input_done = 0;
        return true;
      }
      if (written == 0) {
        arm(all_.in->descriptor(), watched_fd::to_write, can_write);
        return true;
      }
    }
    return false;
  }

  bool read(gathering& one, bit which, bool last) {
    if (!one.open() || (armed_ & which && !last)) return true;
    pipe_reader& stream = *one.stream;
    if (!stream.drained() || ready_ & which || last) {
      for (int turn = 0; turn < turns; ++turn) {
        const auto result = stream.try_fill(pipe_reader::whole);
        if (result == pipe_reader::fill_result::end) return true;
        if (result == pipe_reader::fill_result::data) heard();
        if (result == pipe_reader::fill_result::blocked || (stream.drained() && !last)) break;
        if (turn + 1 == turns) return false;
      }
    }
    arm(stream.descriptor(), watched_fd::to_read, which);
    return true;
  }

  void heard() {
    heard_ = true;
    if (within_.silence) last_heard_ = clock::now();
  }

  void look_for_the_end() {
    const bool look = ready_ & (may_have_ended | time_is_up | silent) || all_.who->reaped();
    // The first look is left to the wait: a child that has just started has not ended.
    if (look && !ended_) ended_ = all_.who->ended();
    if (ended_ && all_.in) all_.in->close();  // nobody is there to read the rest
    if (ended_ || armed_ & may_have_ended || all_.who->given_up()) return;
    armed_ |= may_have_ended;
    all_.who->notify(wake_, may_have_ended, stop_watching_.slot());
  }

  void mind_the_time() {
    if (ready_ & silent && !ended_) {
      const auto until = moment(last_heard_, *within_.silence);
      if (clock::now() >= until) silent_ = true;
      else set(silence_, until, silent);
    }
    if (ready_ & time_is_up) timed_out_ = true;
    if (!ended_ || !open()) return;
    // The child has ended, but a pipe of its is open: wait until that has been silent for a while.
    const bool passed = ready_ & idle && idle_->expiry() <= clock::now();
    const bool quiet =
        passed && !heard_ && !(within_.stopping && all_.who->group_alive());
    if (quiet || timed_out_) gave_up_ = true;
    if (gave_up_ || (idle_ && !heard_ && !(ready_ & idle))) return;
    heard_ = false;
    set(idle_, clock::now() + idle_time, idle);
  }

  void keep_within() {
    if (!within_.most) return;
    const bool out_fits = all_.out.keep_within(*within_.most);
    const bool err_fits = all_.err.keep_within(*within_.most);
    over_limit_ = !out_fits || !err_fits;
  }

  /// Copies what is new to those that want it.
  awaitable<void> deliver(gathering& one) {
    if (!one.stream) co_return;
    std::string& unfinished = one.beside().unfinished;
    while (!over()) {
      const bool lines = one.copy_to->lines;
      if (const auto newline = unfinished.find('\n'); lines && newline != std::string::npos) {
        const std::string line = unfinished.substr(0, newline);
        unfinished.erase(0, newline + 1);
        co_await hand_over(*one.copy_to, line);
        continue;
      }
      std::string_view text = one.new_bytes();
      std::size_t taken = text.size();
      bool whole = !lines;
      if (const auto newline = text.find('\n'); lines && newline != std::string_view::npos) {
        whole = true;
        text = text.substr(0, newline);
        taken = newline + 1;
      }
      const std::size_t size = unfinished.size() + text.size();
      const bool wait_for_more = one.open() && !gave_up_ && size <= one.stream->limit();
      if (taken == 0 && unfinished.empty()) co_return;
      if (!whole && wait_for_more) co_return;
      one.copied = std::max(one.copied, one.stream->bytes().consumed()) + taken;
      if (unfinished.empty()) {
        co_await hand_over(*one.copy_to, text);
      } else {
        const std::string joined = std::exchange(unfinished, std::string()).append(text);
        co_await hand_over(*one.copy_to, joined);
      }
    }
  }

  /// Whether no copy is to be waited for any more. (Not where the child has ended in time: what it
  /// has written is copied to the end.)
  bool over() const {
    return (timed_out_ && !ended_) || kept_ & time_is_up || all_.abandoned ||
           (cancelled_ && !within_.shielded);
  }

  /// Nothing is read while a copy is waited for, so the child waits too. But not the time: what
  /// ends the exchange cancels the copy.
  awaitable<void> hand_over(const sink& to, std::string_view text) {
    if (to.now) {
      to.now(text);
      co_return;
    }
    if (!copying_) copying_ = std::make_shared<crew>(executor_, wake_, copied);
    copying_->start<void>(0, to.later(text), std::make_shared<std::optional<std::monostate>>());
    bool asked = false;
    std::exception_ptr failure;
    while (copying_->alive() > 0) {
      if (over() && !std::exchange(asked, true)) copying_->cancel();
      const error_code interrupted = co_await wake_->wait();
      cancelled(interrupted);
      kept_ |= wake_->take();
      for (auto& one : copying_->take_ended()) failure = one.failure;
    }
    if (within_.silence) last_heard_ = clock::now();  // the child had to be silent
    cut_short_ = cut_short_ || asked;
    timed_out_ = timed_out_ || kept_ & time_is_up;
    if (failure && !asked) std::rethrow_exception(failure);
  }

  void arm(watched_fd& descriptor, watched_fd::wait_type kind, bit which) {
    if (armed_ & which) return;
    armed_ |= which;
    descriptor.notify(kind, wake_, which);
  }

  void set(std::optional<asio::steady_timer>& timer, clock::time_point when, bit which) {
    timer.emplace(executor_, when);
    timer->async_wait([wake = wake_, which](error_code failure) {
      if (!failure) wake->notify_now(which);
    });
  }

  exchange& all_;
  const bounds& within_;
  asio::any_io_executor executor_;
  cancellation_watch cancellation_;
  std::shared_ptr<wakeup> wake_;
  asio::cancellation_signal stop_watching_;
  std::optional<one_at_a_time> in_use_[3];
  std::shared_ptr<crew> copying_;
  unsigned armed_ = 0, ready_ = 0;
  unsigned kept_ = 0;  // bits that came while a copy was waited for
  bool ended_ = false, gave_up_ = false, over_limit_ = false;
  bool timed_out_ = false, silent_ = false, cancelled_ = false;
  std::exception_ptr failure_;  // of what was done in the place of the coroutine
  bool cut_short_ = false;  // a copy was waited for, and then cancelled
  bool heard_ = false;  // something was read since the idle timer was set
  clock::time_point last_heard_;
  std::optional<asio::steady_timer> idle_, deadline_, silence_;
};

/// Drives an exchange until it is complete, cancelled, or out of its bounds.
inline awaitable<exchange_end> run_exchange(std::shared_ptr<exchange> all, bounds within) {
  const auto executor = co_await asio::this_coro::executor;
  // A cancellation that comes together with bytes must not throw past them.
  shield against_cancellation;
  co_await against_cancellation.up();
  const auto state = co_await asio::this_coro::cancellation_state;
  auto end = exchange_end::cancelled;
  std::exception_ptr failure;  // of a tee, or of a read
  try {
    session now(*all, within, executor, state);
    end = co_await now.run();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await against_cancellation.down();
  if (failure) std::rethrow_exception(failure);
  co_return end;
}

}  // namespace coproc::detail
