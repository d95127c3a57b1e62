// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace coproc {
namespace detail {

/// A type that can be kept: `std::monostate` for void.
template <class T>
using no_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

/// A result, or the exception that came in its place.
template <class T>
class outcome {
 public:
  /// @param failure what exception() returns
  explicit outcome(std::exception_ptr failure) : failure_(std::move(failure)) {}
  /// @param value what value() returns; it must hold one
  explicit outcome(std::optional<detail::no_void<T>> value) : value_(std::move(value)) {}

  /// Whether there is a result, and no exception.
  bool has_value() const noexcept { return value_.has_value(); }
  /// has_value().
  explicit operator bool() const noexcept { return has_value(); }
  /// Null where there is a value.
  const std::exception_ptr& exception() const noexcept { return failure_; }

  /// The result, `std::monostate` for void, or the exception is rethrown.
  /// @throws the exception, where there is one
  decltype(auto) value() & {
    check();
    return *value_;
  }
  /// The same, of a constant.
  decltype(auto) value() const& {
    check();
    return *value_;
  }
  /// The same, of a temporary: to be moved from.
  decltype(auto) value() && {
    check();
    return std::move(*value_);
  }
  /// value().
  decltype(auto) operator*() & { return value(); }
  /// value().
  decltype(auto) operator*() const& { return value(); }
  /// value(), for its members.
  auto* operator->() { return &value(); }
  /// The same, of a constant.
  const auto* operator->() const { return &value(); }

 private:
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  std::optional<detail::no_void<T>> value_;
  std::exception_ptr failure_;
};

}  // namespace coproc
