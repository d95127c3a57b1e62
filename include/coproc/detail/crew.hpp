// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/wakeup.hpp>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace coproc::detail {

template <class T>
using no_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Coroutines run beside each other on behalf of one that waits for them. Each runs on a strand of
/// its own, so that cancelling it is safe on an executor with several threads too; unless it is
/// known that there is one thread only.
class crew : public std::enable_shared_from_this<crew> {
 public:
  /// @param parallel on the threads of run(): each beside the coroutine that waits for it, too, and
  /// not on its strand
  explicit crew(const asio::any_io_executor& executor, bool parallel = false)
      : crew(executor, std::make_shared<wakeup>(executor), 1) {
    const auto* const strand = executor.target<strand_type>();
    if (parallel && strand != nullptr && run_by_ == context_service::threads::several)
      executor_ = strand->get_inner_executor();
  }
  /// @param wake notified with @p bit when one has ended
  crew(const asio::any_io_executor& executor, std::shared_ptr<wakeup> wake, unsigned bit)
      : executor_(executor),
        run_by_(context_service::of(executor).run_by),
        wake_(std::move(wake)),
        bit_(bit) {}

  class ended {
   public:
    ended(std::size_t i, std::exception_ptr e) : index(i), failure(std::move(e)) {}
    std::size_t index;
    std::exception_ptr failure;
  };

  /// Starts a coroutine, which leaves its result in @p result.
  /// @param posted not from within this call: what it does before it first waits (a launch, say) is
  /// then done beside the others', where there are threads for it
  template <class T>
  void start(std::size_t index, awaitable<T> job,
             std::shared_ptr<std::optional<no_void<T>>> result, bool posted = false) {
    asio::any_io_executor home;
    const auto* const plain = executor_.target<plain_executor>();
    if (run_by_ == context_service::threads::one) home = executor_;
    else if (plain != nullptr) home = asio::make_strand(*plain);  // in fewer allocations
    else home = asio::make_strand(executor_);
    const auto signal = std::make_shared<asio::cancellation_signal>();
    alive_.emplace(index, member(home, signal));
    asio::co_spawn(
        home, deliver(std::move(job), std::move(result), posted),
        asio::bind_cancellation_slot(
            signal->slot(), [self = shared_from_this(), signal, index](std::exception_ptr failure) {
              {
                const std::lock_guard lock(self->mutex_);
                self->ended_.emplace_back(index, std::move(failure));
              }
              self->wake_->notify(self->bit_);
            }));
  }

  std::size_t alive() const noexcept { return alive_.size(); }

  /// Asks all that run to end. It is not waited for here.
  void cancel() {
    for (const auto& [index, one] : alive_)
      asio::post(one.home,
                 [signal = one.signal] { signal->emit(asio::cancellation_type::terminal); });
    cancelled_ = true;
  }

  /// Waits until something has ended or the wakeup was notified. Error: cancelled.
  awaitable<error_code> wait() {
    const error_code failure = co_await wake_->wait();
    wake_->take();
    co_return failure;
  }

  std::vector<ended> take_ended() {
    std::vector<ended> now;
    {
      const std::lock_guard lock(mutex_);
      now.swap(ended_);
    }
    for (const ended& one : now) alive_.erase(one.index);
    return now;
  }

  /// Waits until the children of cancelled coroutines have been reaped. Not cancellable.
  awaitable<void> clean() {
    if (cancelled_) co_await wait_until_clean();
  }

  const std::shared_ptr<wakeup>& waker() const noexcept { return wake_; }

 private:
  using plain_executor = asio::io_context::executor_type;
  using strand_type = asio::strand<plain_executor>;
  class member {
   public:
    member(asio::any_io_executor e, std::shared_ptr<asio::cancellation_signal> c)
        : home(std::move(e)), signal(std::move(c)) {}
    asio::any_io_executor home;
    std::shared_ptr<asio::cancellation_signal> signal;
  };

  template <class T>
  static awaitable<void> deliver(awaitable<T> job,
                                 std::shared_ptr<std::optional<no_void<T>>> result, bool posted) {
    if (posted) co_await asio::post(asio::use_awaitable_t<>());
    if constexpr (std::is_void_v<T>) {
      co_await std::move(job);
      result->emplace();
    } else {
      result->emplace(co_await std::move(job));
    }
  }

  asio::any_io_executor executor_;
  context_service::threads run_by_;
  std::shared_ptr<wakeup> wake_;
  unsigned bit_;
  std::map<std::size_t, member> alive_;
  bool cancelled_ = false;
  std::mutex mutex_;
  std::vector<ended> ended_;
};

}  // namespace coproc::detail
