// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// For the one file of a program that has main().

#if defined(__SANITIZE_THREAD__)
// What ThreadSanitizer cannot see: Asio's last release of a shared executor is ordered by a fence,
// which it does not know; the last release of an exception by a count in the C++ runtime, which is
// not instrumented, so that one thread's last look at it seems to race with another's deletion of
// it.
extern "C" const char* __tsan_default_suppressions() {
  return "race:boost::asio::execution::detail::shared_target_executor\n"
         "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
#endif
