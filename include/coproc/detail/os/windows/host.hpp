// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/windows/handle.hpp>
#include <cstdlib>
#include <string_view>

namespace coproc::detail {

inline const char* trusted_variable(const char* name) { return std::getenv(name); }

inline void write_to_stderr(std::string_view text) noexcept {
  DWORD written = 0;
  ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), text.data(), static_cast<DWORD>(text.size()),
              &written, nullptr);
}

}  // namespace coproc::detail
