// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The only header that knows the versions of Boost.Process. Its handle types are used, and never
// its launchers, waits or signals: they fork the address space, wait blocking after a spurious
// wakeup, and act on the number of a process even when that belongs to somebody else by now.

#include <boost/version.hpp>
#include <cerrno>
#include <coproc/detail/keywords/os_handle.hpp>
#include <coproc/native_process.hpp>

#if BOOST_VERSION >= 108600 && defined(__GNUC__)
#include <boost/process/v2/detail/last_error.hpp>
#include <boost/process/v2/detail/throw_error.hpp>
#include <boost/process/v2/error.hpp>
#include <string>

// From 1.86 on Boost.Process is a compiled library, which several distributions do not package. Its
// handles need a few functions of it; these weak definitions serve where it is not linked, and give
// way to (or are interchangeable with) the library's own where it is. (For a compiler that has no
// weak definitions it must be linked.)
BOOST_PROCESS_V2_BEGIN_NAMESPACE
namespace error {
namespace coproc_detail {
struct category final : boost::system::error_category {
  const char* name() const noexcept override { return "process.v2"; }
  std::string message(int value) const override { return "error " + std::to_string(value); }
};
template <int>
const boost::system::error_category& instance() {
  static const category it;
  return it;
}
}  // namespace coproc_detail
__attribute__((weak)) const boost::system::error_category& get_utf8_category() {
  return coproc_detail::instance<0>();
}
__attribute__((weak)) const boost::system::error_category& get_exit_code_category() {
  return coproc_detail::instance<1>();
}
}  // namespace error
namespace detail {
__attribute__((weak)) error_code get_last_error() {
#if defined(_WIN32)
  const int number = static_cast<int>(::GetLastError());
#else
  const int number = errno;
#endif
  return error_code(number, boost::system::system_category());
}
__attribute__((weak)) void do_throw_error(const error_code& code, const char* location) {
  throw boost::system::system_error(code, location);
}
#if defined(_WIN32)
__attribute__((weak)) void* open_process_(DWORD pid) {
  void* const process =
      ::OpenProcess(PROCESS_TERMINATE | PROCESS_QUERY_INFORMATION | SYNCHRONIZE, FALSE, pid);
  if (process == nullptr) do_throw_error(get_last_error(), "open_process");
  return process;
}
__attribute__((weak)) void terminate_if_running_(void* process) {
  DWORD code = 0;
  if (process == INVALID_HANDLE_VALUE) return;  // of an object that has none: it means this process
  if (::GetExitCodeProcess(process, &code) && code == STILL_ACTIVE)
    ::TerminateProcess(process, 260);
}
#endif
}  // namespace detail
BOOST_PROCESS_V2_END_NAMESPACE
#endif

namespace coproc::detail {

/// Makes a Boost handle or process from a pid and, where that Boost takes one, a pidfd (on Windows
/// the handle of the process), which it then owns. Where Boost waits by SIGCHLD, @p close_pidfd is
/// called with the pidfd instead.
template <class Handle, class Close>
Handle make_native(const asio::any_io_executor& executor, int pid, os_handle pidfd,
                   Close close_pidfd) {
  const auto id = static_cast<boost::process::v2::pid_type>(pid);
#if defined(BOOST_PROCESS_V2_HAS_PROCESS_HANDLE)
  if (pidfd != no_handle) return Handle(executor, id, pidfd);
#endif
  if (pidfd != no_handle) close_pidfd(pidfd);
  return Handle(executor, id);
}

}  // namespace coproc::detail
