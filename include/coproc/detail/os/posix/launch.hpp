// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The parent's side of a launch: checks, opens and looks up all that it takes, starts the child,
// and turns what failed into a launch_error. Whatever happens, what it made is closed again.

#include <coproc/detail/os/launch_checks.hpp>
#include <coproc/detail/os/posix/accounts.hpp>
#include <coproc/detail/os/posix/lookup.hpp>
#include <coproc/detail/os/posix/reaper.hpp>
#include <coproc/detail/os/posix/spawn.hpp>
#include <coproc/detail/os/posix/terminal.hpp>
#include <cstdio>
#include <cstring>
#include <map>

extern "C" char** environ;  // POSIX has it in no header

namespace coproc::detail {

/// One launch: the place of all that the plan points to.
class launcher {
 public:
  launcher(const word_list& words, const options& chosen) : words_(words), options_(chosen) {}
  launcher(const launcher&) = delete;
  launcher& operator=(const launcher&) = delete;

  /// @throws launch_error, and then there is no child and no descriptor of it.
  launched run() {
    check();
    prepare_streams();
    prepare_passed();
    prepare_identity();
    prepare_arguments();
    prepare_environment();
    prepare_programs();
    result_.pid = options_.kill_on_parent_death ? spawn_by_lasting_thread(plan_, result_.pidfd)
                                                : spawn(plan_, result_.pidfd);
    if (result_.pid < 0) fail_in_child();
    result_.leads_group = plan_.new_session || plan_.group == 0;
    if (options_.stop_signal) result_.stop_signal = *options_.stop_signal;
    else if (terminal_.slave) hang_up_first();
    if (!terminal_is_stream_) result_.kept_slave = std::move(terminal_.slave);
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const char* step, int error, const std::string& text,
                         std::string object = std::string()) const {
    fail_launch(words_, step, system_error(error), text, std::move(object));
  }
  /// A text with its object in the front.
  [[noreturn]] void fail_of(const char* step, int error, std::string object,
                            const std::string& and_more) const {
    const std::string text = object + and_more;
    fail(step, error, text, std::move(object));
  }

  void check() const {
    check_launch(words_, options_);
    for (std::size_t fd = 0; fd < 3; ++fd) {
      const stdio& stream = options_.streams[fd];
      if (stream.source == stdio::kind::descriptor && ::fcntl(stream.handle, F_GETFD) < 0)
        fail("dup2", errno, stream_name(fd) + " from descriptor " + std::to_string(stream.handle),
             std::to_string(stream.handle));
    }
    const int stop = options_.stop_signal.value_or(SIGTERM);
    if (stop < 1 || stop > calls::last_signal())
      fail_of("stop_signal", EINVAL, std::to_string(stop), ", which is no signal");
    for (const auto& [to, from] : options_.pass_fds)
      if (to < 3) fail_of("pass_fds", EINVAL, std::to_string(to), " is not above 2");
      else if (::fcntl(from, F_GETFD) < 0) fail("pass_fds", errno, std::to_string(from));
      else if (rlimit limit;
               ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && static_cast<rlim_t>(to) >= limit.rlim_cur)
        fail_of("pass_fds", EMFILE, std::to_string(to), " is not below RLIMIT_NOFILE");
  }

  /// As when a window is closed: shells then end their jobs. What stays away from its terminal, or
  /// takes that signal for another wish, is asked again.
  void hang_up_first() {
    result_.stop_signal = SIGHUP;
    result_.second_stop_signal = SIGTERM;
  }

