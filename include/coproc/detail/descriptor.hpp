// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The seam for what a process owns of the system: descriptors here, handles on Windows.

#if defined(_WIN32)
#include <coproc/detail/descriptor_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/descriptor_posix.hpp>  // IWYU pragma: export
#endif
