// How do I test code that runs git, without git?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>
#include <regex>

using namespace coproc::keywords;
using namespace std::chrono_literals;

/// What is to be tested: it knows nothing of fakes.
coproc::awaitable<> release(std::string tag) {
  (co_await coproc::capture("git", "tag", tag)).check();
  (co_await coproc::capture("git", "push", "origin", tag, timeout = 500ms)).check();
}

/// A command as one types it, where .* is any text, and what it is to do.
struct fake {
  std::string pattern, out = "", err = "";
  int status = 0, seconds = 0;
};

/// The first of a table that fits is launched, as a child like any other.
struct fakes {
  std::vector<fake> table;
  std::vector<std::string> calls = {};

  coproc::command operator()(coproc::command what) {
    const auto* const script = "sleep $1; printf %s \"$2\"; printf %s \"$3\" >&2; exit $4";
    const std::string call = calls.emplace_back(to_string(what));
    std::string all;
    for (const auto& [pattern, out, err, status, seconds] : table) {
      if (std::regex_match(call, std::regex(pattern)))
        return coproc::command(what.reworded("sh", "-c", script, "fake", seconds, out, err, status),
                               process_group = new_group,  // so that sleep ends with it
                               via = nullptr);             // here, wherever it was to run
      all += "\n  " + pattern;
    }
    throw std::logic_error("no fake for " + call + " among" + all);
  }
};

coproc::awaitable<> test(fakes& git, std::string tag) {
  const auto guard = co_await coproc::intercept(std::ref(git));  // while it lives
  try {
    co_await release(tag);
  } catch (const std::exception& e) {
    std::cout << e.what() << '\n';
  }
}

int main() {
  fakes git{{
      {"git tag v1.*"},                    // succeeds
      {"git push .* v1.0", "", "no!", 1},  // fails
      {"git push .*", "", "", 0, 60},      // hangs
  }};
  for (const auto* const tag : {"v1.0", "v1.1", "v2.0"}) coproc::run(test(git, tag));
  std::cout << git.calls.size() << " calls\n";
}

// Output:
// git push origin v1.0: exit status 1
// no!
// git push origin v1.1: timed out after 0.5 s
// no fake for git tag v2.0 among
//   git tag v1.*
//   git push .* v1.0
//   git push .*
// 5 calls
