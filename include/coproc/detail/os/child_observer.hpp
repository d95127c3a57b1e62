// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/status.hpp>

namespace coproc::detail {

/// Is told by a child what becomes of it, on the thread that sees it.
class child_observer {
 public:
  virtual ~child_observer() = default;
  /// A signal has been sent to it, or to the group that it leads, perhaps after its own end.
  virtual void signalled(int number) noexcept = 0;
  /// Its end has been seen.
  virtual void ended(int returncode, const usage& used) noexcept = 0;
  /// Its end will not be seen: it was given away, or left to the reaper.
  virtual void abandoned() noexcept = 0;
};

}  // namespace coproc::detail
