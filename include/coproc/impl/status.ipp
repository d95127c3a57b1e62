// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/signals.hpp>
#include <coproc/status.hpp>
#include <cstdio>

namespace coproc {

COPROC_INLINE std::string signal_name(int number) {
  for (const auto& [value, name] : detail::signal_numbers::names)
    if (value == number) return name;
  return "signal " + std::to_string(number);
}

COPROC_INLINE std::string describe(int returncode) {
  if (returncode == unknown_returncode) return "ended, status unknown";
  if (returncode < -255) {  // Windows only
    char text[2 + 2 * sizeof returncode + 1];
    std::snprintf(text, sizeof text, "0x%08X", static_cast<unsigned>(returncode));
    return std::string("ended by ") + text;
  }
  if (returncode < 0) return "killed by " + signal_name(-returncode);
  return "exit status " + std::to_string(returncode);
}

}  // namespace coproc
