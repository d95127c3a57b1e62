// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child.hpp>
#include <coproc/detail/pipe_reader.hpp>
#include <coproc/detail/pipe_writer.hpp>
#include <memory>
#include <optional>

namespace coproc::detail {

/// One child with its streams, and what communicate has done with them so far. One coroutine drives
/// all: it writes, reads and looks as far as each goes without waiting, then sleeps until any of
/// them can go on. What it has read is in the readers' buffers, so nothing is lost when it stops.
class exchange {
 public:
  exchange(const asio::any_io_executor& executor, launched& started, const options& how)
      : who(std::make_shared<child>(executor, started)) {
    const auto terminal = [&](int fd) { return how.streams[fd].what == stdio::kind::terminal; };
    if (started.ends[0])
      in = std::make_shared<pipe_writer>(executor, std::move(started.ends[0]), terminal(0));
    for (const int fd : {1, 2})
      if (started.ends[fd])
        (fd == 1 ? out : err) = std::make_shared<pipe_reader>(executor, std::move(started.ends[fd]),
                                                              how.limit, terminal(fd));
  }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// Why run() has returned.
  enum class outcome { complete, cancelled };

  /// Feeds stdin, reads both outputs to their ends, waits for the child. 
  static awaitable<outcome> run(std::shared_ptr<exchange> self) {
    const auto executor = co_await asio::this_coro::executor;
    const auto wake = std::make_shared<wakeup>(executor);
    asio::cancellation_signal stop_watching;
    session state(*self, wake, stop_watching);
    for (bool cancelled = false;;) {
      const bool wait = state.advance(executor);
      if (state.complete()) break;
      if (self->who->given_up()) co_return outcome::cancelled;
      if (wait) {
        const error_code failure = co_await wake->wait();
        cancelled = static_cast<bool>(failure);
      } else {
        const bool go_on = co_await yield_to_others();
        cancelled = !go_on;
      }
      if (cancelled) co_return outcome::cancelled;
      state.woken(wake->take());
    }
    self->pipe_still_open = state.left_open();
    self->complete = true;
    if (self->out) self->final_out = std::move(self->out->bytes());
    if (self->err) self->final_err = std::move(self->err->bytes());
    self->close();
    co_return outcome::complete;
  }

  std::shared_ptr<child> who;
  std::shared_ptr<pipe_writer> in;
  std::shared_ptr<pipe_reader> out, err;

  /// The bytes so far, or all of them.
  output gathered() const {
    output now;
    if (out) now.out = (complete ? final_out : out->bytes()).view();
    if (err) now.err = (complete ? final_err : err->bytes()).view();
    now.pipe_still_open = pipe_still_open;
    return now;
  }

  /// Ends all streams.
  void close() {
    if (in) in->close();
    if (out) out->close();
    if (err) err->close();
  }

  /// @throws std::logic_error where another operation uses a stream.
  void check_idle(const char* what) const {
    if (in) one_at_a_time::check(in->busy(), what);
    if (out) one_at_a_time::check(out->busy(), what);
    if (err) one_at_a_time::check(err->busy(), what);
  }

  std::string input;
  std::size_t input_done = 0;
  bool has_input = false;  // an input has been given, if only an empty one
  bool complete = false;  // and these are all that was written:
  buffer final_out, final_err;
  bool pipe_still_open = false;

 private:
  enum bit : unsigned {
    can_write = 1,
    can_read_out = 2,
    can_read_err = 4,
    may_have_ended = 8,
    idle = 16
  };

  /// How long a pipe must be silent, after the child has ended, to be given up. Only a grandchild
  /// can still hold it then.
  static constexpr auto idle_time = std::chrono::milliseconds(250);

