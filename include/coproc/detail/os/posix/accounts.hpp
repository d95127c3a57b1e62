// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace coproc::detail {

/// What the system knows of a user.
struct user_entry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Calls one of the functions that look up an account, with a buffer that is large enough.
/// @param look_up (buffer) -> (errno, found)
/// @return 0, or an errno; ENOENT: there is none
template <class LookUp>
int look_up_account(LookUp look_up) {
  std::vector<char> buffer(1024);
  for (;;) {
    const auto [error, found] = look_up(buffer);
    if (found) return 0;
    if (error != ERANGE) return error == 0 ? ENOENT : error;
    buffer.resize(buffer.size() * 2);
  }
}

/// @param key a name or a number
template <class Key>
int find_user(const Key& key, user_entry& user) {
  return look_up_account([&](std::vector<char>& buffer) {
    passwd entry, *found = nullptr;
    int error = 0;
    if constexpr (std::is_same_v<Key, std::string>)
      error = ::getpwnam_r(key.c_str(), &entry, buffer.data(), buffer.size(), &found);
    else error = ::getpwuid_r(key, &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) user = {entry.pw_name, entry.pw_uid, entry.pw_gid};
    return std::pair(error, found != nullptr);
  });
}

inline int find_group(const std::string& name, gid_t& number) {
  return look_up_account([&](std::vector<char>& buffer) {
    group entry, *found = nullptr;
    const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) number = entry.gr_gid;
    return std::pair(error, found != nullptr);
  });
}

/// The user's own group and the supplementary ones.
inline std::vector<gid_t> groups_of(const user_entry& user) {
#if defined(__APPLE__)
  using number = int;
#else
  using number = gid_t;
#endif
  for (std::vector<number> groups(16);; groups.resize(groups.size() * 2)) {
    int count = static_cast<int>(groups.size());
    const int result =
        ::getgrouplist(user.name.c_str(), static_cast<number>(user.gid), groups.data(), &count);
    if (result >= 0) return std::vector<gid_t>(groups.begin(), groups.begin() + count);
  }
}

}  // namespace coproc::detail
