// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/launch_hooks.hpp>
#include <coproc/trace.hpp>

namespace coproc {

COPROC_ON_USE awaitable<hook_guard> intercept(std::function<command(command)> change) {
  if (!change) throw std::invalid_argument("coproc: intercept: an empty function");
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return hook_guard(detail::launch_hooks::made_for(executor).add(std::move(change)));
}

COPROC_ON_USE awaitable<hook_guard> trace(std::function<void(const trace_event&)> handler) {
  if (!handler) throw std::invalid_argument("coproc: trace: an empty function");
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return hook_guard(detail::launch_hooks::made_for(executor).add(std::move(handler)));
}

}  // namespace coproc
