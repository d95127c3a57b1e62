// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/os.hpp>
#include <coproc/shell.hpp>

namespace coproc::detail {

COPROC_INLINE std::string shell_word(const std::string& value) { return quoted_for_shell(value); }

COPROC_INLINE command shell_command_of(std::string script, options chosen) {
  std::vector<std::string> words = shell_words_of(std::move(script), chosen);
  if (const auto shell = std::exchange(chosen.executable, std::nullopt))
    words.front() = path_text(*shell);
  command shell(words);
  shell.options() = std::move(chosen);
  return shell;
}

COPROC_INLINE std::string fill_in(std::string_view text, const std::vector<std::string>& values) {
  std::string filled;
  const std::size_t count = read_braces(
      text, [&](char c) { filled += c; },
      [&](std::size_t i) { filled += i < values.size() ? values[i] : std::string(); });
  if (count == single_brace)
    throw std::invalid_argument(
        "coproc: shell: a single brace in '" + std::string(text) +
        "'; where values are given {} stands for one, and {{ and }} for braces");
  if (count != values.size())
    throw std::invalid_argument("coproc: shell: '" + std::string(text) + "' has " +
                                std::to_string(count) + " {} for " + std::to_string(values.size()) +
                                " values");
  return filled;
}

}  // namespace coproc::detail
