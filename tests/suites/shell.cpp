// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "host.hpp"

namespace shell_tests {

using namespace test;

namespace {

/// Both outputs of a shell that has been started.
asio::awaitable<coproc::output> output_of(coproc::process shell, int expected = 0) {
  const auto result = co_await shell.communicate();
  CHECK(shell.returncode() == expected);
  co_return result;
}

}  // namespace

COPROC_TEST("shell: it runs the text as a shell does") {
  auto shell = co_await coproc::shell("echo one; echo two | tr a-z A-Z >&2; exit 3",
                                      std_out = piped, std_err = piped);
  const auto result = co_await output_of(std::move(shell), 3);
  CHECK(result.out == "one\n");
  CHECK(result.err == "TWO\n");
}

COPROC_TEST("shell: what it cannot find is its own error, 127") {
  auto shell = co_await coproc::shell("non_existent_command", std_err = piped);
  const auto result = co_await output_of(std::move(shell), 127);
  CHECK(result.err.find("non_existent_command") != std::string::npos);
}

COPROC_TEST("shell: what it may not run is 126") {
  auto shell = co_await coproc::shell("/", std_err = piped);
  (void)co_await output_of(std::move(shell), 126);
}

COPROC_TEST("shell: a text that starts with - or + is no option") {
  for (const char* const text : {"-c", "-x", "--version", "-n", "+e", "-", "+", "--"}) {
    CAPTURE(text);
    auto shell = co_await coproc::shell(text, std_err = piped);
    (void)co_await output_of(std::move(shell), 127);
  }
  // And it runs, where there is such a program.
  const temporary_directory directory;
  copy_child(directory.path / "-prog");
  const std::string path = directory.path.string() + ":/bin";
  auto shell = co_await coproc::shell("-prog exit 5", env["PATH"] = path);
  (void)co_await output_of(std::move(shell), 5);
}

COPROC_TEST("shell: braces, quotes and newlines are the shell's") {
  auto shell = co_await coproc::shell("x='a {} b'\necho \"${x}\"", std_out = piped);
  const auto result = co_await output_of(std::move(shell));
  CHECK(result.out == "a {} b\n");
}

COPROC_TEST("shell: an empty text does nothing, with success") {
  auto shell = co_await coproc::shell("");
  (void)co_await output_of(std::move(shell));
}

COPROC_TEST("shell: the keywords are those of exec") {
  const temporary_directory directory;
  auto shell = co_await coproc::shell("read word; echo \"$word $NAME $(pwd -P)\"", std_in = piped,
                                      std_out = piped, env["NAME"] = "value", cwd = directory.path);
  const auto result = co_await shell.communicate("input\n");
  CHECK(result.out == "input value " + std::filesystem::canonical(directory.path).string() + "\n");
}

COPROC_TEST("shell: it is found without a PATH") {
  auto shell = co_await coproc::shell("exit 6", env["PATH"] = unset);
  (void)co_await output_of(std::move(shell), 6);
  auto other = co_await coproc::shell("exit 7", env["PATH"] = "/nowhere");
  (void)co_await output_of(std::move(other), 7);
}

COPROC_TEST("shell: a NUL in the text is refused, not the end of it") {
  const std::string text("exit 0\0; exit 1", 15);
  const auto e = co_await thrown<coproc::launch_error>(coproc::shell(text));
  CHECK(e.code() == boost::system::errc::invalid_argument);
  CHECK_FALSE(has_children());
}

COPROC_TEST("shell: a shell that cannot start is a launch_error") {
  const auto e =
      co_await thrown<coproc::launch_error>(coproc::shell("true", cwd = "/no/such/place"));
  CHECK(e.step() == "chdir");
  CHECK(std::string(e.what()) == "/bin/sh: chdir '/no/such/place': No such file or directory");
}

COPROC_TEST("shell: quoted words in the text are what they were") {
  const std::string nasty = "; echo no $(id) `id` 'x' \"y\" * \n -z";
  auto shell = co_await coproc::shell("printf %s " + coproc::quote(nasty), std_out = piped);
  const auto result = co_await output_of(std::move(shell));
  CHECK(result.out == nasty);
}

COPROC_TEST("shell: values arrive as that very text, whatever is in them") {
  const std::vector<std::string> nasty = {"",          "plain",
                                          "two words", "; rm -rf /nowhere",
                                          "$(exit 3)", "`exit 3`",
                                          "it's",      "\"quoted\"",
                                          "*",         "new\nline",
                                          "-n",        "--",
                                          "\\",        "a\\nb",
                                          "$HOME",     "~",
                                          "{}",        "{{}}",
                                          "&& true",   "#not a text",
                                          "tab\there", "\x01\x02\x7f",
                                          "\xff\xfe",  "!x",
                                          "a'b'c",     "'",
                                          "''",        "é",
                                          "| cat",     "> file"};
  for (const std::string& text : nasty) {
    auto done = co_await coproc::capture(coproc::shell_command("printf '<%s>' {}", text));
    CHECK(done.out == '<' + text + '>');
    CHECK(done.returncode == 0);
  }
}

COPROC_TEST("shell: values of every kind, and keywords among them") {
  const std::vector<std::string> words = {"a b", "c"};
  const std::filesystem::path path = "/some where";
  auto process = co_await coproc::shell("printf '%s,' {} {} {} {}; echo {{}} $X", 42, path, words,
                                        std_out = piped, "last", env["X"] = "x");
  auto [out, err] = co_await process.communicate();
  CHECK(out == "42,/some where,a b,c,last,{} x\n");
}

COPROC_TEST("shell: without values braces are plain text") {
  auto process = co_await coproc::shell("echo {} { {{ | cat; echo a{b,c}", std_out = piped);
  auto [out, err] = co_await process.communicate();
  CHECK(out.starts_with("{} { {{\n"));
}

TEST_CASE("shell: a count that does not match is refused before anything starts") {
  CHECK_THROWS_AS(coproc::shell_command(std::string("echo {}"), 1, 2), std::invalid_argument);
  CHECK_THROWS_AS(coproc::shell_command(std::string("echo {} {}"), 1), std::invalid_argument);
  CHECK_THROWS_AS(coproc::shell_command(std::string("echo"), 1), std::invalid_argument);
  CHECK_THROWS_AS(coproc::shell_command(std::string("echo { {}"), 1), std::invalid_argument);
  CHECK_THROWS_AS(coproc::shell_command(std::string("echo }"), 1), std::invalid_argument);
}

COPROC_TEST("shell: executable is the shell that runs the text") {
  auto shell = co_await coproc::shell("echo $0 ${BASH_VERSION:+is bash}", std_out = piped,
                                      executable = "/bin/bash");
  auto result = co_await output_of(std::move(shell));
  CHECK(result.out == "/bin/bash is bash\n");
  const auto done = co_await coproc::capture(coproc::shell_command(
      "words=({} {}); echo ${{#words[@]}}", "a b", "$c", executable = "bash"));
  CHECK(done.out == "2\n");
  const auto e =
      co_await thrown<coproc::launch_error>(coproc::shell("true", executable = "/nowhere"));
  CHECK(e.object() == "/nowhere");
  (void)co_await thrown<std::invalid_argument>(coproc::exec("true", executable = "/bin/bash"));
  (void)co_await thrown<std::invalid_argument>(coproc::capture("true", executable = "/bin/bash"));
}

}  // namespace shell_tests
