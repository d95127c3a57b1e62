// expect: coproc: a stream is inherit, piped, devnull, terminal, a path, append(path), a descriptor, a FILE*, what has native_handle(), or for an output tee(target)
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

class sink {};
auto child = coproc::exec("cat", std_out = sink());
