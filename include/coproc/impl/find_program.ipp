// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/os.hpp>
#include <coproc/find_program.hpp>

namespace coproc {

COPROC_INLINE std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) return std::nullopt;
  for (const std::string& candidate : detail::candidates_here(name))
    if (detail::is_program(candidate)) return detail::path_of(candidate);
  return std::nullopt;
}

}  // namespace coproc
