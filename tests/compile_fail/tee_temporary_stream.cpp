// expect: coproc: tee keeps a reference to the stream
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>
#include <sstream>

using namespace coproc::keywords;

coproc::command what("cat", std_out = tee(std::ostringstream()));