  /// One run: what is armed, and what has happened.
  class session {
   public:
    session(exchange& all, std::shared_ptr<wakeup> wake, asio::cancellation_signal& stop_watching)
        : all_(all), wake_(std::move(wake)), stop_watching_(stop_watching) {
      if (all.in) in_use_[0].emplace(all.in->busy(), "communicate");
      if (all.out) in_use_[1].emplace(all.out->busy(), "communicate");
      if (all.err) in_use_[2].emplace(all.err->busy(), "communicate");
    }
    ~session() {
      if (all_.in && armed_ & can_write) all_.in->descriptor().cancel();
      if (all_.out && armed_ & can_read_out) all_.out->descriptor().cancel();
      if (all_.err && armed_ & can_read_err) all_.err->descriptor().cancel();
      stop_watching_.emit(asio::cancellation_type::terminal);
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void woken(unsigned bits) {
      armed_ &= ~bits;
      ready_ |= bits;
    }

    /// Does all that goes without waiting, and arms the waits for the rest. False: there is more to
    /// do at once.
    bool advance(const asio::any_io_executor& executor) {
      const bool wrote_all = write();
      const bool read_out = read(all_.out, can_read_out);
      const bool read_err = read(all_.err, can_read_err);
      if (!ended_ && !(armed_ & may_have_ended)) {
        // The first look is left to the wait: a child that has just started has not ended.
        if (ready_ & may_have_ended || all_.who->reaped()) ended_ = all_.who->ended();
        if (!ended_) {
          armed_ |= may_have_ended;
          all_.who->notify(wake_, may_have_ended, stop_watching_.slot());
        }
      }
      if (ended_ && all_.in) all_.in->close();  // nobody is there to read the rest
      mind_the_idle(executor);
      ready_ = 0;
      return wrote_all && read_out && read_err;
    }

    bool complete() const { return ended_ && (gave_up_ || !open()); }
    bool left_open() const { return gave_up_; }

   private:
    bool open() const {
      return (all_.out && !all_.out->ended()) || (all_.err && !all_.err->ended());
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
        if (all_.input_done == all_.input.size()) {
          all_.in->close();
          all_.input = std::string();
          all_.input_done = 0;
          return true;
        }
        if (written == 0) {
          arm(all_.in->descriptor(), asio::posix::descriptor_base::wait_write, can_write);
          return true;
        }
      }
      return false;
    }

    bool read(const std::shared_ptr<pipe_reader>& stream, bit which) {
      if (!stream || stream->ended() || (armed_ & which && !(ready_ & idle))) return true;
      // A stream that was drained is asked again when it has become ready, and a last time before
      // it is given up.
      if (!stream->drained() || ready_ & (which | idle)) {
        for (int turn = 0; turn < turns; ++turn) {
          const auto result = stream->try_fill(pipe_reader::whole);
          if (result == pipe_reader::fill_result::end) return true;
          if (result == pipe_reader::fill_result::data) heard_ = true;
          if (result == pipe_reader::fill_result::blocked || stream->drained()) break;
          if (turn + 1 == turns) return false;
        }
      }
      arm(stream->descriptor(), asio::posix::descriptor_base::wait_read, which);
      return true;
    }

    void arm(watched_fd& descriptor, asio::posix::descriptor_base::wait_type kind, bit which) {
      if (armed_ & which) return;
      armed_ |= which;
      descriptor.notify(kind, wake_, which);
    }

    /// The child has ended, but a pipe of its is open: waits until that has been silent for a while.
    void mind_the_idle(const asio::any_io_executor& executor) {
      if (!ended_ || !open()) return;
      const bool silent = ready_ & idle && !heard_;
      if (silent) gave_up_ = true;
      if (silent || (timer_ && !heard_)) return;
      heard_ = false;
      timer_.emplace(executor, idle_time);
      timer_->async_wait([wake = wake_](error_code failure) {
        if (!failure) wake->notify(idle);
      });
    }

    static constexpr int turns = 16;

    exchange& all_;
    std::shared_ptr<wakeup> wake_;
    asio::cancellation_signal& stop_watching_;
    std::optional<one_at_a_time> in_use_[3];
    unsigned armed_ = 0, ready_ = 0;
    bool ended_ = false;
    bool heard_ = false;  // something was read since the idle timer was set
    bool gave_up_ = false;
    std::optional<asio::steady_timer> timer_;
  };
};

}  // namespace coproc::detail
