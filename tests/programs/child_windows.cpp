// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What child.cpp is elsewhere: the child program of the tests, one behaviour a word.

#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "child_output.hpp"

namespace {

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const int n = ::_write(fd, data, static_cast<unsigned>(size));
    if (n < 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

int copy(int from, int to) {
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    const int n = ::_read(from, buffer.data(), static_cast<unsigned>(buffer.size()));
    if (n <= 0) return 0;
    if (!write_all(to, buffer.data(), static_cast<std::size_t>(n))) return 1;
  }
}

/// Reads all of stdin. Whether it was that many bytes of the pattern.
bool take(unsigned long size) {
  unsigned long got = 0, wrong = 0;
  std::vector<char> buffer(64 * 1024);
  for (int n; (n = ::_read(0, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
    for (int i = 0; i < n; ++i) wrong += buffer[static_cast<std::size_t>(i)] != pattern(got++);
  return got == size && wrong == 0;
}

int in_order(std::string_view order, unsigned long size) {
  for (const char digit : order)
    if (digit == '0' ? !take(size) : fill(digit - '0', size) != 0) return 1;
  return 0;
}

/// The three at once.
int exchange(unsigned long size) {
  bool right = false;
  int out = 1, err = 1;
  std::thread reading([&] { right = take(size); });
  std::thread writing([&] { out = fill(1, size); });
  err = fill(2, size);
  reading.join();
  writing.join();
  return right && out == 0 && err == 0 ? 0 : 1;
}

std::string narrow(const wchar_t* wide) {
  std::string text(4 * std::wcslen(wide) + 1, '\0');
  const int length = ::WideCharToMultiByte(CP_UTF8, 0, wide, -1, text.data(),
                                           static_cast<int>(text.size()), nullptr, nullptr);
  text.resize(static_cast<std::size_t>(length - 1));
  return text;
}

[[noreturn]] void wait_for_ever() {
  for (;;) ::Sleep(INFINITE);
}

/// Starts this program again, with all of its handles that are to be inherited.
unsigned long start_again(std::wstring words) {
  wchar_t path[MAX_PATH];
  ::GetModuleFileNameW(nullptr, path, MAX_PATH);
  std::wstring line = L"\"" + std::wstring(path) + L"\" " + words;
  STARTUPINFOW how = {};
  how.cb = sizeof how;
  PROCESS_INFORMATION made = {};
  ::CreateProcessW(path, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &how, &made);
  return made.dwProcessId;
}

int exit_code_on_break;

}  // namespace

int wmain(int argc, wchar_t** wide_argv) {
  for (const int fd : {0, 1, 2}) ::_setmode(fd, _O_BINARY);
  std::vector<std::string> argv;
  for (int i = 0; i < argc; ++i) argv.push_back(narrow(wide_argv[i]));
  const auto count = argv.size();
  const auto word = [&](std::size_t i) { return i < count ? argv[i] : std::string(); };
  const auto number = [&](std::size_t i) { return std::strtoul(word(i).c_str(), nullptr, 0); };
  const std::string what = word(1);
  if (what == "exit") ::ExitProcess(number(2));
  if (what == "cat") return copy(0, 1);
  if (what == "cat-when") {  // there is a file of that name
    while (::GetFileAttributesW(wide_argv[2]) == INVALID_FILE_ATTRIBUTES) ::Sleep(1);
    return copy(0, 1);
  }
  if (what == "fill") return fill(static_cast<int>(number(2)), number(3));
  if (what == "in-order") return in_order(word(2), number(3));
  if (what == "exchange") return exchange(number(2));
  if (what == "say") {
    write_all(1, argv[2].data(), argv[2].size());
    if (count > 3) write_all(2, argv[3].data(), argv[3].size());
    return 0;
  }
  if (what == "args") {
    say(argv[0]);
    for (std::size_t i = 2; i < count; ++i) say(argv[i]);
    return 0;
  }
  if (what == "line") {  // all that this program was started with, as it is
    say(narrow(::GetCommandLineW()));
    return 0;
  }
  if (what == "env") {
    wchar_t* const all = ::GetEnvironmentStringsW();
    for (const wchar_t* at = all; *at != L'\0'; at += std::wcslen(at) + 1) say(narrow(at));
    return 0;
  }
  if (what == "cwd") {
    wchar_t path[MAX_PATH];
    ::GetCurrentDirectoryW(MAX_PATH, path);
    say(narrow(path));
    return 0;
  }
  if (what == "handle") {  // whether the handle of that number is open here, and a file or a pipe
    const auto handle = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(number(2)));
    say(::GetFileType(handle) != FILE_TYPE_UNKNOWN ? "open" : "closed");
    return 0;
  }
  if (what == "wait") {
    say("ready");
    wait_for_ever();
  }
  if (what == "ignore-term") {
    ::SetConsoleCtrlHandler([](DWORD) -> BOOL { return TRUE; }, TRUE);
    say("ready");
    wait_for_ever();
  }
  if (what == "on-term") {  // says so on Ctrl-Break and exits N
    exit_code_on_break = static_cast<int>(number(2));
    ::SetConsoleCtrlHandler(
        [](DWORD) -> BOOL {
          write_all(1, "term\n", 5);
          ::ExitProcess(static_cast<UINT>(exit_code_on_break));
        },
        TRUE);
    say("ready");
    wait_for_ever();
  }
  if (what == "close-stdin") {
    ::_close(0);
    say("ready");
    return fill(1, number(2));
  }
  if (what == "grandchild") {
    say(std::to_string(start_again(L"sleep")));
    return 0;
  }
  if (what == "late-grandchild") {
    say(std::to_string(start_again(L"late " + std::to_wstring(number(2)))));
    return 0;
  }
  if (what == "sleep") {  // not for ever: nobody may be there to end it
    ::Sleep(30'000);
    return 0;
  }
  if (what == "late") {
    for (unsigned long i = 0; i < number(2); ++i) {
      ::Sleep(20);  // the subject: bytes that come after the child has ended
      say("late " + std::to_string(i));
    }
    ::Sleep(30'000);
    return 0;
  }
  if (what == "pieces") {
    char go_on;
    for (std::size_t i = 2; i < count && ::_read(0, &go_on, 1) == 1; ++i) {
      write_all(1, argv[i].data(), argv[i].size());
      write_all(2, "\n", 1);
    }
    return 0;
  }
  if (what == "lines") {
    const std::string line(63, 'x');
    for (unsigned long i = 0; i < number(2); ++i) say(line);
    return 0;
  }
  if (what == "flood") {
    const std::string block(64 * 1024, 'y');
    while (write_all(1, block.data(), block.size())) {
    }
    return 1;
  }
  if (what == "burn") {
    FILETIME unused, kernel, user;
    do ::GetProcessTimes(::GetCurrentProcess(), &unused, &unused, &kernel, &user);
    while ((std::uint64_t{user.dwLowDateTime} + kernel.dwLowDateTime) / 10000 < number(2));
    return 0;
  }
  if (what == "memory") {
    std::vector<char> block(number(2) << 20, 'm');
    return block[block.size() / 2] == 'm' ? 0 : 1;
  }
  std::fprintf(stderr, "child: what is '%s'?\n", what.c_str());
  return 98;
}
