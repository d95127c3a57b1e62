// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <coproc/awaitable.hpp>
#include <coproc/detail/task/context_member.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#if __has_include(<boost/asio/config.hpp>)
#include <boost/asio/config.hpp>
#endif

namespace coproc::detail {

/// What the library keeps for each execution context.
class context_service : public asio::execution_context::service {
 public:
  using key_type = context_service;
  inline static asio::execution_context::id id;

  explicit context_service(asio::execution_context& context)
      : service(context), takes_posts_(is_locked(context)) {}

  static context_service& of(const asio::any_io_executor& executor) {
    return asio::use_service<context_service>(asio::query(executor, asio::execution::context));
  }

  /// Whether other threads may post to the context: not where it was made without locks.
  bool takes_posts() const { return takes_posts_; }

  /// Somebody else reaps a child of this context: run() does not return before that is done.
  /// @param forget is called when the context goes before that
  /// @return the number of this cleanup
  std::uint64_t cleanup_started(const asio::any_io_executor& executor,
                                void (*forget)(context_service&)) {
    const std::lock_guard lock(mutex_);
    const auto entry = cleanups_.insert(cleanups_.end(), ++last_cleanup_);
    try {
      if (!work_) work_.emplace(asio::prefer(executor, asio::execution::outstanding_work.tracked));
    } catch (...) {
      cleanups_.erase(entry);
      throw;
    }
    forget_ = forget;
    return last_cleanup_;
  }
  /// @throws std::bad_alloc, and may then be called again
  void cleanup_finished(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    cleanups_.erase(number);
    for (std::size_t i = 0; i < waiting_.size();) {
      if (!clean_up_to(waiting_[i].first)) {
        ++i;
        continue;
      }
      auto callback = std::move(waiting_[i].second);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      lock.unlock();
      try {
        callback();
      } catch (...) {
        lock.lock();
        waiting_.emplace_back(number, std::move(callback));
        throw;
      }
      callback = nullptr;  // its end may take the lock, too
      lock.lock();
    }
    if (!cleanups_.empty() || !work_) return;
    // Within run(): work that ends outside of it would stop a context that nobody runs just now.
    asio::post(*work_, [] {});
    work_.reset();
  }
  /// The number of the last cleanup, 0 where none is going on.
  std::uint64_t last_cleanup() {
    const std::lock_guard lock(mutex_);
    return cleanups_.empty() ? 0 : last_cleanup_;
  }
  /// Calls @p callback, on any thread, when all cleanups up to that @p number are done. False: they
  /// are done already.
  bool notify_when_clean(std::uint64_t number, std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    if (clean_up_to(number)) return false;
    waiting_.emplace_back(number, std::move(callback));
    return true;
  }

  /// How many threads run the context, where that is known: on those of run(). With one thread no
  /// strands are needed. With several, tasks leave the strand of the coroutine that waits for them.
  enum class threads { unknown, one, several };
  std::atomic<threads> run_by = threads::unknown;

 private:
  friend context_member;

  void shutdown() override {
    if (forget_ != nullptr) forget_(*this);
    decltype(waiting_) waiting;  // destroyed without the lock, which a callback's end may take
    {
      const std::lock_guard lock(mutex_);
      work_.reset();
      waiting.swap(waiting_);
    }
    std::vector<wait_handler> handlers;
    // One by one, since dropping the parts of one member may destroy others.
    while (members_ != nullptr) {
      context_member* const member = members_;
      member->leave_context();
      member->context_gone(handlers);
    }
  }

  static bool is_locked([[maybe_unused]] asio::execution_context& context) {
#if !defined(BOOST_ASIO_HAS_THREADS)
    return false;
#elif __has_include(<boost/asio/config.hpp>)
    return asio::config(context).get("scheduler", "locking", true);
#else
    using scheduler = asio::detail::io_context_impl;
    return !asio::has_service<scheduler>(context) ||
           BOOST_ASIO_CONCURRENCY_HINT_IS_LOCKING(
               SCHEDULER, asio::use_service<scheduler>(context).concurrency_hint());
#endif
  }

  bool clean_up_to(std::uint64_t number) const {
    return cleanups_.empty() || *cleanups_.begin() > number;
  }

  const bool takes_posts_;
  std::mutex mutex_;
  context_member* members_ = nullptr;
  std::uint64_t last_cleanup_ = 0;
  std::set<std::uint64_t> cleanups_;  // those going on
  void (*forget_)(context_service&) = nullptr;
  std::optional<asio::any_io_executor> work_;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> waiting_;
};

}  // namespace coproc::detail
