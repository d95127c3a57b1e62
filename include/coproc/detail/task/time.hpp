// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace coproc::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// start + time, clamped to time_point::max().
inline steady_time deadline_after(steady_time start, std::chrono::nanoseconds time) {
  const auto length = std::chrono::ceil<std::chrono::steady_clock::duration>(time);
  return length < steady_time::max() - start ? start + length : steady_time::max();
}

inline steady_time deadline_in(std::chrono::nanoseconds time) {
  return deadline_after(std::chrono::steady_clock::now(), time);
}

}  // namespace coproc::detail
