// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/signals.hpp>
#include <coproc/pipeline.hpp>

namespace coproc {
namespace detail {

/// Whether SIGPIPE has ended a stage, as the kernel says it, or shells and far sides do.
COPROC_INLINE bool ended_by_sigpipe(int code) {
  return code == -signal_numbers::pipe || code == 128 + signal_numbers::pipe;
}

/// The last code that is not 0, where the SIGPIPE of a stage before the last does not count.
COPROC_INLINE int pipe_status(const std::vector<int>& codes) {
  for (std::size_t i = codes.size(); i-- > 0;) {
    const bool had_enough = i + 1 < codes.size() && ended_by_sigpipe(codes[i]);
    if (codes[i] != 0 && !had_enough) return codes[i];
  }
  return 0;
}

/// As gather, whose type is deduced: a compiler would have to make it for who has no pipeline.
template <class T>
awaitable<std::vector<T>> all_of(std::vector<awaitable<T>> tasks, bool parallel) {
  gather_options options;
  options.parallel = parallel;
  return gather_all<range_jobs<std::vector<awaitable<T>>>, false>(
      range_jobs<std::vector<awaitable<T>>>(std::move(tasks)), options, no_on_done());
}

COPROC_ON_USE awaitable<int> all_stages(std::vector<awaitable<int>> stages) {
  co_return pipe_status(co_await all_of(std::move(stages), false));  // on one strand
}

/// Refuses a keyword for a stream that is joined to a neighbour.
/// @param copies a stage's output may be copied on its way
COPROC_INLINE void check_stages(const std::vector<command>& stages, bool copies) {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const options& chosen = stages[i].options();
    if (i + 1 < stages.size() && chosen.idle_timeout)
      throw std::invalid_argument("coproc: pipeline: idle_timeout is for the last stage: what '" +
                                  to_string(stages[i]) + "' writes goes past");
    const bool in = i > 0 && (chosen.streams[0].given || chosen.input);
    const bool out = i + 1 < stages.size() && chosen.streams[1].given;
    if (in || (out && !(copies && chosen.streams[1].copy_to)))
      throw std::invalid_argument("coproc: pipeline: " + std::string(in ? "std_in" : "std_out") +
                                  " of '" + to_string(stages[i]) + "' is joined to its neighbour" +
                                  (out && chosen.streams[1].copy_to ? "; tee is for capture" : ""));
  }
}

/// What flows from one stage to the next by way of this process, since somebody wants a copy.
class relay {
 public:
  std::shared_ptr<pipe_reader> from;
  std::shared_ptr<pipe_writer> to;
  std::shared_ptr<sink> copies;
  std::string name;
};

/// Copies until the first stage has no more, or the second wants no more.
/// @return nothing, but as the stages beside which it runs
COPROC_ON_USE awaitable<completed> run_relay(relay joint) {
  gathered_output gathered;
  gathered.copy_to = joint.copies;
  buffer bytes;  // those that have not been copied yet
  for (bool more = true, wanted = true; more;) {
    std::string piece;
    if (wanted) piece = co_await pipe_reader::read(joint.from, read_request::at_most(64 * 1024));
    more = !piece.empty();
    if (more) std::memcpy(bytes.prepare(piece.size()).first, piece.data(), piece.size());
    bytes.commit(piece.size());
    while (const auto next = gathered.next_piece(bytes, !more, joint.from->limit())) {
      if (joint.copies->start) co_await joint.copies->start(*next);
      else joint.copies->call(*next);
      gathered.copy_failed |= joint.copies->failed;
    }
    bytes.consume(bytes.size() - gathered.uncopied(bytes));
    try {
      if (more) co_await pipe_writer::write(joint.to, std::move(piece));
    } catch (const error& e) {
      if (e.code() != asio::error::broken_pipe) throw;
      wanted = false;
    }
  }
  joint.from->give_up();
  joint.to->close();
  if (gathered.copy_failed) throw_copy_failed(joint.name, "stdout", output());
  co_return completed();
}

/// Starts each command by @p start(command), joined to the next by a pipe of which nothing stays
/// here; or by a relay, if there are @p relays and a copy is wanted. When one fails, the earlier
/// ones are killed and reaped before that is rethrown.
template <class Started, class Start>
awaitable<std::vector<Started>> start_joined(std::vector<command> stages, Start start,
                                             std::vector<relay>* relays) {
  check_stages(stages, relays != nullptr);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::vector<Started> started;
  std::exception_ptr failure;
  try {
    unique_handle from_previous;
    std::shared_ptr<sink> copies, copies_of_previous;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      pipe_ends to_next;
      options& chosen = stages[i].options();
      copies_of_previous = std::exchange(copies, nullptr);
      if (copies_of_previous) chosen.input = input_source();  // so that there is a pipe
      else if (i > 0) chosen.streams[0] = stdio(from_previous.get());
      if (i + 1 < stages.size()) {
        copies = std::exchange(chosen.streams[1].copy_to, nullptr);
        if (!copies) {
          if (!make_pipe(to_next))
            fail_launch(stages[i].words(), "pipe", last_system_error(), stream_name(1));
          chosen.streams[1] = stdio(to_next.write.get());
        }
      }
      started.push_back(start(executor, stages[i]));
      if constexpr (std::same_as<Started, capture_run>) {
        child_streams& streams = *started.back().streams;
        if (copies_of_previous) {
          streams.make_stream(0);
          relays->back().to = std::move(streams.in);
        }
        if (copies) {
          streams.make_stream(1);
          relays->emplace_back();
          relays->back().from = std::move(streams.out.stream);
          relays->back().copies = copies;
          relays->back().name = to_string(*started.back().program);
        }
      }
      from_previous = std::move(to_next.read);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    if (relays != nullptr) relays->clear();
    started.clear();
    co_await wait_until_clean();
    std::rethrow_exception(failure);
  }
  co_return started;
}

COPROC_INLINE capture_run capture_stage(const asio::any_io_executor& executor, command& stage) {
  return capture_run(executor, stage);
}

}  // namespace detail

