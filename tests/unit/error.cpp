// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <cerrno>
#include <stdexcept>
#include <type_traits>

#include "support.hpp"

namespace error_tests {

using namespace test;

namespace {

template <class... Errors>
constexpr bool are_errors = (std::is_base_of_v<coproc::error, Errors> && ...);
static_assert(are_errors<coproc::launch_error, coproc::exit_error, coproc::timeout_error,
                         coproc::cancelled_error, coproc::limit_error,
                         coproc::incomplete_read_error, coproc::interrupted>);
static_assert(std::is_base_of_v<boost::system::system_error, coproc::error>);

// The language copies an exception as it likes; a copy that throws is std::terminate.
template <class... Errors>
constexpr bool copies_never_throw = (std::is_nothrow_copy_constructible_v<Errors> && ...);
static_assert(copies_never_throw<coproc::launch_error, coproc::exit_error, coproc::timeout_error,
                                 coproc::cancelled_error, coproc::limit_error,
                                 coproc::incomplete_read_error, coproc::interrupted>);

coproc::output partial() { return coproc::output("some out", "some err"); }

}  // namespace

TEST_CASE("error: the message is what was said, the code is kept beside it", "[posix]") {
  const coproc::error e(coproc::error_code(EPIPE, boost::system::system_category()), "words",
                        partial());
  CHECK(std::string(e.what()) == "words");
  CHECK(e.code() == boost::system::errc::broken_pipe);
  CHECK(e.out() == "some out");
  CHECK(e.err() == "some err");
  CHECK(e.partial_output().out == "some out");
}

TEST_CASE("error: a timeout has what it has ended carries, without a copy of it") {
  const coproc::cancelled_error cause("communicate", partial());
  const coproc::timeout_error e("late", cause, std::chrono::seconds(1));
  CHECK(e.out() == "some out");
  CHECK(e.out().data() == cause.out().data());
  CHECK(e.elapsed() == std::chrono::seconds(1));
  CHECK(e.why() == coproc::end_reason::timed_out);
}

TEST_CASE("error: one handler of the base gets every kind, with its own message") {
  const auto message_of = [](const auto& e) -> std::string {
    try {
      throw e;
    } catch (const boost::system::system_error& base) {
      return base.what();
    }
  };
  CHECK(message_of(coproc::launch_error(ENOENT, "exec", "nope: gone")) == "nope: gone");
  CHECK(message_of(coproc::exit_error(3, "three", partial())) == "three");
  CHECK(message_of(coproc::timeout_error("late")) == "late");
  CHECK(message_of(coproc::cancelled_error("wait")) == "wait: cancelled");
  CHECK(message_of(coproc::limit_error("long", 7)) == "long");
  CHECK(message_of(coproc::incomplete_read_error("abc", 9)) == "end of stream after 3 of 9 bytes");
  CHECK(message_of(coproc::interrupted(SIGINT)) == "interrupted by SIGINT");
}

TEST_CASE("error: a copy outlives the original and says the same") {
  auto original = std::make_unique<coproc::launch_error>(EACCES, "chdir",
                                                         "a long message, " + std::string(99, 'x'));
  const coproc::launch_error copy = *original;
  const std::string message = original->what();
  original.reset();
  CHECK(copy.what() == message);
  CHECK(copy.step() == "chdir");
  CHECK(copy.code().value() == EACCES);

  coproc::error sliced = copy;
  sliced = coproc::error(coproc::error_code(), "another");
  CHECK(std::string(sliced.what()) == "another");
  CHECK(copy.what() == message);
}

TEST_CASE("error: launch_error has the errno and the step") {
  const coproc::launch_error e(ENOENT, "chdir", "ls: chdir '/nope': No such file or directory");
  CHECK(e.code() == boost::system::errc::no_such_file_or_directory);
  CHECK(e.code().category() == boost::system::system_category());
  CHECK(e.step() == "chdir");
  CHECK(e.out().empty());
}

TEST_CASE("error: exit_error's code is the returncode in a category of its own") {
  const coproc::exit_error failed(3, "ls: exit status 3", partial());
  CHECK(failed.returncode() == 3);
  CHECK(failed.code().value() == 3);
  CHECK(failed.code().category() == coproc::exit_category());
  CHECK(failed.code().message() == "exit status 3");
  CHECK(failed.err() == "some err");
  CHECK(std::string(coproc::exit_category().name()) == "coproc.exit");
  CHECK(&coproc::exit_category() == &coproc::exit_category());
  // 2 is ENOENT elsewhere; the two must not be taken for each other.
  CHECK(coproc::error_code(2, coproc::exit_category()) !=
        boost::system::errc::no_such_file_or_directory);

  const coproc::exit_error killed(-SIGKILL, "ls: killed", coproc::output());
  CHECK(killed.returncode() == -SIGKILL);
  CHECK(killed.code().message() == "killed by SIGKILL");
}

TEST_CASE("error: timeout_error carries output, time and usage") {
  const coproc::usage used(3ms, 4ms, 5);
  const coproc::timeout_error e("timed out after 5 s", partial(), 5s, used);
  CHECK(e.code() == asio::error::timed_out);
  CHECK(e.out() == "some out");
  CHECK(e.elapsed() == 5s);
  CHECK(e.usage().user == 3ms);
  CHECK(e.usage().system == 4ms);
  CHECK(e.usage().peak_rss == 5);
  CHECK(coproc::timeout_error("t").elapsed() == 0s);
}

TEST_CASE("error: cancelled_error is Asio's operation_aborted") {
  const coproc::cancelled_error e("communicate", partial());
  CHECK(e.code() == asio::error::operation_aborted);
  CHECK(e.out() == "some out");
}

TEST_CASE("error: limit_error says how far it had got") {
  const coproc::limit_error e("too long", 65537, partial());
  CHECK(e.reached() == 65537);
  CHECK(e.code() == boost::system::errc::message_size);
  CHECK(e.err() == "some err");
}

TEST_CASE("error: incomplete_read_error has the part that was there") {
  const coproc::incomplete_read_error counted("abc", 9);
  CHECK(counted.partial() == "abc");
  CHECK(counted.expected() == 9);
  CHECK(counted.code() == asio::error::eof);
  const coproc::incomplete_read_error searched("abc", 0);
  CHECK(std::string(searched.what()) == "end of stream after 3 bytes");
}

TEST_CASE("error: interrupted has the signal and the exit code of a shell") {
  const coproc::interrupted e(SIGTERM);
  CHECK(e.signal() == SIGTERM);
  CHECK(e.exit_code() == 143);
  CHECK(e.code() == boost::system::errc::interrupted);
  CHECK(std::string(e.what()) == "interrupted by SIGTERM");
}

}  // namespace error_tests
