# Every file below include/coproc, which tests/checks/headers.py sees to. A header can be compiled alone;
# one of another system's cannot be compiled here, and is installed all the same.

set(COPROC_HEADERS
  as_completed.hpp
  capture.hpp
  command.hpp
  completed.hpp
  coproc.hpp
  error.hpp
  exec.hpp
  gather.hpp
  keywords.hpp
  pipeline.hpp
  process.hpp
  quote.hpp
  run.hpp
  shell.hpp
  src.hpp
  status.hpp
  stream.hpp
  version.hpp
  wait_for.hpp
  detail/boost.hpp
  detail/buffer.hpp
  detail/capture.hpp
  detail/child.hpp
  detail/config.hpp
  detail/context.hpp
  detail/crew.hpp
  detail/descriptor.hpp
  detail/dispositions.hpp
  detail/exchange.hpp
  detail/gather.hpp
  detail/keyword_types.hpp
  detail/launch.hpp
  detail/launch_step.hpp
  detail/lookup.hpp
  detail/next_line.hpp
  detail/one_at_a_time.hpp
  detail/options.hpp
  detail/pipe_reader.hpp
  detail/pipe_writer.hpp
  detail/pipeline.hpp
  detail/printable.hpp
  detail/reactor_executor.hpp
  detail/reaper.hpp
  detail/session.hpp
  detail/signals.hpp
  detail/stop.hpp
  detail/wakeup.hpp
  detail/watched_fd.hpp
  detail/windows_command_line.hpp)

set(posix
  detail/accounts.hpp
  detail/child_posix.hpp
  detail/descriptor_posix.hpp
  detail/lasting_thread.hpp
  detail/launch_posix.hpp
  detail/lookup_posix.hpp
  detail/reaper_posix.hpp
  detail/sigpipe.hpp
  detail/spawn.hpp
  detail/system.hpp
  detail/system_linux.hpp
  detail/system_posix.hpp
  detail/terminal.hpp
  detail/watched_fd_posix.hpp)

set(windows
  detail/child_windows.hpp
  detail/descriptor_windows.hpp
  detail/launch_windows.hpp
  detail/lookup_windows.hpp
  detail/reaper_windows.hpp
  detail/watched_fd_windows.hpp)

# Definitions, which cannot be compiled alone: the public header of that name includes them at its end,
# and src.hpp where the library is compiled.
set(COPROC_DEFINITIONS)

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
