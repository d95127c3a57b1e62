// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#define COPROC_VERSION_MAJOR 0
#define COPROC_VERSION_MINOR 1
#define COPROC_VERSION_PATCH 0
#define COPROC_VERSION_STRING "0.1.0"
