// expect: coproc_shell_the_number_of_braces_is_not_that_of_the_values
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

coproc::command what = coproc::shell_command("grep {} {}", 1);
