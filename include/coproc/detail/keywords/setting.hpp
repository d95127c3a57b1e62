// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

namespace coproc::detail {

/// For a static_assert in what must not be instantiated.
template <class T>
inline constexpr bool never = false;

/// What `keyword = value` gives: a change to some options, applied by the command or gather it is
/// written in. A class with a constructor, since g++ 12 copies temporary aggregates in a co_await
/// expression bit by bit.
template <class Options, class Change>
class setting {
 public:
  using options_type = Options;
  explicit setting(Change change) : change_(std::move(change)) {}
  void apply(Options& options) const { change_(options); }
  const Change& change() const noexcept { return change_; }

 private:
  Change change_;
};

template <class Options, class Change>
auto make_setting(Change change) {
  return setting<Options, Change>(std::move(change));
}

/// A setting, of whatever options.
template <class T>
concept is_setting = requires {
  typename T::options_type;
};

/// A setting of those options.
template <class T, class Options>
concept setting_of = is_setting<T> && std::same_as<typename T::options_type, Options> &&
    requires(const T& value, Options& options) {
  value.apply(options);
};

/// What braces make: they do not compile within a co_await on g++ 12.
class braces {
 public:
  template <class... T>
  braces(T...) {
    static_assert(sizeof...(T) == static_cast<std::size_t>(-1),
                  "coproc: a list in braces has no type here: give the range a name, "
                  "std::vector numbers{3, 4};");
  }
  class none {};
  explicit braces(none) {}
};

/// Applies those of @p arguments that are settings of these options.
template <class Options, class... Arguments>
void apply_settings(Options& options, const Arguments&... arguments) {
  [[maybe_unused]] const auto apply = [&]<class T>(const T& argument) {
    if constexpr (setting_of<T, Options>) argument.apply(options);
  };
  (apply(arguments), ...);
}

}  // namespace coproc::detail
