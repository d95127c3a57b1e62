// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Windows: a HANDLE where POSIX has a descriptor.

#include <coproc/detail/keywords/os_handle.hpp>
// Behind Asio, which must come first.
#include <io.h>
#include <windows.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace coproc::detail {

/// Owns a HANDLE.
class unique_handle {
 public:
  unique_handle() = default;
  explicit unique_handle(os_handle handle) noexcept
      : handle_(handle == INVALID_HANDLE_VALUE ? no_handle : handle) {}
  unique_handle(unique_handle&& other) noexcept : handle_(other.release()) {}
  unique_handle& operator=(unique_handle&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~unique_handle() { reset(); }

  os_handle get() const noexcept { return handle_; }
  os_handle release() noexcept { return std::exchange(handle_, no_handle); }
  explicit operator bool() const noexcept { return handle_ != no_handle; }
  void reset(os_handle handle = no_handle) noexcept {
    if (handle_ != no_handle) ::CloseHandle(handle_);
    handle_ = handle;
  }

 private:
  os_handle handle_ = no_handle;
};

inline error_code system_error(DWORD number) {
  return error_code(static_cast<int>(number), boost::system::system_category());
}
inline error_code last_system_error() { return system_error(::GetLastError()); }

/// Another handle of the same thing; empty, with GetLastError, where that fails.
/// @param inheritable by the children that are made to
inline unique_handle duplicate(os_handle handle, bool inheritable) {
  const os_handle here = ::GetCurrentProcess();
  if (handle == here) {  // INVALID_HANDLE_VALUE, which stands for this process
    ::SetLastError(ERROR_INVALID_HANDLE);
    return unique_handle();
  }
  os_handle copy = no_handle;
  if (!::DuplicateHandle(here, handle, here, &copy, 0, inheritable, DUPLICATE_SAME_ACCESS))
    copy = no_handle;
  return unique_handle(copy);
}

/// The two ends of a pipe.
class pipe_ends {
 public:
  unique_handle read, write;
};

/// Makes a pipe between children. False, with GetLastError, on failure.
inline bool make_pipe(pipe_ends& ends) {
  os_handle read = no_handle, write = no_handle;
  if (!::CreatePipe(&read, &write, nullptr, 0)) return false;
  ends.read.reset(read);
  ends.write.reset(write);
  return true;
}

/// Makes a pipe between this process, whose end can be waited for, and a child. A pipe without a
/// name cannot; one with a name is made so that nobody else can open it.
inline bool make_pipe_to_child(bool we_read, unique_handle& ours, unique_handle& theirs) {
  static std::atomic<unsigned> count = 0;
  LARGE_INTEGER ticks;
  ::QueryPerformanceCounter(&ticks);
  const std::wstring name = L"\\\\.\\pipe\\coproc." + std::to_wstring(::GetCurrentProcessId()) +
                            L'.' + std::to_wstring(count++) + L'.' +
                            std::to_wstring(ticks.QuadPart);
  constexpr DWORD size = 64 * 1024;
  ours = unique_handle(::CreateNamedPipeW(
      name.c_str(),
      (we_read ? PIPE_ACCESS_INBOUND : PIPE_ACCESS_OUTBOUND) | FILE_FLAG_OVERLAPPED |
          FILE_FLAG_FIRST_PIPE_INSTANCE,
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, size, size,
      0, nullptr));
  if (!ours) return false;
  theirs = unique_handle(::CreateFileW(name.c_str(), we_read ? GENERIC_WRITE : GENERIC_READ, 0,
                                       nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  return static_cast<bool>(theirs);
}

/// UTF-8 as UTF-16. False where it is not UTF-8.
inline bool widen(std::string_view text, std::wstring& wide) {
  wide.clear();
  if (text.empty()) return true;
  const int size = static_cast<int>(text.size());
  const int length =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
  wide.resize(static_cast<std::size_t>(length));
  return length > 0 && ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size,
                                             wide.data(), length) == length;
}
/// For a text of our own, or one that has been checked.
inline std::wstring widen(std::string_view text) {
  std::wstring wide;
  widen(text, wide);
  return wide;
}
inline std::string narrow(std::wstring_view wide) {
  const int size = static_cast<int>(wide.size());
  const int length =
      ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
  std::string text(static_cast<std::size_t>(length), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), length, nullptr, nullptr);
  return text;
}

}  // namespace coproc::detail
