// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/keywords.hpp>
#include <coproc/quote.hpp>
#include <ostream>
#include <ranges>

namespace coproc {

/// An argument that is not to be seen: the child gets it as it is, messages show `***`.
class secret {
 public:
  /// @param value a string, a path or an integer
  template <detail::word T>
  explicit secret(const T& value) : text(detail::to_word(value)) {}
  std::string text;  ///< what the child gets
};

/// What to run and how: program, arguments, keywords. A value: copy it, keep it, run it many times.
///
/// `command("git", "log", "-1", cwd = repo, std_out = piped)`: a string or a path is an argument,
/// an integer is one in decimal, a range of them is spliced in, `secret("...")` is an argument that
/// no message shows. Keywords may stand anywhere. A command as the first argument is the base to
/// which the rest is added.
/// @lifetime Descriptors named by keywords stay the caller's, and must be open until the child
/// has started.
class command {
 public:
  /// None: a launch of it fails.
  command() = default;
  /// @param first the program, or a command as the base
  /// @param rest arguments and keywords, in any order
  /// @throws std::invalid_argument for a null pointer, or a secret in the place of the program
  template <class First, class... Rest>
    requires(!std::same_as<std::remove_cvref_t<First>, command> || sizeof...(Rest) > 0)
  explicit command(First&& first, Rest&&... rest) {
    if constexpr (std::same_as<std::remove_cvref_t<First>, command>)
      *this = std::forward<First>(first);
    else add(first);
    (add(rest), ...);
  }

  /// Program and arguments, as the child gets them.
  const std::vector<std::string>& words() const noexcept { return words_; }

  /// The program as it is written, empty where there is none.
  std::string_view program() const noexcept {
    return words_.empty() ? std::string_view() : std::string_view(words_.front());
  }

  /// This command with other words, and the same keywords. A command among them stands for its
  /// words, and a keyword for itself: `ls.reworded("nice", "-n", 10, ls)`, `ls.reworded("true")`.
  template <class... Words>
  command reworded(const Words&... words) const {
    command changed;
    changed.options_ = options_;
    const auto add_words = [&changed]<class Word>(const Word& word) {
      if constexpr (std::same_as<Word, command>) {
        for (std::size_t i = 0; i < word.words_.size(); ++i)
          changed.push(word.words_[i], word.secret_[i]);
      } else {
        changed.add(word);
      }
    };
    (add_words(words), ...);
    return changed;
  }

  /// As one would type it in a shell; secrets are `***`, keywords are not shown.
  friend std::string to_string(const command& what) {
    std::string line;
    for (std::size_t i = 0; i < what.words_.size(); ++i) {
      if (i > 0) line += ' ';
      line += what.secret_[i] ? "***" : quote(what.words_[i]);
    }
    return line;
  }
  /// Writes to_string of it.
  friend std::ostream& operator<<(std::ostream& stream, const command& what) {
    return stream << to_string(what);
  }

  /// Whether one of its words is a secret.
  bool has_secret() const { return std::ranges::count(secret_, true) > 0; }

  /// @private What the keywords have said; for the library's own use.
  const detail::options& options() const noexcept { return options_; }
  /// @private
  detail::options& options() noexcept { return options_; }

 private:
  template <class T>
  void add(const T& argument) {
    if constexpr (detail::command_setting<T>) argument.apply(options_);
    else if constexpr (std::same_as<T, secret>) push(argument.text, true);
    else if constexpr (detail::word<T>) push(detail::to_word(argument), false);
    else if constexpr (std::ranges::input_range<const T>) {
      for (auto&& element : argument) add(element);
    } else {
      static_assert(!detail::is_setting<T>,
                    "coproc: concurrency, return_exceptions, on_start and on_done are for gather "
                    "and as_completed");
      static_assert(!std::floating_point<T>,
                    "coproc: a floating point number has no one text (0.1, 1e-1, with how many "
                    "digits?): make it a string, by std::to_string or a stream");
      static_assert(std::floating_point<T> || detail::is_setting<T>,
                    "coproc: an argument must be a string, a path, an integer, a secret, a range "
                    "of them, or a keyword with its value");
    }
  }
  void push(std::string text, bool hidden) {
    if (hidden && words_.empty())
      throw std::invalid_argument(
          "coproc: the first word names the program and cannot be a secret");
    words_.push_back(std::move(text));
    secret_.push_back(hidden);
  }

  std::vector<std::string> words_;
  std::vector<bool> secret_;
  detail::options options_;
};

/// The same, for who says `coproc::to_string`.
std::string to_string(const command& what);

}  // namespace coproc
