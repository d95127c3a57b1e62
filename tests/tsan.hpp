// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// For the one file of a program that has main().

#if defined(__SANITIZE_THREAD__)
// Asio's last release of a shared executor is ordered by a fence, which ThreadSanitizer does not know.
extern "C" const char* __tsan_default_suppressions() {
  return "race:boost::asio::execution::detail::shared_target_executor\n";
}
#endif
