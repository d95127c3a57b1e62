// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>
#include <coproc/trace_event.hpp>
#include <functional>
#include <memory>

namespace coproc {

/// Keeps in place what intercept or trace has installed, until it is destroyed or assigned to.
/// Movable, not copyable.
/// @threads May be destroyed on any thread, in any order with others, and after its io_context. A
/// call that another thread is making just then goes on, and is not waited for; none begins after.
class [[nodiscard]] hook_guard {
 public:
  /// One that keeps nothing.
  hook_guard() = default;
  /// @private For the library's own use.
  explicit hook_guard(std::shared_ptr<const void> hook) noexcept : hook_(std::move(hook)) {}
  /// The other keeps nothing any more.
  hook_guard(hook_guard&& other) noexcept = default;
  /// What this one has kept goes: `guard = {}`.
  hook_guard& operator=(hook_guard&& other) noexcept = default;

 private:
  std::shared_ptr<const void> hook_;
};

/// Shows a function every command before it is launched on the io_context of the calling coroutine,
/// by whichever call: exec, shell, capture, each stage of a pipeline, each command of a gather or
/// as_completed, each attempt of a `retry`. What it returns is launched in its place:
/// `auto guard = co_await intercept([](command what) { return what.reworded("nice", what); });`
///
/// The words and the keywords of the launch (`cwd`, `env`, `process_group`, ...) are those of what
/// it returns. The call that waits keeps what it has to do with the child: a stream that is `piped`
/// or a `terminal` stays so, no other becomes so, and one that the function does not name is as
/// before; `input`, `limit`, `max_output`, `timeout`, `idle_timeout`, `grace`, `ok_codes` and
/// `retry` cannot be changed. So `completed::command` and the messages of errors name the command
/// as the caller wrote it; a launch_error names the program that could not be started. `via` is one
/// of the keywords: `what.reworded("true", via = nullptr)` is launched here.
/// @param change takes a command and returns one. Of several the latest comes first. An exception
/// of its own, a launch_error say, comes out of the call; then nothing has been started. (A command
/// that changes what cannot be changed is answered by a `std::invalid_argument`.)
/// @throws std::invalid_argument for an empty function
/// @return what keeps it in place; without that it is gone at once
/// @threads It is called within the call that launches, by the thread that makes it: where several
/// run the io_context, by several at once.
/// @shown{test_without_git.cpp}
COPROC_ON_USE awaitable<hook_guard> intercept(std::function<command(command)> change);

/// Tells a function of every launch on the io_context of the calling coroutine, and of what becomes
/// of the child: `auto seen = co_await trace([](const trace_event& e) { log(to_string(e)); });`
///
/// Of children that were launched before it is told nothing. With the environment variable
/// `COPROC_TRACE=1` a program's io_contexts have such a function that writes to_string of each
/// event to stderr. (The variable is read once, and not in a setuid program.)
/// @param handler takes a trace_event. What it throws is dropped, and an event for which there is
/// no memory is not told of. It must not destroy or move the process that an event is about.
/// @throws std::invalid_argument for an empty function
/// @return what keeps it in place; without that it is gone at once
/// @threads It is called by the thread that launches, that sends the signal, or that first sees the
/// end: that of a wait, of returncode(), of the destructor. Where several run the io_context, by
/// several at once.
COPROC_ON_USE awaitable<hook_guard> trace(std::function<void(const trace_event&)> handler);

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/trace.ipp>
#endif
