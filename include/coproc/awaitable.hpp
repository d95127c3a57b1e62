// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What every header stands on: Boost.Asio's coroutines under a short name, and the two forms of
// the library.
//
// Header-only is the default: each public header includes its definitions (impl/*.ipp) below its
// last line. With COPROC_SEPARATE_COMPILATION the headers only declare, and one source file that
// includes <coproc/src.hpp> holds all definitions. COPROC_INLINE marks them in either form.
//
// COPROC_ON_USE stands in its place, and before the declaration too, at every function that is a
// coroutine or gives the awaitable of one: g++ compiles each coroutine that it sees, called or not,
// so in the header-only form they are templates, made where they are called. (So are a few others,
// whose bodies cost much and which few programs call.) A mark that is missing on one side shows in
// the header-only form only; of a free function, as an undefined reference. (In detail/*.hpp, which
// have no other file for their definitions, it is `COPROC_ON_USE inline`.)

#if !defined(__unix__) && !defined(__APPLE__) && !defined(_WIN32)
#error "coproc needs Windows, or a POSIX system: Linux, macOS or a BSD"
#endif

#if defined(COPROC_SEPARATE_COMPILATION)
#define COPROC_INLINE
#define COPROC_ON_USE
#else
#define COPROC_INLINE inline
#define COPROC_ON_USE template <class...>
#endif

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

/// Awaitable child processes: what `<coproc/coproc.hpp>` declares. The keywords are in
/// coproc::keywords, and visible here as well.
namespace coproc {

namespace asio = boost::asio;
using boost::system::error_code;

/// What each operation of this library returns: co_await it, or give it to gather, wait_for,
/// asio::co_spawn or asio's awaitable_operators. It starts when it is awaited.
template <class T = void>
using awaitable = asio::awaitable<T, asio::any_io_executor>;

}  // namespace coproc
