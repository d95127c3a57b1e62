// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The seam for children that nobody waits for any more.

#if defined(_WIN32)
#include <coproc/detail/reaper_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/reaper_posix.hpp>  // IWYU pragma: export
#endif
