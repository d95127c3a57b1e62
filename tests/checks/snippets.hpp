// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What README.md's pieces of code take for granted: its includes, and names of the reader's own.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <coproc/coproc.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace coproc::keywords;

extern std::filesystem::path file, folder;
extern std::string host, password, word;
extern std::vector<coproc::command> commands;
extern coproc::process process, found;
extern asio::io_context context;
extern asio::thread_pool pool;

coproc::awaitable<> talk(coproc::process& with);
coproc::awaitable<> follow(coproc::process& with);
coproc::awaitable<std::vector<std::string>> read_all(coproc::reader& from);
void use(const std::string& path);
void complain(const std::string& errors);
void log(const std::string& line);
std::string now();

// OpenTelemetry's names.
enum class StatusCode { kError };
class span {
 public:
  void SetStatus(StatusCode code, const std::string& text);
  void SetAttribute(const std::string& name, int value);
  void End();
};
using span_ptr = std::shared_ptr<span>;
class span_maker {
 public:
  span_ptr StartSpan(const std::string& name);
};
extern span_maker* tracer;