COPROC_INLINE pipeline::pipeline(command first, command second) {
  stages_.push_back(std::move(first));
  stages_.push_back(std::move(second));
}

COPROC_INLINE pipeline operator|(pipeline first, command next) {
  first.stages_.push_back(std::move(next));
  return first;
}

COPROC_INLINE pipeline operator|(command first, pipeline rest) {
  rest.stages_.insert(rest.stages_.begin(), std::move(first));
  return rest;
}

COPROC_INLINE pipeline operator|(pipeline first, const pipeline& rest) {
  for (const command& stage : rest.stages_) first.stages_.push_back(stage);
  return first;
}

COPROC_ON_USE awaitable<int> running_pipeline::wait() {
  std::vector<awaitable<int>> stages;
  for (process& stage : stages_) stages.push_back(stage.wait());
  return detail::all_stages(std::move(stages));
}

COPROC_INLINE optional_returncode running_pipeline::returncode() const {
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
    const bool had_enough = i + 1 < stages.size() && detail::ended_by_sigpipe(stages[i].returncode);
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
  for (const command& stage : commands.stages()) detail::check_for_exec(stage);
  std::vector<process> stages =
      co_await detail::start_joined<process>(commands.stages(), detail::start_process, nullptr);
  co_return running_pipeline(std::move(stages));
}

COPROC_ON_USE awaitable<completed_pipeline> capture(pipeline commands) {
  for (const command& stage : commands.stages())
    if (stage.options().retry.attempts > 1)
      throw std::invalid_argument("coproc: pipeline: retry is for a command alone");
  const auto start = std::chrono::steady_clock::now();
  std::vector<detail::relay> relays;
  std::vector<detail::capture_run> runs = co_await detail::start_joined<detail::capture_run>(
      commands.stages(), detail::capture_stage, &relays);
  std::vector<awaitable<completed>> stages;
  stages.reserve(runs.size() + relays.size());
  for (detail::capture_run& run : runs) stages.push_back(detail::finish(std::move(run)));
  for (detail::relay& joint : relays) stages.push_back(detail::run_relay(std::move(joint)));
  std::vector<completed> results;
  try {
    results = co_await detail::all_of(std::move(stages), true);
  } catch (const timeout_error& e) {  // of whichever stage was the first to see it
    throw timeout_error(to_string(commands) + ": in " + e.what(), e, e.elapsed());
  }
  results.resize(runs.size());
  co_return completed_pipeline(std::move(results), std::chrono::steady_clock::now() - start);
}

}  // namespace coproc
