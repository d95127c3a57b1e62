// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/windows/basic_stream_handle.hpp>
#include <coproc/detail/os/inline_executor.hpp>
#include <coproc/detail/os/windows/handle.hpp>
#include <coproc/detail/task/event.hpp>
#include <coproc/error.hpp>
#include <cstring>
#include <optional>
#include <tuple>
#include <vector>

namespace coproc::detail {

/// One side of a pipe. Windows does not tell when a pipe can be read or written; it tells when it
/// has done so. So what is waited for is a read of its own, whose bytes the next read_some hands
/// out, or the write of a piece that write_some has taken, and reports then.
class async_pipe_end final : private context_member {
 public:
  using handle = asio::windows::basic_stream_handle<inline_executor>;
  enum wait_type { to_read, to_write };

  async_pipe_end(const asio::any_io_executor& executor, unique_handle fd)
      : executor_(executor), fd_(std::move(fd)), transfer_(std::make_shared<transfer>()) {
    if (executor) join_context(executor);
  }
  ~async_pipe_end() { close(); }

  /// Of a terminal, of which there are none.
  os_handle get() const noexcept { return fd_.get(); }
  bool is_open() const noexcept { return fd_ || registered_; }
  /// Empty when the context has gone.
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Hands out what has been read. 0 with @p failure: `would_block`, `eof`, or the system's error.
  std::size_t read_some(void* data, std::size_t size, error_code& failure) {
    const std::lock_guard lock(transfer_->mutex);
    if (transfer_->state != transfer::done) return failure = asio::error::would_block, 0;
    if (transfer_->failure) {  // it stays: there is nothing behind it
      failure = is_end(transfer_->failure) ? error_code(asio::error::eof) : transfer_->failure;
      return 0;
    }
    const std::size_t count = std::min(size, transfer_->count - transfer_->begin);
    std::memcpy(data, transfer_->bytes.data() + transfer_->begin, count);
    transfer_->begin += count;
    if (transfer_->begin == transfer_->count) transfer_->state = transfer::idle;
    return count;
  }

  /// The same for the first of some buffers that has bytes.
  std::size_t write_some(const std::vector<asio::const_buffer>& buffers, error_code& failure) {
    for (const asio::const_buffer& bytes : buffers)
      if (bytes.size() > 0) return write_some(bytes.data(), bytes.size(), failure);
    return 0;
  }

  /// Begins to write the first piece of what is given, or tells what has become of it: so it has to
  /// be given again until then. 0 with @p failure: `would_block`, `broken_pipe`, or the system's
  /// error.
  std::size_t write_some(const void* data, std::size_t size, error_code& failure) {
    {
      const std::lock_guard lock(transfer_->mutex);
      if (transfer_->state == transfer::done) {
        transfer_->state = transfer::idle;
        failure =
            is_end(transfer_->failure) ? error_code(asio::error::broken_pipe) : transfer_->failure;
        return failure ? 0 : transfer_->count;
      }
      failure = asio::error::would_block;
      if (transfer_->state == transfer::running) return 0;
    }
    handle& pipe = registered();
    {
      const std::lock_guard lock(transfer_->mutex);
      const auto* const bytes = static_cast<const char*>(data);
      transfer_->bytes.assign(bytes, bytes + std::min(size, piece));
      transfer_->state = transfer::running;
    }
    pipe.async_write_some(
        asio::buffer(transfer_->bytes),
        [moved = transfer_](error_code code, std::size_t written) { moved->ended(code, written); });
    return 0;
  }
  /// Bytes still in flight that no one is waiting for.
  std::size_t detach_write() noexcept {
    const std::lock_guard lock(transfer_->mutex);
    if (transfer_->state == transfer::running)
      return std::exchange(transfer_->detached, true) ? 0 : transfer_->bytes.size();
    if (transfer_->state == transfer::done && !transfer_->failure) {
      transfer_->state = transfer::idle;
      return transfer_->count;
    }
    return 0;
  }

