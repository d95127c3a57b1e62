// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#if COPROC_CATCH_V3
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <signal.h>

#include "tsan.hpp"

#if defined(__SANITIZE_THREAD__)
// A case starts a thread in a fork, which it only allows when asked to.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif

int main(int argc, char** argv) {
#if !defined(_WIN32)
  // As a program that its user's shell starts; a test runner may have set other things.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGCHLD, SIG_DFL);
#endif
  return Catch::Session().run(argc, argv);
}
