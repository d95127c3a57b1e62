// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one door to the operating system. A platform is a folder beside this file that keeps the
// contract below. Everything outside of os/ includes this header, and nothing behind it.
//
// Handles (handle.hpp)
//   os_handle, no_handle   What the system calls an open file, and the value that is none. They are
//                          declared with the keywords (keywords/os_handle.hpp).
//   unique_handle          Owns a handle: get, release, reset, bool. Closes it once.
//   last_system_error()    The calling thread's last failure, as an error_code.
//   pipe_ends, make_pipe   A pipe between two children, close-on-exec from birth, both ends unable
//                          to meet descriptors 0 to 2. False, with last_system_error().
//
// Lookup (lookup.hpp)
//   candidates_here(name)  Where a program may be, in the order in which to try, by the host's
//                          PATH.
//   is_program(path)       Whether it is a file that this user may execute.
//
// Launch (launch.hpp; launched in reaper.hpp)
//   launched               A child that has been started: pid, ends[3] (this process's ends of its
//                          streams), leads_group, lifeline (the end of its stdin, where that is
//                          to tell a far side when to end); where it has a terminal, this process's
//                          side of that, twice (terminal), and where no stream of the child's is it
//                          the child's side (kept_slave). If nobody takes the pid, its destructor
//                          kills the child, and sees to it that it is reaped.
//   launch(words, options) Starts a child, or throws a launch_error that names the step and the
//                          object; then no child, zombie or handle is left. It never waits for
//                          anything but the start itself.
//   resize_terminal(handle, size)  Says to a terminal what it shows.
//
// Pipe ends (async_pipe.hpp)
//   async_pipe_end         This process's end of a pipe, driven by an executor, and still ours when
//                          the context has gone (a context_member). Made of an executor and a
//                          handle; executor() is empty once the context has gone; is_open().
//     wait_type, to_read, to_write  What can be waited for.
//     read_some, write_some  Moves what goes without waiting, from one buffer or several. 0 with an
//                          error: would_block, eof, broken_pipe or the system's. Never raises
//                          SIGPIPE.
//     read(room)           Waits for bytes, and reads them. Error: operation_aborted when cancelled
//                          or closed; bytes that came with it count.
//     writable()           Waits until bytes are taken. The same error.
//     notify(kind, event, bit)  Notifies an event, once, when the end is ready to_read or to_write,
//                          or no more waited for.
//     registered()         What every wait begins with: throws where it cannot be waited for.
//     cancel()             Ends all waits. Nothing that was read is lost.
//     detach_write, cancel_write, writing  For systems that tell of a write only when it is done:
//                          the bytes in flight that nobody waits for, how to end them, whether
//                          there are any.
//     enlarge(bytes)       Lets more bytes wait in the pipe, where the system can.
//     close()              Ends all waits and closes the handle.
//     get()                The handle of a terminal.
//
// Child (child.hpp)
//   child                  The one owner of a child, from its start to its reap. Made of an
//                          executor and a launched, whose pid it takes; pid(), executor().
//     exited()             Looks, and never waits. It reaps the child when it first sees its end.
//     has_lifeline         Whether its end is asked for so.
//     reaped, released     Whether that has been seen; whether the child was given away.
//     returncode, usage    Good once exited() has said true.
//     notify(event, bit)   Notifies an event, once, when the child may have exited.
//     stop_notifying(event)  Ends what notify() has started for that event.
//     send(number, group)  Sends a signal to the child or to the group it leads. Nothing happens
//                          where nobody is left to get it; no other process ever gets it.
//     ask_to_end(word)     The polite first step of stop(); where there is a lifeline, its end,
//                          after that last word, if it goes without waiting.
//     asks_twice, ask_again  Whether there is a second one, and that.
//     group_alive()        Whether anybody is left in the group that the child leads.
//     group_is_zombies()   Whether all of those only wait to be reaped by somebody. It is slow.
//     observe(observer)    From now on that is told what becomes of the child.
//     handle(), release()  The Boost.Process handle; the child given away.
//     abandon(kill)        Ends the ownership: a child that still runs is orphaned to the reaper,
//                          with its lifeline, if it is to run on.
//
// Memory (memory.hpp)
//   growing_memory         Bytes that are never zeroed: data, capacity. grow(least) moves them as a
//                          block at most. forget(from, to): they are not needed any more.
//                          expect_much(data, size): somebody else's, that will all be written to.
//
// Reaper (reaper.hpp)
//   reaper::instance()     Sees to the children that nobody waits for: orphaned, orphaned_killed. A
//                          context waits for its killed children (context_service), for a second
//                          at most. idle(): it has nothing to do, and holds nothing.
//
// Dispositions (dispositions.hpp)
//   disposition, disposition_of, set_disposition, is_ignored  What a signal does in this process.
//   interrupt_signals      Those that run() takes for a wish to end.
//
// Host (host.hpp)
//   trusted_variable(name)  A variable of this process's environment, or null; none where whoever
//                          has set it may less than this process.
//   write_to_stderr(text)  In one call of the system's, without SIGPIPE. What it does not take is
//                          lost.
//
// Shell (shell.hpp)
//   quoted_for_shell(value)  A value as one word of the shell's text.
//   shell_words_of(script, options)  The words that run a text by the shell.

#if defined(_WIN32)
#include <coproc/detail/os/windows/async_pipe.hpp>
#include <coproc/detail/os/windows/child.hpp>
#include <coproc/detail/os/windows/dispositions.hpp>
#include <coproc/detail/os/windows/handle.hpp>
#include <coproc/detail/os/windows/host.hpp>
#include <coproc/detail/os/windows/launch.hpp>
#include <coproc/detail/os/windows/lookup.hpp>
#include <coproc/detail/os/windows/memory.hpp>
#include <coproc/detail/os/windows/reaper.hpp>
#include <coproc/detail/os/windows/shell.hpp>
#else
#include <coproc/detail/os/posix/async_pipe.hpp>
#include <coproc/detail/os/posix/child.hpp>
#include <coproc/detail/os/posix/dispositions.hpp>
#include <coproc/detail/os/posix/handle.hpp>
#include <coproc/detail/os/posix/host.hpp>
#include <coproc/detail/os/posix/launch.hpp>
#include <coproc/detail/os/posix/lookup.hpp>
#include <coproc/detail/os/posix/memory.hpp>
#include <coproc/detail/os/posix/reaper.hpp>
#include <coproc/detail/os/posix/shell.hpp>
#endif
