// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <coproc/detail/config.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace coproc::detail {

class context_service;
class wakeup;
using wait_handler = asio::any_completion_handler<void(error_code)>;

/// Something with parts in an execution context (registered descriptors, strands) that may outlive
/// it: it drops them when the context goes.
class context_bound {
 public:
  context_bound() = default;
  context_bound(const context_bound&) = delete;
  context_bound& operator=(const context_bound&) = delete;

 protected:
  ~context_bound() { unbind(); }
  inline void bind(const asio::any_io_executor& executor);
  inline void unbind();

 private:
  friend context_service;
  /// @param waiting for what resumes a coroutine: destroying that destroys the coroutine, which has
  /// to wait until all have dropped their parts
  virtual void context_gone(std::vector<wait_handler>& waiting) = 0;
  context_service* service_ = nullptr;
  context_bound* previous_ = nullptr;
  context_bound* next_ = nullptr;
};

/// What the library keeps for each execution context.
class context_service : public asio::execution_context::service {
 public:
  using key_type = context_service;
  inline static asio::execution_context::id id;

  explicit context_service(asio::execution_context& context) : service(context) {}

  static context_service& of(const asio::any_io_executor& executor) {
    return asio::use_service<context_service>(asio::query(executor, asio::execution::context));
  }

  /// A child is being reaped elsewhere: the context's run() does not return before that is done.
  /// @param forget called when the context goes before that
  /// @return the number of this cleanup
  std::uint64_t cleanup_started(const asio::any_io_executor& executor,
                                void (*forget)(context_service&)) {
    const std::lock_guard lock(mutex_);
    cleanups_.insert(cleanups_.end(), ++last_cleanup_);
    forget_ = forget;
    if (!work_) work_.emplace(asio::prefer(executor, asio::execution::outstanding_work.tracked));
    return last_cleanup_;
  }
  inline void cleanup_finished(std::uint64_t number);
  /// The number of the last cleanup, 0 where none is going on.
  std::uint64_t cleaning() {
    const std::lock_guard lock(mutex_);
    return cleanups_.empty() ? 0 : last_cleanup_;
  }
  /// Notifies @p waiting when all cleanups up to that @p number are done; false where they are.
  bool notify_when_clean(std::uint64_t number, const std::shared_ptr<wakeup>& waiting) {
    const std::lock_guard lock(mutex_);
    if (clean_up_to(number)) return false;
    waiting_.emplace_back(number, waiting);
    return true;
  }

  /// How many threads run the context, where that is known: on those of run(). With one there is
  /// no need of strands; with several, coroutines that are run beside each other leave the strand
  /// of the one that waits for them.
  enum class threads { unknown, one, several };
  std::atomic<threads> run_by = threads::unknown;

 private:
  friend context_bound;
  inline void shutdown() override;
  bool clean_up_to(std::uint64_t number) const {
    return cleanups_.empty() || *cleanups_.begin() > number;
  }

  std::mutex mutex_;
  context_bound* bound_ = nullptr;
  std::uint64_t last_cleanup_ = 0;
  std::set<std::uint64_t> cleanups_;  // those going on
  void (*forget_)(context_service&) = nullptr;
  std::optional<asio::any_io_executor> work_;
  std::vector<std::pair<std::uint64_t, std::shared_ptr<wakeup>>> waiting_;
};

void context_bound::bind(const asio::any_io_executor& executor) {
  if (service_ != nullptr) return;
  service_ = &context_service::of(executor);
  const std::lock_guard lock(service_->mutex_);
  next_ = std::exchange(service_->bound_, this);
  if (next_ != nullptr) next_->previous_ = this;
}

void context_bound::unbind() {
  if (service_ == nullptr) return;
  const std::lock_guard lock(service_->mutex_);
  (previous_ != nullptr ? previous_->next_ : service_->bound_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  service_ = nullptr;
  previous_ = next_ = nullptr;
}

void context_service::shutdown() {
  if (forget_ != nullptr) forget_(*this);
  decltype(waiting_) waiting;  // destroyed without the lock, which a wakeup's end takes too
  {
    const std::lock_guard lock(mutex_);
    work_.reset();
    waiting.swap(waiting_);
  }
  std::vector<wait_handler> handlers;
  // One by one, since dropping the parts of one may destroy others.
  while (bound_ != nullptr) {
    context_bound* const one = bound_;
    one->unbind();
    one->context_gone(handlers);
  }
}

}  // namespace coproc::detail
