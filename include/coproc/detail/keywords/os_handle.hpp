// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coproc::detail {

/// What the system calls an open file: a descriptor, on Windows a HANDLE.
#if defined(_WIN32)
using os_handle = void*;
inline constexpr os_handle no_handle = nullptr;
#else
using os_handle = int;
inline constexpr os_handle no_handle = -1;
#endif

}  // namespace coproc::detail
