// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The seam to the operating system for launching, waiting and signalling: one file per kind.

#if defined(__linux__)
#include <coproc/detail/system_linux.hpp>  // IWYU pragma: export
#else
#error "coproc: only Linux has a launcher so far"
#endif
