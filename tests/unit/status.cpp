// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <cstring>
#include <type_traits>

#include "support.hpp"

namespace status_tests {

using namespace test;

TEST_CASE("status: describe says what a returncode means") {
  CHECK(coproc::describe(0) == "exit status 0");
  CHECK(coproc::describe(255) == "exit status 255");
  CHECK(coproc::describe(-SIGTERM) == "killed by SIGTERM");
  CHECK(coproc::describe(-40) == "killed by signal 40");
  CHECK(coproc::describe(coproc::unknown_returncode) == "ended, status unknown");
}

TEST_CASE("status: no exit status and no signal is taken for the unknown returncode") {
  CHECK(coproc::unknown_returncode < -SIGRTMAX);
}

TEST_CASE("status: signal_name gives the name that one would type") {
  CHECK(coproc::signal_name(SIGHUP) == "SIGHUP");
  CHECK(coproc::signal_name(SIGKILL) == "SIGKILL");
  CHECK(coproc::signal_name(SIGUSR1) == "SIGUSR1");
  CHECK(coproc::signal_name(SIGSYS) == "SIGSYS");
#if defined(__GLIBC__)
  // A second opinion on the whole table.
  int named = 0;
  for (int number = 1; number < 32; ++number) {
    const std::string name = coproc::signal_name(number);
    if (name.starts_with("signal ")) continue;
    ++named;
    CHECK(name == std::string("SIG") + ::sigabbrev_np(number));
  }
  CHECK(named >= 27);
#endif
}

TEST_CASE("status: signal_name gives the number where there is no name") {
  CHECK(coproc::signal_name(SIGRTMIN) == "signal " + std::to_string(SIGRTMIN));
  CHECK(coproc::signal_name(0) == "signal 0");
  CHECK(coproc::signal_name(-1) == "signal -1");
}

TEST_CASE("status: every end_reason has its own word") {
  using coproc::end_reason;
  std::set<std::string_view> words;
  for (const end_reason reason :
       {end_reason::exited, end_reason::signalled, end_reason::timed_out, end_reason::cancelled,
        end_reason::output_limit, end_reason::unknown})
    words.insert(to_string(reason));
  CHECK(words == std::set<std::string_view>{"exited", "signalled", "timed_out", "cancelled",
                                            "output_limit", "unknown"});
  CHECK(to_string(end_reason::timed_out) == "timed_out");
}

TEST_CASE("status: an output's bindings are its two texts, and nothing else of it") {
  static_assert(std::tuple_size_v<coproc::output> == 2);
  coproc::output both("1", "2");
  both.pipe_still_open = true;
  {
    const auto [out, err] = both;
    CHECK(out == "1");
    CHECK(err == "2");
  }
  auto& [out, err] = both;
  out = "changed";
  CHECK(both.out == "changed");
  CHECK(&err == &both.err);

  const coproc::output constant("3", "4");
  const auto& [fixed_out, fixed_err] = constant;
  CHECK(fixed_out == "3");
  CHECK(&fixed_err == &constant.err);
  static_assert(std::is_const_v<std::remove_reference_t<decltype(get<0>(constant))>>);
}

TEST_CASE("status: bindings move a temporary's texts out, without a copy") {
  std::string bytes(1000, 'x');
  const char* const where = bytes.data();
  auto [out, err] = coproc::output(std::move(bytes), std::string());
  CHECK(out.data() == where);
  std::string taken = get<0>(coproc::output(std::move(out), std::string()));
  CHECK(taken.data() == where);
  CHECK(err.empty());
}

TEST_CASE("status: an output starts empty and complete") {
  const coproc::output nothing;
  CHECK(nothing.out.empty());
  CHECK(nothing.err.empty());
  CHECK_FALSE(nothing.pipe_still_open);
  CHECK(nothing.out_dropped == 0);
  CHECK(nothing.err_dropped == 0);
}

TEST_CASE("status: usage starts at zero") {
  const coproc::usage nothing;
  CHECK(nothing.user == 0us);
  CHECK(nothing.system == 0us);
  CHECK(nothing.peak_rss == 0);
}

}  // namespace status_tests
