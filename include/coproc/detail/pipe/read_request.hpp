// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/error.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coproc::detail {

[[noreturn]] inline void throw_over_limit(const char* name, std::size_t reached,
                                          std::size_t limit) {
  throw limit_error(
      std::string(name) + ": over the limit of " + std::to_string(limit) + " bytes without an end",
      reached);
}

/// What a read asks for, and how many bytes that is of those that are there.
class read_request {
 public:
  static read_request everything() { return read_request(kind::everything, "read"); }
  static read_request at_most(std::size_t count) {
    read_request request(kind::at_most, "read");
    request.count_ = count;
    return request;
  }
  static read_request exactly(std::size_t count) {
    read_request request(kind::exactly, "readexactly");
    request.count_ = count;
    return request;
  }
  /// @param most how many bytes may come before the text
  static read_request until(std::string text, const char* name, std::size_t most) {
    read_request request(kind::until, name);
    request.texts_.push_back(std::move(text));
    request.count_ = most;
    return request;
  }
  /// Up to and with the one of @p texts that ends first; of those that end there, the one that
  /// stands first. So it does not matter in which pieces the bytes come.
  static read_request until_first(std::vector<std::string> texts) {
    read_request request(kind::until, "until");
    request.texts_ = std::move(texts);
    request.count_ = std::string::npos;
    return request;
  }

  /// How many bytes to take; nothing while more have to come. Where nothing is said of a stream
  /// that has ended, the read is incomplete.
  /// @param bytes what is there, from the same front at each call
  /// @throws limit_error; std::invalid_argument where the text to look for is empty
  std::optional<std::size_t> ready(std::string_view bytes, bool ended) {
    switch (kind_) {
      case kind::everything: return ended ? std::optional(bytes.size()) : std::nullopt;
      case kind::at_most:
        if (count_ > 0 && bytes.empty() && !ended) return std::nullopt;
        return std::min(count_, bytes.size());
      case kind::exactly: return bytes.size() >= count_ ? std::optional(count_) : std::nullopt;
      case kind::until: break;
    }
    std::optional<std::size_t> end;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const std::size_t size = texts_[i].size();
      if (size == 0)
        throw std::invalid_argument(std::string("coproc: ") + name_ + ": the text is empty");
      longest = std::max(longest, size);
      // After one that has been found this one has to end before it.
      const std::size_t found =
          bytes.substr(0, end ? *end - 1 : bytes.size()).find(texts_[i], looked_at_);
      if (found == std::string_view::npos) continue;
      end = found + size;
      index_ = i;
    }
    // The last bytes may be the start of a text.
    looked_at_ =
        end ? *end - texts_[index_].size() : bytes.size() - std::min(bytes.size(), longest - 1);
    if (looked_at_ > count_) throw_over_limit(name_, looked_at_, count_);
    return end;
  }

  /// Which of the texts it was, once ready() has said that one is there.
  std::size_t index() const noexcept { return index_; }

  /// The operation's name, for messages.
  const char* name() const noexcept { return name_; }
  bool takes_everything() const noexcept { return kind_ == kind::everything; }
  /// Whether many bytes are to be expected.
  bool is_large() const noexcept { return kind_ == kind::everything || kind_ == kind::exactly; }
  /// For an incomplete_read_error.
  std::size_t expected() const noexcept { return kind_ == kind::exactly ? count_ : 0; }

 private:
  enum class kind { everything, at_most, exactly, until };
  read_request(kind asked, const char* name) : kind_(asked), name_(name) {}

  kind kind_;
  const char* name_;
  std::size_t count_ = 0;
  std::vector<std::string> texts_;
  std::size_t index_ = 0;
  std::size_t looked_at_ = 0;
};

}  // namespace coproc::detail
