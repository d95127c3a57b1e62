// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The seam for starting a process.

#if defined(_WIN32)
#include <coproc/detail/launch_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/launch_posix.hpp>  // IWYU pragma: export
#endif
