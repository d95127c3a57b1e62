// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

/// @file
/// The one place that says which version this is; CMake reads it from here.

/// While it is 0, a new minor version may break what uses the one before.
#define COPROC_VERSION_MAJOR 0
/// The second number of the version.
#define COPROC_VERSION_MINOR 2
/// The third.
#define COPROC_VERSION_PATCH 0

/// To be compared: 200 is version 0.2.0.
#define COPROC_VERSION \
  (COPROC_VERSION_MAJOR * 10000 + COPROC_VERSION_MINOR * 100 + COPROC_VERSION_PATCH)
