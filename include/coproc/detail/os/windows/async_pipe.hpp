// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/windows/basic_stream_handle.hpp>
#include <coproc/detail/descriptor.hpp>
#include <coproc/detail/os/inline_executor.hpp>
#include <coproc/detail/task/event.hpp>
#include <coproc/error.hpp>
#include <cstring>
#include <optional>
#include <tuple>
#include <vector>

namespace coproc::detail {

/// One side of a pipe. Windows does not tell when a pipe can be read or written; it tells when it has
/// done so. So what is waited for is a read of its own, whose bytes the next read_some hands out, or
/// the write of a piece that write_some has taken, and reports then.
class watched_fd final : private context_bound {
 public:
  enum wait_type { to_read, to_write };

  watched_fd(const asio::any_io_executor& executor, unique_fd fd)
      : executor_(executor), fd_(std::move(fd)), now_(std::make_shared<transfer>()) {
    if (executor) bind(executor);
  }
  ~watched_fd() { close(); }

  bool is_open() const noexcept { return fd_ || registered_; }
  /// Empty when the context has gone.
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Hands out what has been read. 0 with @p failure: `would_block`, `eof`, or the system's error.
  std::size_t read_some(void* data, std::size_t size, error_code& failure) {
    const std::lock_guard lock(now_->mutex);
    if (now_->state != transfer::done) return failure = asio::error::would_block, 0;
    if (now_->failure) {  // it stays: there is nothing behind it
      failure = is_end(now_->failure) ? error_code(asio::error::eof) : now_->failure;
      return 0;
    }
    const std::size_t count = std::min(size, now_->count - now_->begin);
    std::memcpy(data, now_->bytes.data() + now_->begin, count);
    now_->begin += count;
    if (now_->begin == now_->count) now_->state = transfer::idle;
    return count;
  }

  /// Begins to write the first piece of what is given, or tells what has become of it: so it has to
  /// be given again until then. 0 with @p failure: `would_block`, `broken_pipe`, or the system's error.
  std::size_t write_some(const void* data, std::size_t size, error_code& failure) {
    {
      const std::lock_guard lock(now_->mutex);
      if (now_->state == transfer::done) {
        now_->state = transfer::idle;
        failure = is_end(now_->failure) ? error_code(asio::error::broken_pipe) : now_->failure;
        return failure ? 0 : now_->count;
      }
      failure = asio::error::would_block;
      if (now_->state == transfer::running) return 0;
    }
    handle& pipe = registered();
    {
      const std::lock_guard lock(now_->mutex);
      const auto* const bytes = static_cast<const char*>(data);
      now_->bytes.assign(bytes, bytes + std::min(size, piece));
      now_->state = transfer::running;
    }
    pipe.async_write_some(
        asio::buffer(now_->bytes),
        [now = now_](error_code code, std::size_t written) { now->ended(code, written); });
    return 0;
  }
  /// How much of what was begun to be written goes on without anybody who waits for it.
  std::size_t let_go() noexcept {
    const std::lock_guard lock(now_->mutex);
    if (now_->state == transfer::running)
      return std::exchange(now_->let_go, true) ? 0 : now_->bytes.size();
    if (now_->state == transfer::done && !now_->failure) {
      now_->state = transfer::idle;
      return now_->count;
    }
    return 0;
  }

  /// Whether something that was begun to be written goes on.
  bool writing() const {
    const std::lock_guard lock(now_->mutex);
    return !now_->reading && now_->state == transfer::running;
  }
  /// Ends what was begun to be written, if it goes on: some of it has been written, perhaps.
  void give_up() noexcept {
    error_code ignored;
    if (let_go() > 0 && registered_ && writing()) registered_->cancel(ignored);
  }

  /// Whether it can be waited for, for where nothing may throw: @p failure says why not.
  bool can_wait(error_code& failure) {
    try {
      registered();
      return true;
    } catch (const boost::system::system_error& e) {
      failure = e.code();
      return false;
    }
  }
  /// Calls @p handler, with an error, when there is something to hand out. Where it can_wait.
  template <class Handler>
  void async_wait(wait_type kind, Handler&& handler) {
    const auto wake = waited_by_ = std::make_shared<wakeup>(executor_);
    const asio::any_io_executor here = asio::get_associated_executor(handler, executor_);
    wake->start_wait(std::forward<Handler>(handler), here);
    notify(kind, wake, 1);
  }

