// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// All of coproc: awaitable child processes for Boost.Asio.

#include <coproc/as_completed.hpp>
#include <coproc/capture.hpp>
#include <coproc/command.hpp>
#include <coproc/completed.hpp>
#include <coproc/error.hpp>
#include <coproc/exec.hpp>
#include <coproc/find_program.hpp>
#include <coproc/gather.hpp>
#include <coproc/outcome.hpp>
#include <coproc/pipeline.hpp>
#include <coproc/process.hpp>
#include <coproc/quote.hpp>
#include <coproc/run.hpp>
#include <coproc/separator.hpp>
#include <coproc/shell.hpp>
#include <coproc/status.hpp>
#include <coproc/stream.hpp>
#include <coproc/terminal_size.hpp>
#include <coproc/trace.hpp>
#include <coproc/trace_event.hpp>
#include <coproc/version.hpp>
#include <coproc/via.hpp>
#include <coproc/wait_for.hpp>
