// expect: coproc_shell_a_single_brace_where_values_are_given_write_it_twice
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

coproc::command what = coproc::shell_command("echo { {}", 1);
