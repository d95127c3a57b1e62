// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The calls by which a POSIX system launches, waits and signals: those of Linux, or what all have.
// COPROC_POSIX_ONLY chooses the latter on Linux too.

#if defined(__linux__) && !defined(COPROC_POSIX_ONLY)
#include <coproc/detail/os/posix/calls_linux.hpp>  // IWYU pragma: export
#include <coproc/detail/os/posix/clone_linux.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/os/posix/calls_posix.hpp>  // IWYU pragma: export
#endif
