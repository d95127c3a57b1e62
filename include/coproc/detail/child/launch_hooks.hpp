// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <atomic>
#include <coproc/command.hpp>
#include <coproc/detail/os/os.hpp>
#include <coproc/trace_event.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace coproc::detail {

using interceptor = std::function<command(command)>;
using tracer = std::function<void(const trace_event&)>;

/// Hooks, the latest first. Each belongs to its hook_guard: one whose guard has gone is called no
/// more, and one that is being called stays until then.
template <class Hook>
using hook_list = std::vector<std::weak_ptr<const Hook>>;

/// How a child has come to its end by itself.
/// @param carrier_codes the returncodes by which it says that it has not reached where it was to go
inline end_reason reason_of(int returncode, const std::vector<int>& carrier_codes) {
  if (std::ranges::count(carrier_codes, returncode) > 0) return end_reason::unreachable;
  if (returncode == unknown_returncode) return end_reason::unknown;
  return returncode < 0 ? end_reason::signalled : end_reason::exited;
}

/// One launch, and what becomes of the child, for those that were tracing when it began.
class traced_launch final : public child_observer {
 public:
  traced_launch(hook_list<tracer> tracers, std::uint64_t id, const command& asked)
      : tracers_(std::move(tracers)), event_(id, to_string(asked)) {}

  void intercepted(const command& what) { event_.command = to_string(what); }
  /// @param chosen of what is launched in its place
  void carried(const options& chosen) {
    event_.via = chosen.carried_by;
    carrier_codes_ = chosen.carrier_codes;
  }

  void started(int pid) noexcept {
    event_.pid = pid;
    tell(trace_kind::started, [](trace_event&) {});
  }
  /// For within a handler of what was thrown.
  void failed() noexcept {
    tell(trace_kind::failed, [](trace_event& told) {
      try {
        throw;
      } catch (const std::exception& why) {
        told.error = why.what();
      } catch (...) {
        told.error = "an exception of another kind";
      }
    });
  }

  void signalled(int number) noexcept override {
    tell(trace_kind::signalled, [&](trace_event& told) { told.signal = number; });
  }
  void ended(int returncode, const usage& used) noexcept override {
    tell(trace_kind::ended, [&](trace_event& told) {
      told.returncode = returncode;
      told.why = reason_of(returncode, carrier_codes_);
      told.usage = used;
    });
  }
  void abandoned() noexcept override {
    tell(trace_kind::abandoned, [](trace_event&) {});
  }

 private:
  template <class Change>
  void tell(trace_kind kind, Change change) noexcept {
    try {
      // A copy: a handler that looks at the child may bring about the next told.
      trace_event told = event_;
      told.kind = kind;
      told.elapsed = std::chrono::steady_clock::now() - start_;
      change(told);
      for (const auto& each : tracers_) {
        const auto handler = each.lock();
        try {
          if (handler) (*handler)(told);
        } catch (...) {  // of the handler
        }
      }
    } catch (...) {  // no memory
    }
  }

  const hook_list<tracer> tracers_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  trace_event event_;
  std::vector<int> carrier_codes_;
};

/// Whether the environment asks for a trace on stderr.
inline bool traced_by_environment() {
  static const bool traced = [] {
    const char* const value = trusted_variable("COPROC_TRACE");
    return value != nullptr && *value != '\0' && std::string_view(value) != "0";
  }();
  return traced;
}

