// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// A launch on Windows: checks, opens and looks up all that it takes, and calls CreateProcess.
// Boost's own launcher is not used: from Boost 1.86 on it is a library to link, and older ones let
// a child inherit whatever handles happen to be inheritable.

#include <coproc/detail/os/launch_checks.hpp>
#include <coproc/detail/os/windows/command_line.hpp>
#include <coproc/detail/os/windows/lookup.hpp>
#include <coproc/detail/os/windows/reaper.hpp>
#include <map>

namespace coproc::detail {

/// The handles that a child is to inherit, and no others.
class inherited_handles {
 public:
  explicit inherited_handles(std::vector<os_handle> handles) : handles_(std::move(handles)) {}
  inherited_handles(const inherited_handles&) = delete;
  inherited_handles& operator=(const inherited_handles&) = delete;
  ~inherited_handles() {
    if (list_ != nullptr) ::DeleteProcThreadAttributeList(list_);
  }
  /// Null, with GetLastError, on failure.
  LPPROC_THREAD_ATTRIBUTE_LIST list() {
    SIZE_T size = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    memory_.resize(size);
    auto* const list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
    if (!::InitializeProcThreadAttributeList(list, 1, 0, &size)) return nullptr;
    list_ = list;
    constexpr DWORD_PTR handles = 0x20002;  // PROC_THREAD_ATTRIBUTE_HANDLE_LIST
    if (!::UpdateProcThreadAttribute(list, 0, handles, handles_.data(),
                                     handles_.size() * sizeof(os_handle), nullptr, nullptr))
      return nullptr;
    return list;
  }
  bool empty() const { return handles_.empty(); }

 private:
  std::vector<os_handle> handles_;
  std::vector<std::byte> memory_;
  LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
};

/// Variables by their names, of which upper and lower case are the same.
class environment_block {
 public:
  /// The host's, and what the keywords change.
  explicit environment_block(const options& chosen) {
    if (!chosen.replace_environment)
      if (wchar_t* const block = ::GetEnvironmentStringsW()) {
        for (const wchar_t* at = block; *at != L'\0'; at += std::wcslen(at) + 1) {
          const std::wstring_view variable = at;
          const std::size_t equals = variable.find(L'=', 1);  // "=C:=C:\\" is one, too
          if (equals != variable.npos)
            variables_.insert_or_assign(std::wstring(variable.substr(0, equals)),
                                        std::wstring(variable.substr(equals + 1)));
        }
        ::FreeEnvironmentStringsW(block);
      }
    for (const auto& [name, value] : chosen.environment) {
      if (value) variables_.insert_or_assign(widen(name), widen(*value));
      else variables_.erase(widen(name));
    }
  }
  std::optional<std::string> find(const wchar_t* name) const {
    const auto found = variables_.find(name);
    if (found == variables_.end()) return std::nullopt;
    return narrow(found->second);
  }
  /// As CreateProcess takes them.
  std::wstring text() const {
    std::wstring block;
    for (const auto& [name, value] : variables_) (block += name + L'=' + value) += L'\0';
    if (block.empty()) block += L'\0';
    return block += L'\0';
  }

 private:
  struct less {
    bool operator()(const std::wstring& a, const std::wstring& b) const {
      return ::CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(),
                                    static_cast<int>(b.size()), TRUE) == CSTR_LESS_THAN;
    }
  };
  std::map<std::wstring, std::wstring, less> variables_;
};

/// One launch: a place for all that it needs.
class launcher {
 public:
  launcher(const word_list& words, const options& chosen)
      : words_(words), options_(chosen), environment_(chosen) {}
  launcher(const launcher&) = delete;
  launcher& operator=(const launcher&) = delete;

  /// @throws launch_error, and then there is no child and no handle of it.
  launched run() {
    check();
    prepare_streams();
    prepare_program();
    prepare_job();
    start();
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const char* step, DWORD error, const std::string& text,
                         std::string object = std::string()) const {
    fail_launch(words_, step, system_error(error), text, std::move(object));
  }

  void check_text(const char* step, std::string_view text, const std::string& object) const {
    if (std::wstring wide; !widen(text, wide))
      fail(step, ERROR_NO_UNICODE_TRANSLATION, object + " is not UTF-8");
  }

