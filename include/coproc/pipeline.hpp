// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/capture.hpp>
#include <coproc/exec.hpp>

namespace coproc {
namespace detail {

template <class Stages>
std::string joined_by_pipes(const Stages& stages) {
  std::string line;
  for (const auto& stage : stages) line += (line.empty() ? "" : " | ") + to_string(stage);
  return line;
}

/// Waits for the waits or the stops of all stages, beside each other; the pipeline's returncode.
COPROC_ON_USE awaitable<int> all_stages(std::vector<awaitable<int>> stages);

}  // namespace detail

/// Commands to be run side by side, each reading what the one before it writes: `a | b | c`.
/// A value, as `command` is.
class pipeline {
 public:
  /// `first | second`.
  pipeline(command first, command second);

  /// One with keywords for its ends, or for the whole: `std_in` and `input` go to the first stage,
  /// `std_out` and `idle_timeout` to the last, and every other to each, over what its own say.
  template <class... Keywords>
    requires(sizeof...(Keywords) > 0)
  explicit pipeline(pipeline base, const Keywords&... keywords) : stages_(std::move(base.stages_)) {
    static_assert((detail::command_setting<Keywords> && ...),
                  "coproc: after a pipeline only keywords may stand");
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      detail::options& chosen = stages_[i].options();
      const detail::options before = chosen;
      detail::apply_settings(chosen, keywords...);
      if (i > 0) chosen.streams[0] = before.streams[0], chosen.input = before.input;
      if (i + 1 < stages_.size()) {
        chosen.streams[1] = before.streams[1];
        chosen.idle_timeout = before.idle_timeout;
      }
    }
  }

  /// The commands, at least two.
  const std::vector<command>& stages() const noexcept { return stages_; }

  /// One more at the end.
  friend pipeline operator|(pipeline first, command next);
  /// One more at the front.
  friend pipeline operator|(command first, pipeline rest);
  /// The stages of both.
  friend pipeline operator|(pipeline first, const pipeline& rest);
  /// As one would type it in a shell, see command.
  friend std::string to_string(const pipeline& what) {
    return detail::joined_by_pipes(what.stages_);
  }
  /// Writes to_string of it.
  friend std::ostream& operator<<(std::ostream& stream, const pipeline& what) {
    return stream << to_string(what);
  }

 private:
  std::vector<command> stages_;
};

/// The same, for who says `coproc::to_string`.
std::string to_string(const pipeline& what);

/// Two commands as a pipeline: `command("zcat", file) | command("sort")`.
inline pipeline operator|(command first, command second) {
  return pipeline(std::move(first), std::move(second));
}

/// A pipeline that runs, from exec. As for process, destroying it kills what still runs.
class running_pipeline {
 public:
  /// One without stages, as one that has been moved from.
  running_pipeline() = default;
  /// @private For the library's own use.
  explicit running_pipeline(std::vector<process> stages) : stages_(std::move(stages)) {}

  /// The processes, in order.
  std::vector<process>& stages() noexcept { return stages_; }
  /// The stdin of the first.
  /// @throws std::logic_error where it is not `piped`
  writer& std_in() { return stages_.at(0).std_in(); }
  /// The stdout of the last.
  /// @throws std::logic_error where it is not `piped`
  reader& std_out() { return stages_.at(stages_.size() - 1).std_out(); }
  /// The stderr of one.
  /// @param stage its place, from 0
  /// @throws std::logic_error where it is not `piped`; std::out_of_range where there is no such
  /// stage
  reader& std_err(std::size_t stage) { return stages_.at(stage).std_err(); }

  /// Waits until all have ended.
  /// @return the returncode of the pipeline, see completed_pipeline
  /// @throws cancelled_error
  /// @cancellation All types; the children do not notice, and can be waited for again.
  COPROC_ON_USE awaitable<int> wait();

  /// For logs: "process 12, exit status 0 | process 13, running".
  friend std::string to_string(const running_pipeline& what) {
    return detail::joined_by_pipes(what.stages_);
  }
  /// The same.
  friend std::ostream& operator<<(std::ostream& stream, const running_pipeline& what) {
    return stream << to_string(what);
  }