  /// Whether something that was begun to be written goes on.
  bool writing() const {
    const std::lock_guard lock(transfer_->mutex);
    return !transfer_->reading && transfer_->state == transfer::running;
  }
  /// Ends what was begun to be written, if it goes on: some of it has been written, perhaps.
  void cancel_write() noexcept {
    error_code ignored;
    if (detach_write() > 0 && registered_ && writing()) registered_->cancel(ignored);
  }

  /// For waits. Throws where there is nothing to wait for, or no means to.
  handle& registered() {
    if (!is_open()) throw cancelled_error("wait for a closed pipe");
    if (!executor_) throw_context_gone();
    if (!registered_) {
      registered_.emplace(inline_executor(&executor_));
      registered_->assign(fd_.get());
      fd_.release();
    }
    return *registered_;
  }

  /// Ends all waits on it. A read is ended, too; nothing that it had read is lost.
  void cancel() {
    error_code ignored;
    if (transfer_->reading && registered_) registered_->cancel(ignored);
    transfer_->tell();
  }
  void close() {
    cancel();
    error_code ignored;
    if (registered_) registered_->close(ignored);
    registered_.reset();
    fd_.reset();
  }

  /// Waits until something can be written, or has been. Error: cancelled, or closed.
  COPROC_ON_USE awaitable<error_code> writable() { return wait(to_write); }

  /// Windows has no pipes that grow.
  void enlarge(std::size_t) {}

  /// Waits for bytes, or the end, and puts them into @p room.
  COPROC_ON_USE awaitable<std::tuple<error_code, std::size_t>> read(asio::mutable_buffer room) {
    error_code failure = co_await wait(to_read);
    std::size_t count = 0;
    if (!failure) count = read_some(room.data(), room.size(), failure);
    co_return std::tuple<error_code, std::size_t>(failure, count);
  }

  /// Notifies @p target with @p bit when there is something to hand out, or no more waited for.
  void notify(wait_type kind, std::shared_ptr<event> target, unsigned bit) {
    handle& pipe = registered();
    {
      const std::lock_guard lock(transfer_->mutex);
      transfer_->target = std::move(target);
      transfer_->bit = bit;
    }
    if (kind == to_read) start_read(pipe);
    else transfer_->tell_unless_running();
  }

 private:
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
    bool detached = false;  // nobody is to be told of this write
    std::shared_ptr<event> target;
    unsigned bit = 0;

    void ended(const error_code& code, std::size_t bytes_moved) {
      {
        const std::lock_guard lock(mutex);
        // A child may write nothing, and that is read.
        const bool nothing =
            reading && (code == asio::error::operation_aborted || (!code && bytes_moved == 0));
        state = nothing || std::exchange(detached, false) ? idle : done;
        failure = code;
        begin = 0;
        count = bytes_moved;
      }
      tell();
    }
    void tell() {
      std::shared_ptr<event> told;
      {
        const std::lock_guard lock(mutex);
        told.swap(target);
      }
      if (told) told->notify(bit);
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

  void start_read(handle& pipe) {
    {
      const std::lock_guard lock(transfer_->mutex);
      transfer_->reading = true;
      if (transfer_->state == transfer::running) return;
      if (transfer_->state == transfer::idle) {
        transfer_->state = transfer::running;
        transfer_->bytes.resize(piece);
        pipe.async_read_some(
            asio::buffer(transfer_->bytes),
            [moved = transfer_](error_code code, std::size_t read) { moved->ended(code, read); });
        return;
      }
    }
    transfer_->tell();
  }

  COPROC_ON_USE awaitable<error_code> wait(wait_type kind) {
    registered();  // throws where there is nothing to wait for
    const auto wake = std::make_shared<event>(executor_);
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
  unique_handle fd_;                // until it is registered
  std::optional<handle> registered_;
  std::shared_ptr<transfer> transfer_;
};

}  // namespace coproc::detail
