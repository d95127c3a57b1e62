// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <coproc/awaitable.hpp>

namespace coproc::detail {

/// Runs a handler where the reactor has found it, at once: for those that are bound to an executor
/// of their own, or only dispatch to one. With a type-erased executor each wait allocates a few
/// times, and on a strand takes it twice.
class inline_executor {
 public:
  /// @param home of the descriptor, which may only go together with that: it is looked at while a
  /// wait begins
  explicit inline_executor(const asio::any_io_executor* home) noexcept : home_(home) {}

  template <class Function>
  void execute(Function function) const {
    function();
  }
  asio::execution_context& query(asio::execution::context_t) const {
    return asio::query(*home_, asio::execution::context);
  }
  /// For a wait that ends while it begins.
  asio::any_io_executor require(asio::execution::blocking_t::never_t never) const {
    return asio::require(*home_, never);
  }
  friend bool operator==(const inline_executor&, const inline_executor&) = default;

 private:
  const asio::any_io_executor* home_;
};

}  // namespace coproc::detail
