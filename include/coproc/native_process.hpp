// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/process/v2/process.hpp>
#include <boost/process/v2/process_handle.hpp>
#include <coproc/awaitable.hpp>

namespace coproc {

/// The handle of Boost.Process that process::handle() shows.
using native_process_handle = boost::process::v2::basic_process_handle<asio::any_io_executor>;

/// The process of Boost.Process that process::release() gives the child away as.
using native_process = boost::process::v2::basic_process<asio::any_io_executor>;

}  // namespace coproc