  void prepare_streams() {
    if (options_.terminal) open_terminal();
    for (std::size_t fd = 0; fd < 3; ++fd) {
      const stdio& stream = options_.streams[fd];
      switch (options_.source_of(fd)) {
        case stdio::kind::inherit:
        case stdio::kind::to_stdout: continue;  // below, when stdout is known
        case stdio::kind::piped: open_pipe(fd); break;
        case stdio::kind::terminal:
          open_terminal();
          plan_.stdio[fd] = terminal_.slave.get();
          terminal_is_stream_ = true;
          break;
        case stdio::kind::devnull: open_file(fd, "/dev/null", O_RDWR); break;
        case stdio::kind::file:
          open_file(fd, stream.path, fd == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC);
          break;
        case stdio::kind::append: open_file(fd, stream.path, O_WRONLY | O_CREAT | O_APPEND); break;
        case stdio::kind::descriptor:
          if (stream.file != nullptr) std::fflush(stream.file);
          plan_.make_blocking[fd] = (::fcntl(stream.handle, F_GETFL) & O_NONBLOCK) != 0;
          plan_.stdio[fd] = stream.handle;
          if (stream.handle > 2) continue;
          plan_.stdio[fd] = keep(unique_handle(::fcntl(stream.handle, F_DUPFD_CLOEXEC, 3)), "dup2",
                                 stream_name(fd));
          break;
      }
    }
    if (options_.streams[2].source == stdio::kind::to_stdout) {
      plan_.stdio[2] = plan_.stdio[1];
      if (plan_.stdio[1] < 0)  // inherited
        plan_.stdio[2] =
            keep(unique_handle(::fcntl(1, F_DUPFD_CLOEXEC, 3)), "dup2", stream_name(2));
    }
  }

  /// Keeps a descriptor until the child has been started.
  int keep(unique_handle fd, const char* step, const std::string& object) {
    if (!fd) fail(step, errno, object);
    kept_.push_back(std::move(fd));
    return kept_.back().get();
  }

  void open_pipe(std::size_t fd) {
    pipe_ends ends;
    if (!make_pipe(ends)) fail("pipe", errno, stream_name(fd));
    result_.ends[fd] = std::move(fd == 0 ? ends.write : ends.read);
    if (!make_nonblocking(result_.ends[fd])) fail("pipe", errno, stream_name(fd));
    plan_.stdio[fd] = keep(std::move(fd == 0 ? ends.read : ends.write), "pipe", stream_name(fd));
  }

  void open_terminal() {
    if (terminal_.slave) return;
    const bool opened = terminal_.open(options_.terminal.value_or(terminal_size(24, 80)));
    pipe_ends& ours = result_.terminal;
    if (opened) ours.read = unique_handle(::fcntl(terminal_.master.get(), F_DUPFD_CLOEXEC, 3));
    if (!ours.read) fail("terminal", errno, std::string(), "terminal");
    ours.write = std::move(terminal_.master);
    plan_.new_session = true;
    plan_.controlling_terminal = terminal_.slave.get();
  }

  void open_file(std::size_t fd, const std::filesystem::path& path, int flags) {
    // O_NONBLOCK for the open alone: that of a FIFO would wait for the other side otherwise.
    const bool may_block = options_.streams[fd].source != stdio::kind::devnull;
    flags |= O_CLOEXEC | O_NOCTTY | (may_block ? O_NONBLOCK : 0);
    unique_handle file(::open(path.c_str(), flags, 0666));
    const bool opened = file && (!may_block || ::fcntl(file.get(), F_SETFL, flags & O_APPEND) == 0);
    const std::string text = stream_name(fd) + " '" + path.string() + "'";
    if (!opened && fd != 0 && errno == ENXIO && std::filesystem::is_fifo(path))
      fail("open", ENXIO, text + ", a FIFO without a reader", path.string());
    if (!opened) fail("open", errno, text, path.string());
    struct stat status = {};
    ::fstat(file.get(), &status);
    if (fd == 0 && S_ISFIFO(status.st_mode) && !calls::has_writer(file.get()))
      // It would be an end that comes at once.
      fail("open", ENXIO, text + ", a FIFO without a writer", path.string());
    // Two descriptions of one file would write over each other.
    const bool same = fd == 2 && S_ISREG(status.st_mode) && status.st_dev == stdout_file_.st_dev &&
                      status.st_ino == stdout_file_.st_ino;
    if (fd == 1) stdout_file_ = status;
    plan_.stdio[fd] =
        same ? plan_.stdio[1] : keep(above_stdio(std::move(file)), "open", stream_name(fd));
  }

