// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <ranges>
#include <unordered_map>

#include "support.hpp"

namespace keywords_tests {

using namespace test;
using coproc::command;
using coproc::detail::account;
using coproc::detail::output_bound;
using coproc::detail::stdio;

// What each keyword puts into a command. What it then does to a child: launch and child_state.

namespace {

/// An object with a descriptor, as Asio's and Boost.Iostreams' have.
struct with_descriptor {
  int native_handle() const { return 17; }
};
struct with_descriptor_not_const {
  int native_handle() { return 18; }
};

const stdio& stream(const command& what, int fd) { return what.options().streams[fd]; }

std::string name_of(const account& who) {
  return who.has_name ? who.name : std::to_string(who.number);
}

}  // namespace

TEST_CASE("keywords: none is given by default") {
  const command what("p");
  for (const int fd : {0, 1, 2}) {
    CHECK(stream(what, fd).source == stdio::kind::inherit);
    CHECK_FALSE(stream(what, fd).given);
  }
  CHECK_FALSE(what.options().cwd);
  CHECK_FALSE(what.options().replace_environment);
  CHECK(what.options().environment.empty());
  CHECK(what.options().pass_fds.empty());
  CHECK(what.options().limit == 64 * 1024);
  CHECK_FALSE(what.options().kill_on_parent_death);
}

TEST_CASE("keywords: the streams take each kind of value") {
  const auto kind = [](const command& what, int fd) { return stream(what, fd).source; };
  const command all("p", std_in = piped, std_out = devnull, std_err = to_stdout);
  CHECK(kind(all, 0) == stdio::kind::piped);
  CHECK(kind(all, 1) == stdio::kind::devnull);
  CHECK(kind(all, 2) == stdio::kind::to_stdout);
  const command rest("p", std_in = terminal, std_out = inherit, std_err = inherit);
  CHECK(kind(rest, 0) == stdio::kind::terminal);
  CHECK(kind(rest, 1) == stdio::kind::inherit);
  CHECK(stream(rest, 1).given);
}

TEST_CASE("keywords: a terminal's size makes the streams that are not named one") {
  const command what("p", terminal = size(9, 9), std_out = inherit, terminal = size(24, 80));
  CHECK(what.options().terminal == coproc::terminal_size(24, 80));
  CHECK(what.options().source_of(0) == stdio::kind::terminal);
  CHECK(what.options().source_of(1) == stdio::kind::inherit);
  CHECK(command("p", std_out = terminal).options().source_of(0) == stdio::kind::inherit);
}

TEST_CASE("keywords: a string or a path is a file, append one to add to") {
  const std::string string = "b";
  const std::filesystem::path path = "/c";
  const command files("p", std_in = "a", std_out = string, std_err = path);
  const char* const expected[] = {"a", "b", "/c"};
  for (const int fd : {0, 1, 2}) {
    CHECK(stream(files, fd).source == stdio::kind::file);
    CHECK(stream(files, fd).path == expected[fd]);
  }
  const command more("p", std_out = append("d"), std_err = append(path));
  CHECK(stream(more, 1).source == stdio::kind::append);
  CHECK(stream(more, 1).path == "d");
  CHECK(stream(more, 2).path == "/c");
}

TEST_CASE("keywords: a descriptor is a number, a FILE or an object that has one") {
  with_descriptor_not_const object;
  const command what("p", std_in = 5, std_out = stderr, std_err = with_descriptor());
  const int expected[] = {5, 2, 17};
  for (const int fd : {0, 1, 2}) {
    CHECK(stream(what, fd).source == stdio::kind::descriptor);
    CHECK(stream(what, fd).handle == expected[fd]);
  }
  CHECK(stream(command("p", std_in = object), 0).handle == 18);
}

TEST_CASE("keywords: tee is a pipe with a copy") {
  std::ostringstream copy;
  const command what("p", std_out = tee(copy), std_err = tee_lines([](std::string_view) {}));
  CHECK(stream(what, 1).source == stdio::kind::piped);
  REQUIRE(stream(what, 1).copy_to);
  CHECK_FALSE(stream(what, 1).copy_to->lines);
  CHECK(stream(what, 2).copy_to->lines);
}

TEST_CASE("keywords: directory and argv0") {
  const std::string directory = "/b";
  CHECK(command("p", cwd = "/a").options().cwd == std::filesystem::path("/a"));
  CHECK(command("p", cwd = directory).options().cwd == std::filesystem::path("/b"));
  CHECK(command("p", cwd = std::filesystem::path("/c")).options().cwd ==
        std::filesystem::path("/c"));
  CHECK(command("p", argv0 = "-sh").options().argv0 == "-sh");
  CHECK(command("p", argv0 = directory).options().argv0 == "/b");
}

TEST_CASE("keywords: env of a name sets or removes that variable") {
  const std::string name = "N";
  const command what("p", env["A"] = "1", env[name] = 2,
                     env[std::string_view("P")] = std::filesystem::path("/p"), env["U"] = unset,
                     env["E"] = "");
  const auto& variables = what.options().environment;
  CHECK_FALSE(what.options().replace_environment);
  CHECK(variables.at("A") == "1");
  CHECK(variables.at("N") == "2");
  CHECK(variables.at("P") == "/p");
  CHECK(variables.at("U") == std::nullopt);
  CHECK(variables.at("E") == "");
  CHECK(variables.size() == 5);
}

TEST_CASE("keywords: env of a map or of pairs replaces all, and of nothing empties it") {
  const std::map<std::string, std::string> map = {{"A", "1"}, {"B", "2"}};
  const command replaced("p", env["Z"] = "gone", env = map);
  CHECK(replaced.options().replace_environment);
  CHECK(replaced.options().environment.size() == 2);
  CHECK(replaced.options().environment.at("B") == "2");
  const std::vector<std::pair<const char*, int>> pairs = {{"C", 3}, {"C", 4}};
  CHECK(command("p", env = pairs).options().environment.at("C") == "4");
  const std::unordered_map<std::string, std::filesystem::path> paths = {{"D", "/d"}};
  CHECK(command("p", env = paths).options().environment.at("D") == "/d");
  const command emptied("p", env["Z"] = "gone", env = {});
  CHECK(emptied.options().replace_environment);
  CHECK(emptied.options().environment.empty());
  const command added("p", env = map, env["A"] = unset, env["C"] = "3");
  CHECK(added.options().environment.at("A") == std::nullopt);
  CHECK(added.options().environment.at("B") == "2");
  CHECK(added.options().environment.at("C") == "3");
}

TEST_CASE("keywords: session and group") {
  CHECK(command("p", new_session = true).options().new_session);
  CHECK(command("p", process_group = new_group).options().process_group == 0);
  CHECK(command("p", process_group = 123).options().process_group == 123);
}

TEST_CASE("keywords: users and groups by number or name") {
  const std::string name = "daemon";
  const command numbers("p", as_user = 1u, as_group = 2, extra_groups = 3);
  CHECK(name_of(*numbers.options().as_user) == "1");
  CHECK(name_of(*numbers.options().as_group) == "2");
  REQUIRE(numbers.options().extra_groups->size() == 1);
  CHECK(name_of(numbers.options().extra_groups->front()) == "3");
  const command names("p", as_user = "nobody", as_group = name, extra_groups = "staff");
  CHECK(name_of(*names.options().as_user) == "nobody");
  CHECK(name_of(*names.options().as_group) == "daemon");
  CHECK(name_of(names.options().extra_groups->front()) == "staff");
  const std::array<const char*, 2> list = {"a", "b"};
  CHECK(command("p", extra_groups = list).options().extra_groups->size() == 2);
  const command none("p", extra_groups = std::vector<gid_t>());
  REQUIRE(none.options().extra_groups);
  CHECK(none.options().extra_groups->empty());
}

TEST_CASE("keywords: a user's number that does not fit is not cut to fit") {
  // 2^32 would be 0 in 32 bits: root.
  const command what("p", as_user = std::int64_t{1} << 32, as_group = -1);
  CHECK(what.options().as_user->number == account::nobody);
  CHECK(what.options().as_group->number == account::nobody);
}

TEST_CASE("keywords: mask, niceness and limits") {
  const command what("p", new_umask = 027, niceness = -5, resource_limit[RLIMIT_NOFILE] = 256,
                     resource_limit[RLIMIT_CORE] = std::pair(0, RLIM_INFINITY));
  CHECK(what.options().new_umask == mode_t{027});
  CHECK(what.options().niceness == -5);
  CHECK(what.options().resource_limits.at(RLIMIT_NOFILE).rlim_cur == 256);
  CHECK(what.options().resource_limits.at(RLIMIT_NOFILE).rlim_max == 256);
  CHECK(what.options().resource_limits.at(RLIMIT_CORE).rlim_cur == 0);
  CHECK(what.options().resource_limits.at(RLIMIT_CORE).rlim_max == RLIM_INFINITY);
}

TEST_CASE("keywords: descriptors to pass, each under its own number or another") {
  using fds = std::map<int, int>;
  CHECK(command("p", pass_fds = 7).options().pass_fds == fds{{7, 7}});
  CHECK(command("p", pass_fds[10] = 7, pass_fds = 8).options().pass_fds == fds{{10, 7}, {8, 8}});
  const std::vector<int> list = {5, 6};
  // All of them, as Python's: what was there before goes.
  CHECK(command("p", pass_fds = 9, pass_fds = list).options().pass_fds == fds{{5, 5}, {6, 6}});
}

TEST_CASE("keywords: those for capture") {
  const command what("p", input = "text", max_output = 10, timeout = 5s, idle_timeout = 20ms,
                     grace = 0s, ok_codes = 3, limit = 100, kill_on_parent_death = true);
  CHECK(what.options().input->text == "text");
  CHECK(what.options().max_output->bytes == 10);
  CHECK(what.options().max_output->then == output_bound::policy::fail);
  CHECK(what.options().timeout == 5s);
  CHECK(what.options().idle_timeout == 20ms);
  CHECK(what.options().grace == 0s);
  CHECK(what.options().ok_codes == std::vector<int>{3});
  CHECK(what.options().limit == 100);
  CHECK(what.options().kill_on_parent_death);
  CHECK(command("p", max_output = cut(7)).options().max_output->then == output_bound::policy::cut);
  CHECK(command("p", max_output = head_and_tail(8)).options().max_output->bytes == 8);
  CHECK(command("p", ok_codes = std::vector<int>{0, 1, 2}).options().ok_codes ==
        std::vector<int>{0, 1, 2});
  CHECK(command("p").options().ok_codes == std::vector<int>{0});
}

TEST_CASE("keywords: a bound that may be none") {
  const command bounded("p", timeout = std::optional(5s));
  CHECK(bounded.options().timeout == 5s);
  CHECK_FALSE(command(bounded, timeout = std::nullopt).options().timeout);
  const std::optional<std::chrono::minutes> none;
  CHECK_FALSE(command(bounded, timeout = none).options().timeout);
}

TEST_CASE("keywords: a number that is no value of theirs is refused") {
  CHECK_THROWS_AS(limit = -1, std::invalid_argument);
  CHECK_THROWS_AS(niceness = std::numeric_limits<long>::max(), std::invalid_argument);
  CHECK(command("p", limit = 1u, niceness = -1l).options().limit == 1);
  // None of which is cut to a number that it is not.
  constexpr std::int64_t large = std::int64_t{1} << 32;
  CHECK_THROWS_AS(process_group = large, std::invalid_argument);
  CHECK_THROWS_AS(ok_codes = large, std::invalid_argument);
  CHECK_THROWS_AS(ok_codes = std::vector{large}, std::invalid_argument);
  CHECK_THROWS_AS(pass_fds = large + 3, std::invalid_argument);
  CHECK_THROWS_AS(pass_fds = std::vector{large + 3}, std::invalid_argument);
  CHECK_THROWS_AS(pass_fds[9] = large + 1, std::invalid_argument);
  CHECK_THROWS_AS(max_output = -1, std::invalid_argument);
  CHECK_THROWS_AS(cut(-1), std::invalid_argument);
  enum { no_match = 1, more = 2 };
  CHECK(command("p", ok_codes = no_match).options().ok_codes == std::vector<int>{1});
  CHECK(command("p", stop_signal = more, std_out = more).options().stop_signal == 2);
}

TEST_CASE("keywords: an input is kept whole, NULs too") {
  const std::string bytes("a\0b", 3);
  CHECK(command("p", input = bytes).options().input->text == bytes);
}

TEST_CASE("keywords: the later of two wins") {
  const command what("p", std_out = piped, cwd = "/a", env["K"] = "1", as_user = 1, limit = 1,
                     niceness = 1, std_out = "file", cwd = "/b", env["K"] = unset, as_user = 2,
                     limit = 2, niceness = 2, process_group = 5, process_group = new_group,
                     resource_limit[RLIMIT_CORE] = 1, resource_limit[RLIMIT_CORE] = 2);
  CHECK(stream(what, 1).source == stdio::kind::file);
  CHECK(what.options().cwd == std::filesystem::path("/b"));
  CHECK(what.options().environment.at("K") == std::nullopt);
  CHECK(name_of(*what.options().as_user) == "2");
  CHECK(what.options().limit == 2);
  CHECK(what.options().niceness == 2);
  CHECK(what.options().process_group == 0);
  CHECK(what.options().resource_limits.at(RLIMIT_CORE).rlim_cur == 2);
  const command off("p", new_session = true, new_session = false);
  CHECK_FALSE(off.options().new_session);
  const command other("p", std_out = "file", std_out = piped);
  CHECK(stream(other, 1).source == stdio::kind::piped);
  CHECK(stream(other, 1).path.empty());
}

TEST_CASE("keywords: a null pointer is refused") {
  const char* const nothing = nullptr;
  CHECK_THROWS_AS(std_in = nothing, std::invalid_argument);
  CHECK_THROWS_AS(append(nothing), std::invalid_argument);
  CHECK_THROWS_AS(cwd = nothing, std::invalid_argument);
  CHECK_THROWS_AS(argv0 = nothing, std::invalid_argument);
  CHECK_THROWS_AS(input = nothing, std::invalid_argument);
  CHECK_THROWS_AS(as_user = nothing, std::invalid_argument);
  CHECK_THROWS_AS(env[nothing], std::invalid_argument);
  CHECK_THROWS_AS(env["K"] = nothing, std::invalid_argument);
  const std::map<std::string, const char*> map = {{"K", nullptr}};
  CHECK_THROWS_AS(env = map, std::invalid_argument);
}

COPROC_TEST("keywords: a FILE that is null is no stream") {
  std::FILE* const nothing = nullptr;
  const command what(child, "exit", 0, std_in = nothing);
  const auto e = co_await thrown<coproc::launch_error>(coproc::exec(what));
  CHECK(e.code().value() == EBADF);
  CHECK(std::string(e.what()).find("std_in") != std::string::npos);
}

TEST_CASE("keywords: an environment may be a range of NAME=value") {
  const std::vector<std::string> list = {"A=1", "B=x=y", "C="};
  const command what("p", env = list);
  const auto& all = what.options().environment;
  CHECK(what.options().replace_environment);
  REQUIRE(all.size() == 3);
  CHECK(all.at("A") == "1");
  CHECK(all.at("B") == "x=y");
  CHECK(all.at("C") == "");
  const std::vector<const char*> wrong = {"A=1", "B"};
  CHECK_THROWS_AS(command("p", env = wrong), std::invalid_argument);
}

}  // namespace keywords_tests