  void check() const {
    check_launch(words_, options_);
    for (std::size_t i = 0; i < words_.size(); ++i)
      check_text("arguments", words_[i], "argument " + std::to_string(i));
    if (words_[0].find('"') != std::string::npos)
      fail("arguments", ERROR_INVALID_NAME, "the program's name has a quote");
    for (const auto& [name, value] : options_.environment) {
      check_text("environment", name, "a variable's name");
      if (value) check_text("environment", *value, "the value of '" + name + "'");
    }
    if (options_.argv0) {
      check_text("arguments", *options_.argv0, "argv0");
      if (options_.argv0->find('"') != std::string::npos)
        fail("arguments", ERROR_INVALID_NAME, "argv0 has a quote");
    }
    for (std::size_t fd = 0; fd < 3; ++fd) {
      const stdio& stream = options_.streams[fd];
      DWORD flags = 0;
      if (stream.source == stdio::kind::descriptor &&
          (stream.handle == INVALID_HANDLE_VALUE || !::GetHandleInformation(stream.handle, &flags)))
        fail("dup2", ERROR_INVALID_HANDLE, stream_name(fd));
    }
    if (options_.process_group.value_or(0) != 0)
      fail("process_group", ERROR_NOT_SUPPORTED, "of a number: Windows has only new_group, not");
    if (!options_.cwd) return;
    const DWORD about = ::GetFileAttributesW(options_.cwd->c_str());
    const bool missing = about == INVALID_FILE_ATTRIBUTES;
    if (missing || (about & FILE_ATTRIBUTE_DIRECTORY) == 0)
      fail("chdir", missing ? ::GetLastError() : DWORD{ERROR_DIRECTORY},
           "'" + path_text(*options_.cwd) + "'", path_text(*options_.cwd));
  }

