// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Included by a.cpp and b.cpp, each of which gets its own copy of the functions below: what
// that file sees of the library's inline things.

#include <coproc/coproc.hpp>
#include <typeinfo>
#include <vector>

namespace odr {
namespace {

/// Where things are that a program must have once.
std::vector<const void*> addresses() {
  namespace k = coproc::keywords;
  return {
    &k::std_in, &k::std_out, &k::piped, &k::env, &k::resource_limit, &k::concurrency,
        &coproc::exit_category(), &coproc::unknown_returncode, &coproc::detail::reaper::instance(),
        &coproc::detail::context_service::id, &coproc::detail::launch_hooks::id,
        reinterpret_cast<const void*>(&coproc::quote),
        reinterpret_cast<const void*>(&coproc::describe),
        reinterpret_cast<const void*>(&coproc::detail::launch),
#if !defined(_WIN32)
        reinterpret_cast<const void*>(&coproc::detail::spawn),
#endif
        reinterpret_cast<const void*>(
            static_cast<coproc::awaitable<coproc::process> (*)(coproc::command)>(
                &coproc::detail::start))
  };
}

std::vector<const std::type_info*> types() {
  return {&typeid(coproc::process), &typeid(coproc::command), &typeid(coproc::launch_error),
          &typeid(decltype(coproc::cwd)), &typeid(coproc::completed)};
}

}  // namespace

std::vector<const void*> addresses_in_a();
std::vector<const std::type_info*> types_in_a();
coproc::awaitable<coproc::process> start_in_a(coproc::command what);
coproc::awaitable<int> end_in_a(coproc::process& process);
[[noreturn]] void throw_in_a();

}  // namespace odr