/// Makes of what a function returns in the place of a command what the call can do with: its side
/// of the child is as the call has set it up.
/// @param hook what has called the function: intercept or via
/// @throws std::invalid_argument where it was to be another
inline command as_the_call_needs(const char* hook, const command& asked, command what) {
  const options& before = asked.options();
  options& after = what.options();
  const auto refuse = [&](const std::string& text) {
    throw std::invalid_argument(std::string("coproc: ") + hook + ": '" + to_string(asked) +
                                "': " + text);
  };
  if (!after.terminal) after.terminal = before.terminal;
  for (std::size_t fd = 0; fd < 3; ++fd) {
    const bool lifeline = fd == 0 && after.lifeline;  // nobody here writes to that
    if (!lifeline && !after.streams[fd].given) after.streams[fd] = before.streams[fd];
    const stdio::kind was = before.source_of(fd);
    const stdio::kind now = lifeline ? stdio::kind::devnull : after.source_of(fd);
    const auto is_here = [](stdio::kind source) {
      return source == stdio::kind::piped || source == stdio::kind::terminal;
    };
    if (now == was || (!is_here(now) && !is_here(was))) continue;
    refuse(stream_name(fd) + (is_here(was) ? " is read or written here, and has to stay so"
                                           : ": nobody here would read or write it"));
  }
  const options none;
  const auto changed = [&](auto member) {
    return after.*member != none.*member && after.*member != before.*member;
  };
  const int attempts = after.retry.attempts;
  if (changed(&options::timeout) || changed(&options::idle_timeout) || changed(&options::grace) ||
      changed(&options::limit) || changed(&options::max_output) || changed(&options::ok_codes) ||
      (after.input && !before.input) || (attempts > 1 && attempts != before.retry.attempts))
    refuse(
        "input, limit, max_output, timeout, idle_timeout, grace, ok_codes and retry stay those of "
        "the call");
  after.limit = before.limit;
  after.max_output = before.max_output;
  return what;
}

/// What sees the launches of an execution context. It is made for the first hook.
class launch_hooks : public asio::execution_context::service {
 public:
  using key_type = launch_hooks;
  inline static asio::execution_context::id id;

  explicit launch_hooks(asio::execution_context& context) : service(context) {
    if (!traced_by_environment()) return;
    // For all contexts, and for children that outlive theirs.
    static const auto to_stderr = std::make_shared<const tracer>(
        [](const trace_event& told) { write_to_stderr(to_string(told) + '\n'); });
    tracers_.push_back(to_stderr);
  }

  /// Null where there are none.
  static launch_hooks* of(const asio::any_io_executor& executor) {
    asio::execution_context& context = asio::query(executor, asio::execution::context);
    const bool made = traced_by_environment() || asio::has_service<launch_hooks>(context);
    return made ? &asio::use_service<launch_hooks>(context) : nullptr;
  }
  static launch_hooks& made_for(const asio::any_io_executor& executor) {
    return asio::use_service<launch_hooks>(asio::query(executor, asio::execution::context));
  }

  /// @return its owner
  COPROC_ON_USE std::shared_ptr<const void> add(interceptor hook) {
    intercept_ = [](launch_hooks& hooks, const command& asked) { return hooks.changed(asked); };
    return add(interceptors_, std::move(hook));
  }
  COPROC_ON_USE std::shared_ptr<const void> add(tracer hook) {
    return add(tracers_, std::move(hook));
  }

  /// What is to be launched in the place of a command.
  /// @return nothing where it is the command itself
  std::optional<command> intercept(const command& asked) {
    const auto function = intercept_.load();
    return function != nullptr ? function(*this, asked) : std::nullopt;
  }

  /// Null where nobody traces.
  std::unique_ptr<traced_launch> trace(const command& asked) {
    auto tracers = those_in(tracers_);
    if (tracers.empty()) return nullptr;
    return std::make_unique<traced_launch>(std::move(tracers), ++last_id_, asked);
  }

 private:
  void shutdown() override {}

  COPROC_ON_USE std::optional<command> changed(const command& asked) {
    std::optional<command> what;
    for (const auto& each : those_in(interceptors_))
      if (const auto change = each.lock())
        what = as_the_call_needs("intercept", asked, (*change)(what ? *std::move(what) : asked));
    return what;
  }

  template <class Hook>
  std::shared_ptr<const void> add(hook_list<Hook>& hooks, Hook hook) {
    auto owner = std::make_shared<const Hook>(std::move(hook));
    const std::lock_guard lock(mutex_);
    hooks.insert(hooks.begin(), owner);
    return owner;
  }
  /// A copy, so that they are called without the lock.
  template <class Hook>
  hook_list<Hook> those_in(hook_list<Hook>& hooks) {
    const std::lock_guard lock(mutex_);
    std::erase_if(hooks, [](const auto& each) { return each.expired(); });
    return hooks;
  }

  // changed(), where there has been an interceptor: what no program calls no compiler has to make.
  std::atomic<std::optional<command> (*)(launch_hooks&, const command&)> intercept_ = nullptr;
  std::mutex mutex_;
  hook_list<interceptor> interceptors_;
  hook_list<tracer> tracers_;
  std::atomic<std::uint64_t> last_id_ = 0;
};

}  // namespace coproc::detail
