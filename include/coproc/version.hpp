// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one place that says which version this is; CMake reads it from here.

#define COPROC_VERSION_MAJOR 0
#define COPROC_VERSION_MINOR 1
#define COPROC_VERSION_PATCH 0

/// To be compared: 100 is version 0.1.0.
#define COPROC_VERSION \
  (COPROC_VERSION_MAJOR * 10000 + COPROC_VERSION_MINOR * 100 + COPROC_VERSION_PATCH)
