// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/keywords/options.hpp>
#include <coproc/quote.hpp>

namespace coproc::detail {

/// A value as one word of a shell's text.
inline std::string quoted_for_shell(const std::string& value) { return quote(value); }

/// The words that run a text by the shell.
inline std::vector<std::string> shell_words_of(std::string script, options&) {
  std::vector<std::string> words = {"/bin/sh", "-c"};
  // A text that starts as an option would must not be taken for one.
  if (script.starts_with('-') || script.starts_with('+')) words.emplace_back("--");
  words.push_back(std::move(script));
  return words;
}

}  // namespace coproc::detail
