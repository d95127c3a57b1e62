// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// All definitions of the library, for one source file of a program that is compiled with
// COPROC_SEPARATE_COMPILATION. (CMake's target coproc::compiled has such a file.)

#if !defined(COPROC_SEPARATE_COMPILATION)
#error "coproc/src.hpp is for a program that is compiled with COPROC_SEPARATE_COMPILATION"
#endif

#include <coproc/coproc.hpp>
// One for each public header that has definitions.
#include <coproc/impl/capture.ipp>
#include <coproc/impl/completed.ipp>
#include <coproc/impl/exec.ipp>
#include <coproc/impl/find_program.ipp>
#include <coproc/impl/pipeline.ipp>
#include <coproc/impl/process.ipp>
#include <coproc/impl/quote.ipp>
#include <coproc/impl/run.ipp>
#include <coproc/impl/shell.ipp>
#include <coproc/impl/status.ipp>
#include <coproc/impl/stream.ipp>
#include <coproc/impl/task_group.ipp>
#include <coproc/impl/trace.ipp>
#include <coproc/impl/trace_event.ipp>
#include <coproc/impl/via.ipp>