  void prepare_passed() {
    if (options_.pass_fds.empty()) return;
    for (const auto& [to, from] : options_.pass_fds) {
      int source = from;
      // One that a redirect or another's target would overwrite is moved out of the way first.
      if (from < 3 || (from != to && options_.pass_fds.contains(from))) {
        unique_handle copy;
        for (int least = 3; !copy || options_.pass_fds.contains(copy.get());
             least = copy.get() + 1) {
          copy = unique_handle(::fcntl(from, F_DUPFD_CLOEXEC, least));
          if (!copy && errno == EINVAL) errno = EMFILE;  // no room above the targets
          if (!copy) fail("pass_fds", errno, std::to_string(from));
        }
        source = keep(std::move(copy), "pass_fds", std::to_string(from));
      }
      moves_.push_back({source, to});
    }
    plan_.fds = moves_.data();
    plan_.fd_count = moves_.size();
  }

  void prepare_identity() {
    plan_.new_session = plan_.new_session || options_.new_session;
    plan_.group = options_.process_group.value_or(-1);
    if (plan_.new_session && plan_.group == 0)
      plan_.group = -1;  // a session's leader leads a group
    if (options_.process_group && *options_.process_group < 0)
      fail("process_group", EINVAL, std::to_string(*options_.process_group));
    for (const auto& [resource, value] : options_.resource_limits)
      limits_.push_back({resource, calls::limit64{widen(value.rlim_cur), widen(value.rlim_max)}});
    plan_.limits = limits_.data();
    plan_.limit_count = limits_.size();
    plan_.reset_signals = options_.reset_signals;
    plan_.cwd = options_.cwd ? options_.cwd->c_str() : nullptr;
    plan_.niceness = std::clamp(options_.niceness.value_or(0), -40, 40);  // more is the same
    plan_.umask = options_.new_umask ? static_cast<int>(*options_.new_umask) : -1;
    prepare_accounts();
    if (options_.kill_on_parent_death) plan_.die_with = ::getpid();
  }

  static std::uint64_t widen(rlim_t value) {
    return value == RLIM_INFINITY ? ~std::uint64_t{0} : static_cast<std::uint64_t>(value);
  }

  void prepare_accounts() {
    if (options_.as_user) {
      plan_.set_uid = true;
      become_user(*options_.as_user);
    }
    if (options_.as_group) {
      plan_.set_gid = true;
      plan_.gid = group_number(*options_.as_group, "as_group");
    }
    if (options_.extra_groups) {
      plan_.set_groups = true;
      groups_.clear();
      for (const auto& group : *options_.extra_groups)
        groups_.push_back(group_number(group, "extra_groups"));
    }
    plan_.groups = groups_.data();
    plan_.group_count = groups_.size();
  }

  /// As su and systemd do it, the account's own group and its supplementary groups come along,
  /// unless the two other keywords say otherwise.
  void become_user(const account& user) {
    if (!user.has_name && user.number == account::nobody)
      fail("as_user", EINVAL, "a number that none can have");
    user_entry entry;
    const int error = user.has_name ? find_user(user.name, entry) : find_user(user.number, entry);
    const bool found = error == 0;
    if (user.has_name && !found)
      fail("as_user", error, "'" + user.name + "'" + (error == ENOENT ? ", no such user" : ""),
           user.name);
    plan_.uid = found ? entry.uid : user.number;
    if (plan_.uid == ::getuid() && plan_.uid == ::geteuid()) return;  // it stays who it is
    if (!found && !options_.as_group)
      fail_of("as_user", ENOENT, std::to_string(plan_.uid),
              ", which has no account, without as_group");
    if (found) plan_.gid = entry.gid;
    if (found) groups_ = groups_of(entry);
    plan_.set_gid = plan_.set_groups = true;
  }

  gid_t group_number(const account& group, const char* step) const {
    gid_t number = group.number;
    if (!group.has_name && number == account::nobody)
      fail(step, EINVAL, "a number that none can have");
    if (const int error = group.has_name ? find_group(group.name, number) : 0)
      fail(step, error, "'" + group.name + "'" + (error == ENOENT ? ", no such group" : ""),
           group.name);
    return number;
  }

  void prepare_arguments() {
    for (const std::string& word : words_) argv_.push_back(mutable_text(word));
    if (options_.argv0) argv_[0] = mutable_text(*options_.argv0);
    argv_.push_back(nullptr);
    plan_.argv = argv_.data();
  }

  static char* mutable_text(const std::string& text) {
    return const_cast<char*>(text.c_str());  // execve's signature; it does not write
  }

