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
  explicit outcome(std::exception_ptr failure) : failure_(std::move(failure)) {}
  explicit outcome(std::optional<detail::no_void<T>> value) : value_(std::move(value)) {}

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  /// Null where there is a value.
  const std::exception_ptr& exception() const noexcept { return failure_; }

  /// @throws the exception, where there is one
  decltype(auto) value() & {
    check();
    return *value_;
  }
  decltype(auto) value() const& {
    check();
    return *value_;
  }
  decltype(auto) value() && {
    check();
    return std::move(*value_);
  }
  decltype(auto) operator*() & { return value(); }
  decltype(auto) operator*() const& { return value(); }
  auto* operator->() { return &value(); }

 private:
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  std::optional<detail::no_void<T>> value_;
  std::exception_ptr failure_;
};

}  // namespace coproc
