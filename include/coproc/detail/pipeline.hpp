// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/capture.hpp>
#include <coproc/exec.hpp>

namespace coproc::detail {

/// The last code that is not 0, where the SIGPIPE of a stage before the last does not count.
inline int pipe_status(const std::vector<int>& codes) {
  for (std::size_t i = codes.size(); i-- > 0;) {
    const bool enough = i + 1 < codes.size() && codes[i] == -signals::pipe;
    if (codes[i] != 0 && !enough) return codes[i];
  }
  return 0;
}

inline awaitable<int> wait_all(std::vector<awaitable<int>> all) {
  gather_options on_one_strand;
  on_one_strand.parallel = false;
  const std::vector<int> codes = co_await gather_all<std::vector<awaitable<int>>, false>(
      std::move(all), on_one_strand, nobody());
  co_return pipe_status(codes);
}

/// Starts each command by @p start(command), joined to the next by a pipe of which nothing stays
/// here. When one fails, the earlier ones are killed and reaped before that is rethrown.
template <class One, class Start>
awaitable<std::vector<One>> start_joined(std::vector<command> stages, Start& start) {
  std::vector<One> started;
  std::exception_ptr failure;
  try {
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const bool joined[] = {i > 0, i + 1 < stages.size()};
      for (const std::size_t fd : {0u, 1u})
        if (joined[fd] && (stages[i].options().streams[fd].given ||
                           (fd == 0 && stages[i].options().input)))
          throw std::invalid_argument("coproc: pipeline: " + std::string(fd == 0 ? "std_in" : "std_out") +
                                      " of '" + to_string(stages[i]) +
                                      "' is joined to its neighbour");
    }
    unique_fd from_previous;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      pipe_ends to_next;
      options& how = stages[i].options();
      if (i > 0) how.streams[0] = stdio(from_previous.get());
      if (i + 1 < stages.size()) {
        if (!make_pipe(to_next))
          fail_launch(stages[i], step::pipe, last_system_error(), stream_name(1));
        how.streams[1] = stdio(to_next.write.get());
      }
      started.push_back(start(std::move(stages[i])));
      from_previous = std::move(to_next.read);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    started.clear();
    co_await wait_until_clean();
    std::rethrow_exception(failure);
  }
  co_return started;
}

inline awaitable<std::vector<process>> start_stages(std::vector<command> stages) {
  const auto executor = co_await asio::this_coro::executor;
  auto start = [&](command what) {
    refuse_capture_keywords(what);
    launched child = launch(what);
    return process(std::make_shared<exchange>(executor, child, what.options()));
  };
  std::vector<process> all = co_await start_joined<process>(std::move(stages), start);
  co_return all;
}

inline awaitable<std::vector<completed>> capture_stages(std::vector<command> stages) {
  const auto executor = co_await asio::this_coro::executor;
  auto start = [&](command what) {
    if (what.options().retry.attempts > 1)
      throw std::invalid_argument("coproc: pipeline: retry is not for one stage");
    return captive(executor, std::move(what));
  };
  std::vector<captive> all = co_await start_joined<captive>(std::move(stages), start);
  std::vector<awaitable<completed>> ends;
  for (captive& one : all) ends.push_back(finish(std::move(one)));
  std::vector<completed> results = co_await gather(std::move(ends));
  co_return results;
}

}  // namespace coproc::detail
