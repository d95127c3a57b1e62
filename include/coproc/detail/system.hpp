// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The seam to the operating system for launching, waiting and signalling: one file per kind.

#if defined(_WIN32)
#error "coproc: Windows has no launcher yet"
#elif defined(__linux__) && !defined(COPROC_POSIX_ONLY)
#include <coproc/detail/system_linux.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/system_posix.hpp>  // IWYU pragma: export
#endif
