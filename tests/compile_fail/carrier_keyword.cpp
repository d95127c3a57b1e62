// expect: coproc: a carrier takes words and carrier_code; a keyword belongs to the command
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto place = coproc::inside("docker", "exec", cwd = "/");
