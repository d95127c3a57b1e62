# Every file below include/coproc; tests/checks/headers.py sees to it. A header can be compiled alone; one of
# another system cannot be compiled here, and is installed all the same.

set(COPROC_HEADERS
  as_completed.hpp
  awaitable.hpp
  capture.hpp
  command.hpp
  completed.hpp
  coproc.hpp
  error.hpp
  exec.hpp
  find_program.hpp
  gather.hpp
  keywords.hpp
  native_process.hpp
  outcome.hpp
  pipeline.hpp
  process.hpp
  quote.hpp
  run.hpp
  separator.hpp
  shell.hpp
  status.hpp
  stream.hpp
  terminal_size.hpp
  trace.hpp
  trace_event.hpp
  version.hpp
  via.hpp
  wait_for.hpp
  detail/child/child_streams.hpp
  detail/child/communicate.hpp
  detail/child/communicate_fsm.hpp
  detail/child/gathered_output.hpp
  detail/child/launch_hooks.hpp
  detail/child/next_line.hpp
  detail/child/stop.hpp
  detail/keywords/env_keyword.hpp
  detail/keywords/input_source.hpp
  detail/keywords/keyword_types.hpp
  detail/keywords/options.hpp
  detail/keywords/os_handle.hpp
  detail/keywords/setting.hpp
  detail/keywords/stdio_keyword.hpp
  detail/keywords/text.hpp
  detail/os/boost.hpp
  detail/os/child_observer.hpp
  detail/os/dispositions.hpp
  detail/os/exit_waiters.hpp
  detail/os/inline_executor.hpp
  detail/os/launch_checks.hpp
  detail/os/message_text.hpp
  detail/os/os.hpp
  detail/os/signals.hpp
  detail/os/windows/command_line.hpp # calls nothing of the system's, so it is tested everywhere
  detail/pipe/buffer.hpp
  detail/pipe/busy_guard.hpp
  detail/pipe/line_scanner.hpp
  detail/pipe/pipe_reader.hpp
  detail/pipe/pipe_writer.hpp
  detail/pipe/poll_set.hpp
  detail/pipe/read_request.hpp
  detail/pipe/stream_operation.hpp
  detail/task/cancellation.hpp
  detail/task/context.hpp
  detail/task/context_member.hpp
  detail/task/event.hpp
  detail/task/gather.hpp
  detail/task/task_group.hpp
  detail/task/time.hpp)

set(posix
  detail/os/posix/accounts.hpp
  detail/os/posix/async_pipe.hpp
  detail/os/posix/calls.hpp
  detail/os/posix/calls_linux.hpp
  detail/os/posix/calls_posix.hpp
  detail/os/posix/child.hpp
  detail/os/posix/clone_linux.hpp
  detail/os/posix/dispositions.hpp
  detail/os/posix/handle.hpp
  detail/os/posix/host.hpp
  detail/os/posix/launch.hpp
  detail/os/posix/lookup.hpp
  detail/os/posix/memory.hpp
  detail/os/posix/reaper.hpp
  detail/os/posix/shell.hpp
  detail/os/posix/spawn.hpp
  detail/os/posix/terminal.hpp)

set(windows
  detail/os/windows/async_pipe.hpp
  detail/os/windows/child.hpp
  detail/os/windows/dispositions.hpp
  detail/os/windows/handle.hpp
  detail/os/windows/host.hpp
  detail/os/windows/launch.hpp
  detail/os/windows/lookup.hpp
  detail/os/windows/memory.hpp
  detail/os/windows/reaper.hpp
  detail/os/windows/shell.hpp)

# Definitions, which public headers include below their last line, and src.hpp where the library is compiled.
set(COPROC_DEFINITIONS
  impl/capture.ipp
  impl/completed.ipp
  impl/exec.ipp
  impl/find_program.ipp
  impl/pipeline.ipp
  impl/process.ipp
  impl/quote.ipp
  impl/run.ipp
  impl/shell.ipp
  impl/status.ipp
  impl/stream.ipp
  impl/task_group.ipp
  impl/trace.ipp
  impl/trace_event.ipp
  impl/via.ipp
  src.hpp)

if(WIN32)
  list(APPEND COPROC_HEADERS ${windows})
  set(COPROC_OTHER_HEADERS ${posix})
else()
  list(APPEND COPROC_HEADERS ${posix})
  set(COPROC_OTHER_HEADERS ${windows})
endif()
foreach(list COPROC_HEADERS COPROC_OTHER_HEADERS COPROC_DEFINITIONS)
  list(TRANSFORM ${list} PREPEND include/coproc/)
endforeach()
