// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace coproc::detail {

/// The number of a user or group that is given by name. 0, or an errno; EINVAL: no such name.
inline int look_up_account(const std::string& name, bool is_user, unsigned& id) {
  std::vector<char> buffer(1024);
  for (;;) {
    int error = 0;
    bool found = false;
    if (is_user) {
      passwd entry, *result = nullptr;
      error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &result);
      if ((found = result != nullptr)) id = entry.pw_uid;
    } else {
      group entry, *result = nullptr;
      error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &result);
      if ((found = result != nullptr)) id = entry.gr_gid;
    }
    if (found) return 0;
    if (error != ERANGE) return error == 0 ? EINVAL : error;
    buffer.resize(buffer.size() * 2);
  }
}

}  // namespace coproc::detail
