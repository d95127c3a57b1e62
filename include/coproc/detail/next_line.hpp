// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/exchange.hpp>
#include <optional>

namespace coproc {

/// A line of either output, without its newline.
class tagged_line {
 public:
  tagged_line(int number, std::string text) : fd(number), line(std::move(text)) {}
  int fd;  ///< where it was written: 1 for stdout, 2 for stderr
  std::string line;
};

namespace detail {

/// Waits for either of two streams, and for neither any more when it is destroyed.
class either_stream {
 public:
  explicit either_stream(exchange& all, const asio::any_io_executor& executor)
      : streams_{all.out.stream.get(), all.err.stream.get()},
        wake_(std::make_shared<wakeup>(executor)) {
    for (std::size_t i = 0; i < 2; ++i)
      if (streams_[i] != nullptr) in_use_[i].emplace(streams_[i]->busy(), "next_line");
  }
  ~either_stream() {
    for (std::size_t i = 0; i < 2; ++i)
      if (armed_ & 1u << i) streams_[i]->descriptor().cancel();
  }
  either_stream(const either_stream&) = delete;
  either_stream& operator=(const either_stream&) = delete;

  /// A line that is there, of @p first if that has one.
  std::optional<tagged_line> take(std::size_t first) {
    for (const std::size_t i : {first, 1 - first})
      if (streams_[i] != nullptr)
        if (const auto line = streams_[i]->next_line())
          return tagged_line(static_cast<int>(i) + 1, std::string(*line));
    return std::nullopt;
  }
  bool open() const {
    return (streams_[0] != nullptr && !streams_[0]->ended()) ||
           (streams_[1] != nullptr && !streams_[1]->ended());
  }
  /// Reads what is there; false where there was nothing, and then wait() is next.
  bool read() {
    bool progress = false;
    for (std::size_t i = 0; i < 2; ++i) {
      // Each is asked, also the one that was drained: the other may never be.
      if (streams_[i] == nullptr || streams_[i]->ended()) continue;
      progress |= streams_[i]->try_fill(pipe_reader::piece) != pipe_reader::fill_result::blocked;
    }
    return progress;
  }
  awaitable<error_code> wait() {
    for (std::size_t i = 0; i < 2; ++i) {
      const unsigned bit = 1u << i;
      if (streams_[i] == nullptr || streams_[i]->ended() || armed_ & bit) continue;
      armed_ |= bit;
      streams_[i]->descriptor().notify(watched_fd::to_read, wake_, bit);
    }
    const error_code failure = co_await wake_->wait();
    armed_ &= ~wake_->take();
    co_return failure;
  }

 private:
  pipe_reader* streams_[2];
  std::shared_ptr<wakeup> wake_;
  std::optional<one_at_a_time> in_use_[2];
  unsigned armed_ = 0;
};

/// The next line of either output; nothing when both have ended.
inline awaitable<std::optional<tagged_line>> next_line(std::shared_ptr<exchange> all) {
  for (const int fd : {1, 2}) all->make_stream(fd);
  either_stream streams(*all, co_await asio::this_coro::executor);
  all->next_first = 1 - all->next_first;  // a busy stream must not keep the other waiting
  for (;;) {
    auto line = streams.take(all->next_first);
    if (line) co_return line;
    if (!streams.open()) co_return std::nullopt;
    if (streams.read()) {
      if (!all->turns.due()) continue;
      const bool go_on = co_await yield_to_others();
      if (!go_on || all->abandoned) throw cancelled_error("next_line");
      continue;
    }
    const error_code failure = co_await streams.wait();
    if (failure || all->abandoned) throw cancelled_error("next_line");
  }
}

}  // namespace detail
}  // namespace coproc