  /// Ends all waits on it. A read is ended, too; nothing that it had read is lost.
  void cancel() {
    error_code ignored;
    if (now_->reading && registered_) registered_->cancel(ignored);
    now_->tell();
  }
  void close() {
    cancel();
    error_code ignored;
    if (registered_) registered_->close(ignored);
    registered_.reset();
    fd_.reset();
  }

  /// Waits until something can be written, or has been. Error: cancelled, or closed.
  awaitable<std::tuple<error_code>> writable() {
    const error_code failure = co_await wait(to_write);
    co_return std::tuple<error_code>(failure);
  }
  /// Waits for bytes, or the end, and puts them into @p room.
  awaitable<std::tuple<error_code, std::size_t>> read(asio::mutable_buffer room) {
    error_code failure = co_await wait(to_read);
    std::size_t count = 0;
    if (!failure) count = read_some(room.data(), room.size(), failure);
    co_return std::tuple<error_code, std::size_t>(failure, count);
  }

  /// Notifies @p target with @p bit when there is something to hand out, or no more waited for.
  void notify(wait_type kind, std::shared_ptr<wakeup> target, unsigned bit) {
    handle& pipe = registered();
    {
      const std::lock_guard lock(now_->mutex);
      now_->target = std::move(target);
      now_->bit = bit;
    }
    if (kind == to_read) start_read(pipe);
    else now_->tell_unless_running();
  }

 private:
  using handle = asio::windows::basic_stream_handle<reactor_executor>;
  static constexpr std::size_t piece = 64 * 1024;

  /// What goes on, or has come of it. It outlives the handle as long as the system writes into it.
  class transfer {
   public:
    enum { idle, running, done } state = idle;
    std::mutex mutex;
    std::vector<char> bytes;
    std::size_t begin = 0, count = 0;
    error_code failure;
    bool reading = false;
    bool let_go = false;  // nobody is to be told of this write
    std::shared_ptr<wakeup> target;
    unsigned bit = 0;

    void ended(const error_code& code, std::size_t bytes_moved) {
      {
        const std::lock_guard lock(mutex);
        // A child may write nothing, and that is read.
        const bool nothing =
            reading && (code == asio::error::operation_aborted || (!code && bytes_moved == 0));
        state = nothing || std::exchange(let_go, false) ? idle : done;
        failure = code;
        begin = 0;
        count = bytes_moved;
      }
      tell();
    }
    void tell() {
      std::shared_ptr<wakeup> whom;
      {
        const std::lock_guard lock(mutex);
        whom.swap(target);
      }
      if (whom) whom->notify(bit);
    }
    void tell_unless_running() {
      {
        const std::lock_guard lock(mutex);
        if (state == running) return;
      }
      tell();
    }
  };

  /// What says that the other side has been closed.
  static bool is_end(const error_code& code) {
    return code == asio::error::eof || code == system_error(ERROR_BROKEN_PIPE) ||
           code == system_error(ERROR_NO_DATA) || code == system_error(ERROR_PIPE_NOT_CONNECTED) ||
           code == system_error(ERROR_HANDLE_EOF);
  }

  handle& registered() {
    if (!executor_ || !is_open()) throw cancelled_error("wait for a closed pipe");
    if (!registered_) {
      registered_.emplace(reactor_executor(&executor_));
      registered_->assign(fd_.get());
      fd_.release();
    }
    return *registered_;
  }

  void start_read(handle& pipe) {
    {
      const std::lock_guard lock(now_->mutex);
      now_->reading = true;
      if (now_->state == transfer::running) return;
      if (now_->state == transfer::idle) {
        now_->state = transfer::running;
        now_->bytes.resize(piece);
        pipe.async_read_some(
            asio::buffer(now_->bytes),
            [now = now_](error_code code, std::size_t read) { now->ended(code, read); });
        return;
      }
    }
    now_->tell();
  }

  awaitable<error_code> wait(wait_type kind) {
    registered();  // throws where there is nothing to wait for
    const auto wake = std::make_shared<wakeup>(executor_);
    notify(kind, wake, 1);
    const error_code failure = co_await wake->wait();
    if (failure) cancel();
    else if (!is_open()) co_return error_code(asio::error::operation_aborted);
    co_return failure;
  }

  void context_gone(std::vector<wait_handler>&) override {
    close();
    executor_ = asio::any_io_executor();
  }

  asio::any_io_executor executor_;  // empty when the context has gone
  unique_fd fd_;                    // until it is registered
  std::optional<handle> registered_;
  std::shared_ptr<transfer> now_;
  std::shared_ptr<wakeup> waited_by_;  // that of async_wait, whose handler does not keep it
};

}  // namespace coproc::detail