  /// Empty while any stage runs.
  optional_returncode returncode() const;

  /// process::stop for all at once.
  template <class Rep = std::int64_t, class Period = std::ratio<1>>
  awaitable<int> stop(
      std::chrono::duration<Rep, Period> patience = std::chrono::duration<Rep, Period>(2)) {
    std::vector<awaitable<int>> stages;
    for (process& stage : stages_) stages.push_back(stage.stop(patience));
    return detail::all_stages(std::move(stages));
  }
  /// @private Answered by a sentence.
  template <class Number>
    requires std::is_arithmetic_v<Number> awaitable<int> stop(Number) {
      detail::refuse_as_time<Number>();
      return wait();
    }

 private:
  std::vector<process> stages_;
};

/// The same, for who says `coproc::to_string`.
std::string to_string(const running_pipeline& what);

/// A pipeline that has run to its end, from capture.
class completed_pipeline {
 public:
  /// An empty one, see completed.
  completed_pipeline() = default;
  /// @private For the library's own use.
  completed_pipeline(std::vector<completed> results, std::chrono::nanoseconds time);

  std::vector<completed> stages;  ///< each with its returncode, stderr and usage
  std::string out;                ///< what the last one wrote to stdout
  /// That of the last stage that is not 0, or 0: a shell's `set -o pipefail`. The SIGPIPE of a
  /// stage whose reader had had enough is no failure, nor is 141, as shells and far sides say it.
  int returncode = 0;
  std::chrono::nanoseconds elapsed{};  ///< from before the first launch to the last end

  /// Whether each stage has succeeded: its returncode is 0, or one of its `ok_codes`, or it ended
  /// by the SIGPIPE that does not count.
  bool succeeded() const;
  /// succeeded().
  explicit operator bool() const { return succeeded(); }

  /// Itself, if it has succeeded.
  /// @throws exit_error for the last stage that has failed
  const completed_pipeline& check() const&;
  /// The same for a temporary, by value: what it refers to does not outlive it.
  completed_pipeline check() &&;

 private:
  const completed* failed_stage() const;
};

/// Starts a pipeline: `auto p = co_await exec(command("zcat", file) | command("sort", std_out =
/// piped))`. The stages are joined by pipes of the kernel: no byte passes through this process, and
/// it holds none of their ends. std_in of the first and std_out of the last, and every std_err, are
/// as the commands' keywords say.
/// @throws launch_error for a stage that cannot be started, after the earlier ones have been killed
/// and reaped; std::invalid_argument where a stage has a keyword for a stream that is joined
COPROC_ON_USE awaitable<running_pipeline> exec(pipeline commands);
/// The same with keywords for its ends, or for the whole, see pipeline:
/// `co_await exec(command("sort") | command("uniq"), std_in = piped, std_out = piped)`
template <class... Keywords>
  requires(sizeof...(Keywords) > 0)
awaitable<running_pipeline> exec(pipeline commands, Keywords&&... keywords) {
  detail::refuse_for_capture<Keywords...>();
  return exec(pipeline(std::move(commands), keywords...));
}

/// Runs a pipeline to its end: stdin of the first from `devnull` or its `input`, stdout of the last
/// and every stderr captured. With `std_out = tee(target)` what a stage before the last writes is
/// copied while it flows on to the next, by way of this process.
/// @throws as capture of a command; the failure of one stage (a timeout, say) ends all. A
/// returncode is no error.
/// @cancellation As for capture.
/// @shown{pipeline.cpp}
COPROC_ON_USE awaitable<completed_pipeline> capture(pipeline commands);
/// The same with keywords for its ends, or for the whole, see pipeline:
/// `co_await capture(command("zcat", file) | command("sort"), timeout = 1min)`
template <class... Keywords>
  requires(sizeof...(Keywords) > 0)
awaitable<completed_pipeline> capture(pipeline commands, Keywords&&... keywords) {
  return capture(pipeline(std::move(commands), keywords...));
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/pipeline.ipp>
#endif
