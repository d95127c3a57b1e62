// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/child_streams.hpp>
#include <coproc/detail/pipe/poll_set.hpp>
#include <optional>

namespace coproc::detail {

/// The next line of either output; nothing when both have ended.
COPROC_ON_USE inline awaitable<std::optional<tagged_line>> next_line(
    std::shared_ptr<child_streams> streams) {
  for (const int fd : {1, 2}) streams->make_stream(fd);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<event>(executor);
  poll_set polls(wake);
  pipe_reader* const readers[] = {streams->out.stream.get(), streams->err.stream.get()};
  for (const std::size_t i : {0u, 1u})
    if (readers[i] != nullptr) polls.use(i, readers[i]->pipe(), readers[i]->busy(), "next_line");
  // A busy stream must not keep the other waiting.
  const std::size_t first = streams->next_line_first = 1 - streams->next_line_first;
  const separator newline('\n');
  for (;;) {
    for (const std::size_t i : {first, 1 - first})
      if (readers[i] != nullptr)
        if (const auto line = readers[i]->next_line(newline, "next_line"))
          co_return tagged_line(static_cast<int>(i) + 1, std::string(*line));
    bool open = false, progress = false;
    for (pipe_reader* const reader : readers) {
      // Each is asked, also the one that was drained: the other may never be.
      if (reader == nullptr || reader->ended()) continue;
      open = true;
      progress |= reader->try_fill(pipe_reader::piece) != pipe_reader::fill_result::blocked;
    }
    if (!open) co_return std::nullopt;
    if (progress) {
      if (!streams->next_line_budget.spent()) continue;
      const bool go_on = co_await yield_to_others();
      if (!go_on || streams->abandoned) throw cancelled_error("next_line");
      continue;
    }
    for (const std::size_t i : {0u, 1u})
      if (readers[i] != nullptr && !readers[i]->ended())
        polls.arm(i, async_pipe_end::to_read, 1u << i);
    const error_code failure = co_await wake->wait();
    if (failure || streams->abandoned) throw cancelled_error("next_line");
    polls.fired(wake->take());
  }
}

}  // namespace coproc::detail
