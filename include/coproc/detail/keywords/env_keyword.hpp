// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `env = value` and `env["NAME"] = value` mean.

#include <coproc/detail/keywords/options.hpp>
#include <ranges>

namespace coproc::detail {

class unset_t {};

/// The whole of an environment; `env = {}` makes an empty one.
class environment {
 public:
  environment() = default;
  template <class Variables>
    requires(!std::same_as<std::remove_cvref_t<Variables>, environment>)
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint keeps it apart
  environment(Variables&& variables) {
    refuse_unsafe_temporary<Variables>();
    if constexpr (!text<std::remove_cvref_t<Variables>> && std::ranges::input_range<Variables>) {
      for (auto&& variable : variables) add(variable);
    } else {
      refuse<Variables>();
    }
  }
  // Lists in braces: of several texts, and of one to four pairs.
  template <class First, class Second, class... More>
  environment(First, Second, More...) {
    refuse<First>();
  }
  environment(braces, braces = braces(braces::none()), braces = braces(braces::none()),
              braces = braces(braces::none())) {}
  std::map<std::string, std::optional<std::string>, std::less<>> values;

 private:
  template <class T>
  void add(const T& variable) {
    if constexpr (text<T>) {
      const std::string both = to_word(variable);
      const std::size_t equals = both.find('=');
      if (equals == std::string::npos)
        throw std::invalid_argument("coproc: env: '" + both + "' is not NAME=value");
      values[both.substr(0, equals)] = both.substr(equals + 1);
    } else if constexpr (requires {
                           to_word(variable.first);
                           to_word(variable.second);
                         }) {
      values[to_word(variable.first)] = to_word(variable.second);
    } else {
      refuse<T>();
    }
  }
  template <class T>
  static void refuse() {
    static_assert(never<T>,
                  "coproc: env takes a map of names and strings, paths or integers, or a range of "
                  "NAME=value strings, which must have a name: what stands in braces has no type");
  }
};

class env_keyword {
 public:
  class element {
    auto set(std::optional<std::string> value) const {
      return set_option([name = name_, value = std::move(value)](options& target) {
        target.environment[name] = value;
      });
    }

   public:
    explicit element(std::string name) : name_(std::move(name)) {}
    template <word Value>
    auto operator=(const Value& value) const {
      return set(to_word(value));
    }
    auto operator=(unset_t) const { return set(std::nullopt); }

   private:
    std::string name_;
  };
  constexpr env_keyword() = default;
  element operator[](std::string_view name) const { return element(std::string(name)); }
  element operator[](const char* name) const { return element(to_word(name)); }
  auto operator=(environment variables) const {
    return set_option([variables = std::move(variables.values)](options& target) {
      target.replace_environment = true;
      target.environment = variables;
    });
  }
};

}  // namespace coproc::detail