  void prepare_environment() {
    plan_.envp = environ;
    const auto& changes = options_.environment;
    if (changes.empty() && !options_.replace_environment) return;
    if (!options_.replace_environment && environ != nullptr)
      for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        if (!changes.contains(text.substr(0, text.find('=')))) envp_.push_back(*variable);
      }
    variables_.reserve(changes.size());  // the pointers below must stay
    for (const auto& [name, value] : changes)
      if (value) envp_.push_back(variables_.emplace_back(name + '=' + *value).data());
    envp_.push_back(nullptr);
    plan_.envp = envp_.data();
  }

  void prepare_programs() {
    std::string name = words_[0];
    const bool is_path = name.find('/') != std::string::npos;
    if (is_path && options_.cwd && name[0] != '/') {  // from the host's directory, not the child's
      std::error_code failure;
      const auto here = std::filesystem::current_path(failure);
      if (failure) fail("exec", failure.value(), std::string());
      name = (here / name).string();
    }
    const char* path = nullptr;
    if (!is_path && plan_.envp != nullptr)
      for (char* const* variable = plan_.envp; *variable != nullptr && path == nullptr; ++variable)
        if (std::strncmp(*variable, "PATH=", 5) == 0) path = *variable + 5;
    programs_ = candidates(name, path);
    for (const std::string& program : programs_) program_texts_.push_back(program.c_str());
    program_texts_.push_back(nullptr);
    plan_.programs = program_texts_.data();
    plan_.search = !is_path;
  }

  [[noreturn]] void fail_in_child() const {
    std::string text, object;
    const auto& [failed, error, at] = plan_.outcome;
    const std::string_view step = failed;
    if (step == "exec" && error == ENOENT) fail_for_interpreter();
    // The groups of an account are part of as_user.
    if ((step == "as_group" && !options_.as_group) ||
        (step == "extra_groups" && !options_.extra_groups))
      fail("as_user", error, std::to_string(plan_.uid));
    if (step == "dup2") object = std::to_string(plan_.stdio[at]);
    else if (step == "pass_fds") object = std::to_string(moves_[at].to);
    else if (step == "resource_limit") object = std::to_string(limits_[at].resource);
    else if (step == "process_group") object = std::to_string(plan_.group);
    else if (step == "niceness") object = std::to_string(*options_.niceness);
    else if (step == "as_group") object = std::to_string(plan_.gid);
    else if (step == "as_user") object = std::to_string(plan_.uid);
    else if (step == "kill_on_parent_death" && at != 0) object = "a thread for it";
    else if (step == "chdir") object = options_.cwd->string();
    text = object;
    if (step == "dup2") text = stream_name(at) + " from descriptor " + object;
    else if (step == "chdir") text = "'" + object + "'";
    fail(failed, error, text, object);
  }

  /// A script that is there, but not the program its first line names.
  void fail_for_interpreter() const {
    for (const std::string& program : programs_) {
      const unique_handle file(::open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
      char start[256];  // as much as the kernel looks at
      const ssize_t size = file ? ::read(file.get(), start, sizeof start) : 0;
      std::string line(start, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      line.erase(std::min(line.find('\n'), line.size()));
      if (!line.starts_with("#!")) continue;
      const bool carriage_return = line.ends_with('\r');
      if (carriage_return) line.pop_back();
      line.erase(0, std::min(line.find_first_not_of(" \t", 2), line.size()));
      throw launch_error(ENOENT, "exec",
                         words_[0] + ": its interpreter '" + line + "'" +
                             (carriage_return ? ", whose line ends in a carriage return" : "") +
                             ": " + system_error(ENOENT).message(),
                         line);
    }
  }

  const word_list& words_;
  const options& options_;
  spawn_plan plan_;
  launched result_;
  terminal_pair terminal_;
  bool terminal_is_stream_ = false;
  struct stat stdout_file_ = {};
  std::vector<unique_handle> kept_;
  std::vector<spawn_plan::fd_move> moves_;
  std::vector<spawn_plan::limit> limits_;
  std::vector<gid_t> groups_;
  std::vector<char*> argv_, envp_;
  std::vector<std::string> variables_, programs_;
  std::vector<const char*> program_texts_;
};

inline launched launch(const word_list& words, const options& chosen) {
  return launcher(words, chosen).run();
}

}  // namespace coproc::detail