  void prepare_streams() {
    constexpr DWORD numbers[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (std::size_t fd = 0; fd < 3; ++fd) {
      const stdio& stream = options_.streams[fd];
      switch (stream.source) {
        case stdio::kind::piped: {
          unique_handle theirs;
          if (!make_pipe_to_child(fd != 0, result_.ends[fd], theirs))
            fail("pipe", ::GetLastError(), stream_name(fd));
          give(fd, theirs.get());
          break;
        }
        case stdio::kind::devnull: open_file(fd, L"NUL", false); break;
        case stdio::kind::file: open_file(fd, stream.path, false); break;
        case stdio::kind::append: open_file(fd, stream.path, true); break;
        case stdio::kind::descriptor: give(fd, stream.handle); break;
        case stdio::kind::to_stdout:
          given_[fd] = given_[1] ? duplicate(given_[1].get(), true) : unique_handle();
          break;
        case stdio::kind::terminal:  // refused by the compiler
        case stdio::kind::inherit:
          given_[fd] = duplicate(::GetStdHandle(numbers[fd]), true);  // none where there is none
          break;
      }
    }
  }

  /// Makes what the child inherits: a copy, since the original is nobody else's to inherit.
  void give(std::size_t fd, os_handle handle) {
    given_[fd] = duplicate(handle, true);
    if (!given_[fd]) fail("dup2", ::GetLastError(), stream_name(fd));
  }

  void open_file(std::size_t fd, const std::filesystem::path& path, bool append) {
    constexpr DWORD sharing = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const DWORD access = fd == 0  ? DWORD{GENERIC_READ}
                         : append ? DWORD{FILE_GENERIC_WRITE & ~FILE_WRITE_DATA}
                                  : DWORD{GENERIC_WRITE};
    const DWORD creation = fd == 0 ? OPEN_EXISTING : append ? OPEN_ALWAYS : CREATE_ALWAYS;
    const unique_handle file(::CreateFileW(path.c_str(), access, sharing, nullptr, creation,
                                           FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file)
      fail("open", ::GetLastError(), stream_name(fd) + " '" + path_text(path) + "'",
           path_text(path));
    give(fd, file.get());
  }

  void prepare_program() {
    const std::string name = words_[0];
    std::string found;
    for (const std::string& candidate : candidates(name, environment_.find(L"PATH")))
      if (is_program(candidate)) {
        found = candidate;
        break;
      }
    if (found.empty())
      fail("exec",
           has_directory(name) && is_directory(widen(name)) ? ERROR_ACCESS_DENIED
                                                            : ERROR_FILE_NOT_FOUND,
           std::string());
    // A relative one is taken from the host's directory, not the child's.
    program_ = std::filesystem::absolute(widen(found)).wstring();
    if (options_.raw_text) {
      if (words_.size() != 3) fail("arguments", ERROR_BAD_ARGUMENTS, "behind a shell's text");
      line_ = widen(cmd_line(name, words_.back()));
    } else if (is_batch_file(found)) {
      line_ = widen(batch_line(narrow(program_)));
      program_ = widen(system_directory() + "\\cmd.exe");
    } else {
      line_ = widen(command_line(words_, options_.argv0.value_or(name)));
    }
    constexpr std::size_t longest = 32767;
    if (line_.size() >= longest)
      fail("arguments", ERROR_FILENAME_EXCED_RANGE, "more than 32766 characters in all");
  }

  std::string batch_line(const std::string& path) const {
    std::string text;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const auto word = quote_for_cmd(i == 0 ? path : words_[i]);
      if (!word)
        fail("arguments", ERROR_BAD_ARGUMENTS,
             "argument " + std::to_string(i) +
                 " has what cmd.exe, which runs batch files, cannot quote: a quote, a percent sign "
                 "or a "
                 "line break");
      text += (i > 0 ? " " : "") + *word;
    }
    return cmd_line("cmd.exe", text);
  }

  void prepare_job() {
    result_.leads_group = options_.process_group.has_value();
    result_.dies_with_job = options_.kill_on_parent_death;
    if (!result_.leads_group && !result_.dies_with_job) return;
    result_.job = unique_handle(::CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {};
    // Of a child that leads no group the children are their own affair.
    if (!result_.leads_group)
      limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    if (result_.dies_with_job)
      limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!result_.job ||
        !::SetInformationJobObject(result_.job.get(), JobObjectExtendedLimitInformation, &limits,
                                   sizeof limits))
      fail(job_step(), ::GetLastError(), "job object");
  }
  const char* job_step() const {
    return result_.leads_group ? "process_group" : "kill_on_parent_death";
  }

  void start() {
    std::vector<os_handle> handles;
    for (const unique_handle& given : given_)
      if (given) handles.push_back(given.get());
    const bool any = !handles.empty();
    inherited_handles inherited(std::move(handles));
    STARTUPINFOEXW start_info = {};
    start_info.StartupInfo.cb = sizeof start_info;
    start_info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    start_info.StartupInfo.hStdInput = given_[0].get();
    start_info.StartupInfo.hStdOutput = given_[1].get();
    start_info.StartupInfo.hStdError = given_[2].get();
    if (any) {
      start_info.lpAttributeList = inherited.list();
      if (start_info.lpAttributeList == nullptr) fail("pass_fds", ::GetLastError(), "the streams");
    }
    const bool changed = options_.replace_environment || !options_.environment.empty();
    std::wstring variables = changed ? environment_.text() : std::wstring();
    const DWORD flags = EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT |
                        (result_.job ? CREATE_SUSPENDED : 0) |
                        (result_.leads_group ? CREATE_NEW_PROCESS_GROUP : 0);
    PROCESS_INFORMATION made = {};
    if (!::CreateProcessW(program_.c_str(), line_.data(), nullptr, nullptr, any, flags,
                          changed ? variables.data() : nullptr,
                          options_.cwd ? options_.cwd->c_str() : nullptr, &start_info.StartupInfo,
                          &made))
      fail("exec", ::GetLastError(), std::string());
    const unique_handle thread(made.hThread);
    result_.process.reset(made.hProcess);
    result_.pid = static_cast<int>(made.dwProcessId);
    if (!result_.job) return;
    // It has not run yet, so it has no children that are not in the job.
    if (!::AssignProcessToJobObject(result_.job.get(), result_.process.get()))
      fail(job_step(), ::GetLastError(), "job object");
    ::ResumeThread(thread.get());
  }

  const word_list& words_;
  const options& options_;
  environment_block environment_;
  launched result_;
  unique_handle given_[3];  // inheritable, until the child has started
  std::wstring program_, line_;
};

/// There are no terminals.
inline void resize_terminal(os_handle, const terminal_size&) {}

inline launched launch(const word_list& words, const options& chosen) {
  return launcher(words, chosen).run();
}

}  // namespace coproc::detail
