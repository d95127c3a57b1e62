// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace coproc::detail {

template <class T>
concept text = (std::convertible_to<const T&, std::string_view> ||
                std::convertible_to<const T&, std::string>)&&!std::is_null_pointer_v<T>;

/// Bytes in one piece that are no text: a std::vector<char>, a std::span<const std::byte>.
template <class T>
concept byte_range =
    !text<T> && std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T> &&
    sizeof(std::ranges::range_value_t<const T>) == 1 &&
    !std::same_as<std::ranges::range_value_t<const T>, bool>;

/// What can be written.
template <class T>
concept bytes = text<T> || byte_range<T>;

template <bytes T>
std::string to_bytes(const T& value) {
  if constexpr (std::is_pointer_v<T>)
    if (value == nullptr)
      throw std::invalid_argument("coproc: a null pointer where a string was expected");
  if constexpr (std::convertible_to<const T&, std::string_view>)
    return std::string(static_cast<std::string_view>(value));
  else if constexpr (text<T>) return value;
  else
    return std::string(reinterpret_cast<const char*>(std::ranges::data(value)),
                       std::ranges::size(value));
}

/// g++ 12 copies a temporary aggregate in a co_await expression bit by bit, and destroys both.
/// @tparam T as a forwarding reference has it
template <class T>
constexpr void refuse_unsafe_temporary() {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  static_assert(std::is_lvalue_reference_v<T> || !std::is_aggregate_v<std::remove_cvref_t<T>> ||
                    std::is_trivially_copyable_v<std::remove_cvref_t<T>>,
                "coproc: g++ 12 copies this temporary bit by bit within a co_await: name it first");
#endif
}

}  // namespace coproc::detail
