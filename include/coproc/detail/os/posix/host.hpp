// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/posix/async_pipe.hpp>
#include <cstdlib>
#include <string_view>

namespace coproc::detail {

/// A variable of this process's environment, or null. None where this process may more than the
/// user who has set it.
inline const char* trusted_variable(const char* name) {
#if defined(__linux__) || defined(__GLIBC__)
  return ::secure_getenv(name);
#else
  return ::issetugid() != 0 ? nullptr : std::getenv(name);
#endif
}

/// Writes to stderr, in one call, so that nobody else's text stands within. What that does not take
/// is lost.
inline void write_to_stderr(std::string_view text) noexcept {
  const iovec bytes = {const_cast<char*>(text.data()), text.size()};
  [[maybe_unused]] const ssize_t written = write_without_sigpipe(2, &bytes, 1);
}

}  // namespace coproc::detail
