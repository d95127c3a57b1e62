// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// No keyword may be ambiguous, whatever else a program has included and opened. Compiled, not run.

// ISO C++20
#include <algorithm>
#include <any>
#include <array>
#include <atomic>
#include <barrier>
#include <bit>
#include <bitset>
#include <charconv>
#include <chrono>
#include <codecvt>
#include <compare>
#include <complex>
#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <execution>
#include <filesystem>
#include <forward_list>
#include <fstream>
#include <functional>
#include <future>
#include <initializer_list>
#include <iomanip>
#include <ios>
#include <iosfwd>
#include <iostream>
#include <istream>
#include <iterator>
#include <latch>
#include <limits>
#include <list>
#include <locale>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <ostream>
#include <queue>
#include <random>
#include <ranges>
#include <ratio>
#include <regex>
#include <scoped_allocator>
#include <semaphore>
#include <set>
#include <shared_mutex>
#include <source_location>
#include <span>
#include <sstream>
#include <stack>
#include <stdexcept>
#include <stop_token>
#include <streambuf>
#include <string>
#include <string_view>
#include <syncstream>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>
#include <version>

// C++23 and later, where this library has it
#if __has_include(<expected>)
#include <expected>
#endif
#if __has_include(<flat_map>)
#include <flat_map>
#endif
#if __has_include(<flat_set>)
#include <flat_set>
#endif
#if __has_include(<format>)
#include <format>
#endif
#if __has_include(<generator>)
#include <generator>
#endif
#if __has_include(<mdspan>)
#include <mdspan>
#endif
#if __has_include(<print>)
#include <print>
#endif
#if __has_include(<spanstream>)
#include <spanstream>
#endif
#if __has_include(<stacktrace>)
#include <stacktrace>
#endif
#if __has_include(<stdfloat>)
#include <stdfloat>
#endif

// ISO C
#include <assert.h>
#include <complex.h>
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <iso646.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>
#include <time.h>
#include <uchar.h>
#include <wchar.h>
#include <wctype.h>

// POSIX
#include <aio.h>
#include <arpa/inet.h>
#include <cpio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fmtmsg.h>
#include <fnmatch.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <langinfo.h>
#include <libgen.h>
#include <monetary.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nl_types.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <sched.h>
#include <search.h>
#include <semaphore.h>
#include <spawn.h>
#include <strings.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <tar.h>
#include <termios.h>
#include <unistd.h>
#include <utime.h>
#include <utmpx.h>
#include <wordexp.h>

// What programs that launch others like to include besides
#if __has_include(<mqueue.h>)
#include <mqueue.h>
#endif
#if __has_include(<pty.h>)
#include <pty.h>
#endif
#if __has_include(<sys/epoll.h>)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#endif

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#if __has_include(<boost/process/v2.hpp>)
#include <boost/process/v2.hpp>
#else
#include <boost/process.hpp>
#endif
#include <coproc/coproc.hpp>

using namespace coproc::keywords;
using namespace std;
using namespace boost;
using namespace boost::asio;

// Every name of coproc::keywords, each in the form that its documentation shows.
coproc::awaitable<void> use_every_keyword();
coproc::awaitable<void> use_every_keyword() {
  using namespace std::chrono_literals;
  const std::map<std::string, std::string> variables;
  const std::vector<int> numbers;
  std::ostringstream copy;

  coproc::command what("program", std_in = inherit, std_out = piped, std_err = to_stdout);
  what = coproc::command(what, std_in = devnull, std_out = "file", std_err = append("log.txt"));
  what = coproc::command(what, std_in = terminal, std_out = tee(copy), std_err = tee_lines(copy));
  what = coproc::command(what, terminal = size(24, 80));
  what = coproc::command(what, std_in = 0, std_out = stdout, std_err = stderr);
  what = coproc::command(what, cwd = "/", argv0 = "name");
  what = coproc::command(what, env["NAME"] = "value", env["NAME"] = unset, env = variables);
  what = coproc::command(what, env = {});
  what = coproc::command(what, new_session = true, reset_signals = true, process_group = new_group,
                         process_group = 1);
  what = coproc::command(what, as_user = "nobody", as_group = 1, extra_groups = numbers);
  what = coproc::command(what, new_umask = 022, niceness = 5, resource_limit[RLIMIT_CORE] = 0);
  what = coproc::command(what, pass_fds = 3, pass_fds[4] = 5, pass_fds = numbers);
  what = coproc::command(what, kill_on_parent_death = true, limit = 1000);
  what = coproc::command(what, input = "text", max_output = 10, max_output = cut(10),
                         max_output = head_and_tail(10), timeout = 5s, idle_timeout = 5s,
                         grace = 5s, ok_codes = 1);

  what = coproc::command(what, via = ssh("host", "-p", 22), via = prefix("nice"),
                         via = inside("place", carrier_code = 255));

  // And in the form of a call.
  auto process =
      co_await coproc::exec("ls", std_out = piped, std_err = devnull, cwd = "/",
                            env["LC_ALL"] = "C", stop_signal = SIGINT, terminal = size(24, 80));
  process.terminal().resize(size(50, 132));
  co_await process.std_out().readline(any_of("\r\n"));
  auto done = co_await coproc::capture("ls", timeout = 5s);
  auto shell = co_await coproc::shell("ls", std_out = piped, std_err = to_stdout, limit = 10,
                                      executable = "/bin/sh");
  std::vector<coproc::awaitable<int>> waits;
  co_await coproc::gather(
      waits, concurrency = 2, return_exceptions = true, on_start = [](std::size_t) {});
}
