// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// libuv at the work of run.py.
#include <uv.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench.hpp"

namespace {

using namespace bench;

/// A child with its pipes; `ended` is called when all are closed.
struct running {
  uv_process_t process;
  uv_pipe_t in, out, err;
  int open = 0;
  std::int64_t status = -1;
  std::vector<char> buffer;
  std::function<void(const char*, std::size_t)> on_out, on_err;
  std::function<void()> ended;

  static running& of(uv_handle_t* handle) { return *static_cast<running*>(handle->data); }
  static void closed(uv_handle_t* handle) {
    running& r = of(handle);
    if (--r.open == 0) r.ended();
  }
  static void exited(uv_process_t* process, std::int64_t status, int signal) {
    running& r = *static_cast<running*>(process->data);
    r.status = signal != 0 ? -signal : status;
    uv_close(reinterpret_cast<uv_handle_t*>(process), closed);
  }
  static void allocate(uv_handle_t* handle, std::size_t, uv_buf_t* room) {
    running& r = of(handle);
    if (r.buffer.empty()) r.buffer.resize(1 << 20);
    *room = uv_buf_init(r.buffer.data(), static_cast<unsigned>(r.buffer.size()));
  }
  static void got(uv_stream_t* stream, ssize_t size, const uv_buf_t* bytes) {
    running& r = *static_cast<running*>(stream->data);
    if (size > 0)
      (reinterpret_cast<uv_pipe_t*>(stream) == &r.out ? r.on_out : r.on_err)(
          bytes->base, static_cast<std::size_t>(size));
    if (size < 0) uv_close(reinterpret_cast<uv_handle_t*>(stream), closed);
  }

