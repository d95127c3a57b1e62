// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// A place where commands run that are not this process's own children, a real sshd on the loopback,
// and a look at what runs there. (suites/slurm.cpp has a real Slurm of one node.)

#include <arpa/inet.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "support.hpp"

namespace test {

/// Words that a shell, or two of them, would take for something else.
inline std::vector<std::string> nasty_words() {
  return {"a b", "'",  "\"", "$HOME", "a\nb", "*",     "",   "\xff\xfe", ";exit 3", "\\", "`id`",
          "a=b", "-n", "~",  "!!",    "\t",   "{a,b}", "#c", "\\n",      "&&",      "%s", "--"};
}
/// What `child args` says of them.
inline std::string as_said(const std::vector<std::string>& words) {
  std::string text = child + '\n';
  for (const std::string& word : words) text += word + '\n';
  return text;
}

/// A word for a command line by which its processes are found.
inline std::string new_mark() {
  static std::random_device any;
  return "mark-" + std::to_string(any()) + '-' + std::to_string(any());
}

/// The processes, but for this one, that have the mark in their command lines, zombies aside.
inline std::vector<int> processes_with(const std::string& mark) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    if (pid == ::getpid()) continue;
    if (read_file(entry.path() / "cmdline").find(mark) != std::string::npos) found.push_back(pid);
  }
  return found;
}
/// Until none of them is left, far or near.
inline asio::awaitable<bool> none_left(std::string mark) {
  const bool gone = co_await eventually([&] { return processes_with(mark).empty(); });
  if (!gone) UNSCOPED_INFO("left: " + std::to_string(processes_with(mark).size()));
  co_return gone;
}

inline int parent_of(int pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t at = text.rfind(')');
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 4);
}
inline std::string name_of(int pid) { return read_file("/proc/" + std::to_string(pid) + "/comm"); }

inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}
inline bool answers(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool well = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return well;
}

/// Where a daemon is, which is in nobody's PATH.
inline std::string daemon_program(const std::string& name) {
  for (const char* const folder : {"/usr/sbin/", "/usr/local/sbin/", "/usr/bin/"})
    if (std::filesystem::exists(folder + name)) return folder + name;
  FAIL(name << " is missing: cmake/tools/setup.sh tests installs it");
  return name;
}
inline std::string user_name() { return ::getpwuid(::getuid())->pw_name; }

/// OpenSSH's server on a port of the loopback, with keys of its own, as long as this lives. Its
/// clients know it as h1, and by another address as h2.
class ssh_server {
 public:
  ssh_server() : port_(free_port()) {
    using coproc::capture;
    const std::string sshd = daemon_program("sshd");
    if (::getuid() == 0) std::filesystem::create_directories("/run/sshd");
    std::filesystem::permissions(folder.path, std::filesystem::perms(0755));
    for (const char* const key : {"host_key", "id"})
      coproc::run(capture("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.path / key))
          .check();
    coproc::run(capture("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f",
                        folder.path / "locked"))
        .check();
    write_file(folder.path / "authorized_keys",
               read_file(folder.path / "id.pub") + read_file(folder.path / "locked.pub"));
    const std::string at = folder.path.string() + '/', port = std::to_string(port_);
    write_file(at + "sshd_config", "Port " + port +
                                       "\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2\n"
                                       "HostKey " +
                                       at + "host_key\nAuthorizedKeysFile " + at +
                                       "authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\n"
                                       "PasswordAuthentication no\nSetEnv SHLVL=2\n");
    write_file(
        at + "ssh_config",
        "Host h2\n  HostName 127.0.0.2\nHost unknown\n  UserKnownHostsFile /dev/null\n"
        "  StrictHostKeyChecking yes\nHost no_key\n  PubkeyAuthentication no\n"
        "Host refused\n  Port 1\nHost asks\n  StrictHostKeyChecking ask\n  UserKnownHostsFile " +
            at + "asked\n  IdentityFile " + at + "locked\nHost *\n  HostName 127.0.0.1\n  Port " +
            port + "\n  User " + user_name() + "\n  IdentityFile " + at +
            "id\n  IdentitiesOnly yes\n  UserKnownHostsFile " + at +
            "known_hosts\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n");
    server_ = coproc::run(coproc::exec(sshd, "-D", "-f", at + "sshd_config", "-E", at + "sshd.log",
                                       kill_on_parent_death = true));
    if (!soon([this] { return answers(port_); })) FAIL(read_file(at + "sshd.log"));
  }

  /// A host of its ssh_config: h1, h2; unknown, no_key, refused, which cannot be reached; asks, which
  /// is not known, and whose key has a passphrase.
  template <class... Words>
  coproc::carrier to(const std::string& host, const Words&... ssh_options) const {
    return ssh(host, "-F", config(), ssh_options...);
  }
  std::string config() const { return folder.path / "ssh_config"; }

  static constexpr const char* passphrase = "pass phrase";
  temporary_directory folder;

 private:
  int port_;
  coproc::process server_;
};

}  // namespace test
