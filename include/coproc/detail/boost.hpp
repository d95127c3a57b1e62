// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The only header that includes Boost.Process and knows its versions. Only its handle types are
// used here, never its POSIX launchers, waits or signals (see process.hpp for the reasons).

#include <boost/process/v2/process.hpp>
#include <boost/process/v2/process_handle.hpp>
#include <boost/version.hpp>
#include <coproc/detail/descriptor.hpp>
#include <type_traits>
#include <utility>

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
__attribute__((weak)) error_code get_last_error() { return coproc::detail::last_system_error(); }
__attribute__((weak)) void do_throw_error(const error_code& code, const char* location) {
  throw boost::system::system_error(code, location);
}
#if defined(_WIN32)
__attribute__((weak)) void* open_process_(DWORD pid) {
  void* const process = ::OpenProcess(PROCESS_TERMINATE | PROCESS_QUERY_INFORMATION | SYNCHRONIZE,
                                      FALSE, pid);
  if (process == nullptr) do_throw_error(get_last_error(), "open_process");
  return process;
}
__attribute__((weak)) void terminate_if_running_(void* process) {
  DWORD code = 0;
  if (process == INVALID_HANDLE_VALUE) return;  // of an object that has none: it means this process
  if (::GetExitCodeProcess(process, &code) && code == STILL_ACTIVE) ::TerminateProcess(process, 260);
}
#endif
}  // namespace detail
BOOST_PROCESS_V2_END_NAMESPACE
#endif

namespace coproc {

/// The handle of Boost.Process that process::handle() shows.
using native_process_handle = boost::process::v2::basic_process_handle<asio::any_io_executor>;

/// The process of Boost.Process that process::release() gives the child away as.
using native_process = boost::process::v2::basic_process<asio::any_io_executor>;

namespace detail {

/// Makes a Boost handle or process from a pid and, where that Boost takes one, a pidfd (on Windows
/// the handle of the process), which it then owns. Where Boost waits by SIGCHLD, @p close_pidfd is called with the pidfd instead.
template <class Handle, class Close>
Handle make_native(const asio::any_io_executor& executor, int pid, os_handle pidfd, Close close_pidfd) {
#if defined(BOOST_PROCESS_V2_HAS_PROCESS_HANDLE)
  if (pidfd != no_handle) return Handle(executor, static_cast<boost::process::v2::pid_type>(pid), pidfd);
#endif
  if (pidfd != no_handle) close_pidfd(pidfd);
  return Handle(executor, static_cast<boost::process::v2::pid_type>(pid));
}

}  // namespace detail
}  // namespace coproc