  void start(std::vector<std::string> words, bool with_in, bool with_out, bool with_err) {
    std::vector<char*> argv;
    argv.push_back(child);
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    uv_stdio_container_t stdio[3];
    uv_pipe_t* const pipes[] = {&in, &out, &err};
    const bool wanted[] = {with_in, with_out, with_err};
    for (int fd = 0; fd < 3; ++fd) {
      stdio[fd].flags = fd == 0 ? UV_IGNORE : UV_INHERIT_FD;
      stdio[fd].data.fd = fd;
      if (!wanted[fd]) continue;
      uv_pipe_init(uv_default_loop(), pipes[fd], 0);
      pipes[fd]->data = this;
      stdio[fd].flags = static_cast<uv_stdio_flags>(
          UV_CREATE_PIPE | (fd == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE));
      stdio[fd].data.stream = reinterpret_cast<uv_stream_t*>(pipes[fd]);
      ++open;
    }
    uv_process_options_t options{};
    options.exit_cb = exited;
    options.file = child;
    options.args = argv.data();
    options.stdio = stdio;
    options.stdio_count = 3;
    process.data = this;
    demand(uv_spawn(uv_default_loop(), &process, &options) == 0, "uv_spawn");
    ++open;
    if (with_out) uv_read_start(reinterpret_cast<uv_stream_t*>(&out), allocate, got);
    if (with_err) uv_read_start(reinterpret_cast<uv_stream_t*>(&err), allocate, got);
  }
  void close_in() { uv_close(reinterpret_cast<uv_handle_t*>(&in), closed); }
};

void loop() { uv_run(uv_default_loop(), UV_RUN_DEFAULT); }

void spawn(std::size_t count, std::size_t at_once) {
  std::size_t started = 0;
  std::function<void()> next = [&] {
    if (started == count) return;
    ++started;
    auto* const r = new running;
    auto out = std::make_shared<std::string>(), err = std::make_shared<std::string>();
    r->buffer.resize(4096);
    r->on_out = [out](const char* data, std::size_t size) { out->append(data, size); };
    r->on_err = [err](const char* data, std::size_t size) { err->append(data, size); };
    r->ended = [&, r, out, err] {
      demand(r->status == 0 && *out == "out\n" && *err == "err\n", "say");
      std::unique_ptr<running> gone(r);
      next();
    };
    r->start({"say"}, false, true, true);
  };
  for (std::size_t i = 0; i < at_once; ++i) next();
  loop();
}

void capture(std::size_t bytes) {
  running r;
  std::string all;  // nobody knows beforehand how much it will be
  r.on_out = [&](const char* data, std::size_t size) { all.append(data, size); };
  r.ended = [] {};
  r.start({"bytes", std::to_string(bytes)}, false, true, false);
  loop();
  demand(all.size() == bytes && r.status == 0, "bytes");
}

void cat(const std::string& input) {
  running r;
  std::string all;
  r.on_out = [&](const char* data, std::size_t size) { all.append(data, size); };
  r.ended = [] {};
  r.start({"cat"}, true, true, false);
  uv_write_t write;
  write.data = &r;
  const uv_buf_t bytes =
      uv_buf_init(const_cast<char*>(input.data()), static_cast<unsigned>(input.size()));
  uv_write(&write, reinterpret_cast<uv_stream_t*>(&r.in), &bytes, 1,
           [](uv_write_t* done, int) { static_cast<running*>(done->data)->close_in(); });
  loop();
  demand(all == input, "cat");
}

void lines(std::size_t count) {
  running r;
  std::size_t seen = 0, bytes = 0, kept = 0;
  r.on_out = [&](const char* data, std::size_t size) {
    const char* const end = data + size;
    while (const void* found = std::memchr(data, '\n', static_cast<std::size_t>(end - data))) {
      const char* const newline = static_cast<const char*>(found);
      ++seen;
      bytes += kept + static_cast<std::size_t>(newline - data);
      kept = 0;
      data = newline + 1;
    }
    kept += static_cast<std::size_t>(end - data);
  };
  r.ended = [] {};
  r.start({"lines", std::to_string(count)}, false, true, false);
  loop();
  demand(seen == count && bytes == count * 63, "lines");
}

double pingpong(std::size_t count) {
  running r;
  uv_write_t write;
  std::size_t left = count;
  const auto ping = [&] {
    static char text[] = "ping\n";
    const uv_buf_t bytes = uv_buf_init(text, 5);
    uv_write(&write, reinterpret_cast<uv_stream_t*>(&r.in), &bytes, 1, nullptr);
  };
  clock_type::time_point end;
  r.on_out = [&](const char* data, std::size_t size) {
    demand(size == 5 && std::memcmp(data, "ping\n", 5) == 0, "pingpong");
    if (--left > 0) return ping();
    end = clock_type::now();
    r.close_in();
  };
  r.ended = [] {};
  r.start({"echo"}, true, true, false);
  const auto begin = clock_type::now();
  ping();
  loop();
  return seconds(end - begin).count();
}

double live(std::size_t count) {
  std::vector<std::unique_ptr<running>> all;
  const auto begin = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    auto& r = *all.emplace_back(std::make_unique<running>());
    r.ended = [] {};
    r.buffer.resize(64);
    r.on_out = r.on_err = [](const char*, std::size_t) {};
    r.start({"wait"}, true, true, true);
  }
  const auto end = clock_type::now();
  for (auto& r : all) r->close_in();
  loop();
  for (auto& r : all) demand(r->status == 0, "live");
  return seconds(end - begin).count();
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  const std::string what = words[1];
  const std::size_t number = std::strtoull(words[2], nullptr, 10);
  const std::size_t other = count > 3 ? std::strtoull(words[3], nullptr, 10) : 0;
  const std::string input(what == "cat" ? number : 0, 'y');
  if (what == "rss") grow(other);
  double time = -1;
  const auto begin = clock_type::now();
  if (what == "spawn") spawn(number, other);
  else if (what == "rss") spawn(number, 1);
  else if (what == "capture") capture(number);
  else if (what == "cat") cat(input);
  else if (what == "lines") lines(number);
  else if (what == "pingpong") time = pingpong(number);
  else if (what == "live") time = live(number);
  else return 2;
  if (time < 0) time = seconds(clock_type::now() - begin).count();
  std::printf("%.9f\n", time);
}
