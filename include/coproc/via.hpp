// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>

namespace coproc {
namespace detail {

/// The command that is launched here for one that is to run elsewhere, which @p carry takes there.
command carried(const std::function<command(command)>& carry, const command& what);

/// What the words beside those of a carrier say of it.
class carrier_options {
 public:
  std::optional<int> code;
};

class carrier_code_keyword {
 public:
  constexpr carrier_code_keyword() = default;
  auto operator=(int code) const {
    if (code < 1 || code > 255)
      throw std::invalid_argument("coproc: a carrier_code is a number from 1 to 255");
    return make_setting<carrier_options>([code](carrier_options& target) { target.code = code; });
  }
};

class via_keyword {
 public:
  constexpr via_keyword() = default;
  template <class Carrier>
  auto operator=(Carrier carry) const {
    constexpr bool carries = std::is_invocable_r_v<command, Carrier&, command>;
    static_assert(carries,
                  "coproc: via takes what makes the command that is launched here of the one that "
                  "was written: ssh(host), inside(words...), prefix(words...), or a function");
    decltype(options::via) function;
    if constexpr (carries)
      function = std::make_shared<const std::function<command(const command&)>>(
          [carry = std::function<command(command)>(std::move(carry))](const command& what) {
            return carried(carry, what);
          });
    return set_option([function = std::move(function)](options& target) { target.via = function; });
  }
  auto operator=(std::nullptr_t) const {
    return set_option([](options& target) { target.via = nullptr; });
  }
};

}  // namespace detail

/// Carries commands elsewhere: what prefix, inside and ssh give, for `via`. A function from a
/// command to the one that is launched here: `ssh("gate")(inside("chroot", "/jail")(c))`
class carrier {
 public:
  /// The command that is launched here for @p what.
  /// @throws launch_error, step() "via", that names a keyword of it which cannot travel
  command operator()(const command& what) const;

  /// @private
  enum class kind { prefix, inside, ssh };
  /// @private
  template <class... Words>
  carrier(kind how, const Words&... words) : kind_(how) {
    detail::carrier_options chosen;
    (add(words), ...);
    detail::apply_settings(chosen, words...);
    code_ = chosen.code;
  }

 private:
  template <class Word>
  void add(const Word& word) {
    static_assert(
        !detail::command_setting<Word>,
        "coproc: a carrier takes words and carrier_code; a keyword belongs to the command, "
        "or, of the carrier itself, to what a function gives: c.reworded(c, keyword = ...)");
    if constexpr (!detail::setting_of<Word, detail::carrier_options>)
      words_ = words_.reworded(words_, word);
  }

  kind kind_;
  command words_;
  std::optional<int> code_;
};

namespace keywords {

/// Where a command runs: `capture("uname", "-a", via = ssh("db1"))`. A function from the command as
/// it is written to the one that is launched here: ssh(), inside(), prefix(), or one of your own.
/// It is called at each launch, when all keywords are known. The call keeps its side of the child,
/// as with intercept: streams that are read or written here, `input`, times, `retry`. Messages,
/// `completed::command` and secrets stay those of the command as it was written. `via = nullptr`:
/// here, whatever has been said before. README, "Other machines", has what travels.
inline constexpr detail::via_keyword via;

/// For via: the words stand in front of the command's own, as one types them: `prefix("sudo",
/// "-n")`, nice, taskset, strace, systemd-run. All keywords are those of what is launched.
/// @param words strings, paths, integers, ranges of them, secrets; `carrier_code`
template <class... Words>
carrier prefix(const Words&... words) {
  return carrier(carrier::kind::prefix, words...);
}

/// For via: a place, entered by a program that takes the words of a command untouched:
/// `inside("docker", "exec", "-i", "web")`, `inside("srun", "-n1", "--overlap")`, podman, `kubectl
/// exec -i POD --`, chroot, `ip netns exec`. There /bin/sh goes to `cwd`, sets `env`, runs the
/// command in a session of its own, and ends it when its lifeline, or this process, ends. A command
/// without a stdin of its own needs a place that passes stdin on (docker's `-i`): the lifeline is
/// there.
/// @param words as for prefix
template <class... Words>
carrier inside(const Words&... words) {
  return carrier(carrier::kind::inside, words...);
}

/// For via: another machine, by OpenSSH's ssh, as inside; the words go quoted, to the byte, to the
/// login shell there, which has to be a POSIX one. It asks nothing (BatchMode).
/// @param host as ssh takes it: a name, `user@host`, a Host of ssh_config
/// @param ssh_options words for ssh, before the host: `ssh("db1", "-p", 2222, "-o",
/// "ControlMaster=auto")`
template <detail::text Host, class... Words>
carrier ssh(const Host& host, const Words&... ssh_options) {
  if (detail::to_word(host).empty()) throw std::invalid_argument("coproc: ssh: the host is empty");
  // The last of -T and -t counts, and the first of -o.
  return carrier(carrier::kind::ssh, "ssh", "-T", ssh_options..., "-o", "BatchMode=yes", "--",
                 host);
}

/// Among the words of a carrier: the returncode by which it says that it did not get there, which
/// then is `end_reason::unreachable`. A command there that ends with it is shown with one less (or
/// 2, in the place of 1). From 1 to 255, else `std::invalid_argument`. By default 255 for ssh and
/// srun, 125 for docker, podman and nerdctl, and none for others.
inline constexpr detail::carrier_code_keyword carrier_code;

}  // namespace keywords
using namespace keywords;

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/via.ipp>
#endif
