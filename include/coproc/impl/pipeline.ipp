// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/signals.hpp>
#include <coproc/pipeline.hpp>

namespace coproc {
namespace detail {

/// The last code that is not 0, where the SIGPIPE of a stage before the last does not count.
COPROC_INLINE int pipe_status(const std::vector<int>& codes) {
  for (std::size_t i = codes.size(); i-- > 0;) {
    const bool had_enough = i + 1 < codes.size() && codes[i] == -signal_numbers::pipe;
    if (codes[i] != 0 && !had_enough) return codes[i];
  }
  return 0;
}

COPROC_ON_USE awaitable<int> all_stages(std::vector<awaitable<int>> stages) {
  gather_options on_one_strand;
  on_one_strand.parallel = false;
  const std::vector<int> codes = co_await gather_all<std::vector<awaitable<int>>, false>(
      std::move(stages), on_one_strand, no_on_done());
  co_return pipe_status(codes);
}

/// Refuses a keyword for a stream that is joined to a neighbour.
COPROC_INLINE void check_stages(const std::vector<command>& stages) {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const options& chosen = stages[i].options();
    const bool in = i > 0 && (chosen.streams[0].given || chosen.input);
    const bool out = i + 1 < stages.size() && chosen.streams[1].given;
    if (in || out)
      throw std::invalid_argument("coproc: pipeline: " + std::string(in ? "std_in" : "std_out") +
                                  " of '" + to_string(stages[i]) + "' is joined to its neighbour");
  }
}

/// Starts each command by @p start(command), joined to the next by a pipe of which nothing stays
/// here. When one fails, the earlier ones are killed and reaped before that is rethrown.
template <class Started, class Start>
awaitable<std::vector<Started>> start_joined(std::vector<command> stages, Start start) {
  check_stages(stages);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::vector<Started> started;
  std::exception_ptr failure;
  try {
    unique_handle from_previous;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      pipe_ends to_next;
      options& chosen = stages[i].options();
      if (i > 0) chosen.streams[0] = stdio(from_previous.get());
      if (i + 1 < stages.size()) {
        if (!make_pipe(to_next))
          fail_launch(stages[i].words(), "pipe", last_system_error(), stream_name(1));
        chosen.streams[1] = stdio(to_next.write.get());
      }
      started.push_back(start(executor, stages[i]));
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

COPROC_INLINE capture_run capture_stage(const asio::any_io_executor& executor, command& stage) {
  if (stage.options().retry.attempts > 1)
    throw std::invalid_argument("coproc: pipeline: retry is not for one stage");
  return capture_run(executor, stage);
}

}  // namespace detail

COPROC_INLINE awaitable<int> running_pipeline::wait() {
  std::vector<awaitable<int>> stages;
  for (process& stage : stages_) stages.push_back(stage.wait());
  return detail::all_stages(std::move(stages));
}

COPROC_INLINE std::optional<int> running_pipeline::returncode() const {
  std::vector<int> codes;
  for (const process& stage : stages_) {
    const auto code = stage.returncode();
    if (!code) return std::nullopt;
    codes.push_back(*code);
  }
  return detail::pipe_status(codes);
}

COPROC_INLINE completed_pipeline::completed_pipeline(std::vector<completed> results,
                                                     std::chrono::nanoseconds time)
    : stages(std::move(results)), elapsed(time) {
  std::vector<int> codes;
  for (const completed& stage : stages) codes.push_back(stage.returncode);
  returncode = detail::pipe_status(codes);
  out = std::move(stages.back().out);
}

/// The last stage that has failed, or null.
COPROC_INLINE const completed* completed_pipeline::failed_stage() const {
  for (std::size_t i = stages.size(); i-- > 0;) {
    const bool had_enough =
        i + 1 < stages.size() && stages[i].returncode == -detail::signal_numbers::pipe;
    if (!stages[i].succeeded() && !had_enough) return &stages[i];
  }
  return nullptr;
}

COPROC_INLINE bool completed_pipeline::succeeded() const {
  return !stages.empty() && failed_stage() == nullptr;
}

COPROC_INLINE const completed_pipeline& completed_pipeline::check() const& {
  if (stages.empty()) completed().check();
  if (const completed* const failed = failed_stage()) failed->check();
  return *this;
}

COPROC_INLINE completed_pipeline completed_pipeline::check() && {
  std::as_const(*this).check();
  return std::move(*this);
}

COPROC_ON_USE awaitable<running_pipeline> exec(pipeline commands) {
  std::vector<process> stages =
      co_await detail::start_joined<process>(commands.stages(), detail::start_process);
  co_return running_pipeline(std::move(stages));
}

COPROC_ON_USE awaitable<completed_pipeline> capture(pipeline commands) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<detail::capture_run> runs =
      co_await detail::start_joined<detail::capture_run>(commands.stages(), detail::capture_stage);
  std::vector<awaitable<completed>> stages;
  stages.reserve(runs.size());
  for (detail::capture_run& run : runs) stages.push_back(detail::finish(std::move(run)));
  std::vector<completed> results = co_await gather(std::move(stages));
  co_return completed_pipeline(std::move(results), std::chrono::steady_clock::now() - start);
}

}  // namespace coproc
