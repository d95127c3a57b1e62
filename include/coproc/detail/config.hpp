// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What every header stands on: the parts of Boost.Asio in use, and the one macro.

#if !defined(__unix__) && !defined(__APPLE__) && !defined(_WIN32)
#error "coproc needs Windows, or a POSIX system: Linux, macOS or a BSD"
#endif

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

/// For code that runs in the child between clone and exec, where it shares the memory of a
/// sleeping parent: the sanitizers' bookkeeping would be written into the parent's.
#if defined(__clang__)
#define COPROC_CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined", "memory")))
#elif defined(__GNUC__)
#define COPROC_CHILD_SIDE                                                                          \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#else
#define COPROC_CHILD_SIDE
#endif

namespace coproc {

namespace asio = boost::asio;
using boost::system::error_code;

/// What each operation of this library returns: co_await it, or give it to gather, wait_for,
/// asio::co_spawn or asio's awaitable_operators. It starts when it is awaited.
template <class T = void>
using awaitable = asio::awaitable<T, asio::any_io_executor>;

}  // namespace coproc
