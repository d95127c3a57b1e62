// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/awaitable.hpp>
#include <coproc/detail/keywords/text.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace coproc::detail {

/// A callable that gives the next piece of input, or nothing: a text alone would never be the end.
template <class Call>
concept gives_piece = requires(Call& call) {
  std::optional<std::string>(call());
  call().has_value();
};
template <class Call>
concept gives_awaited_piece = requires(Call& call) {
  { call() } -> std::same_as<awaitable<std::optional<std::string>>>;
};

/// What a child is to read on stdin: bytes, and then perhaps more that is made as it is wanted. A
/// value, as commands are: a copy begins with the same.
class input_source {
 public:
  using piece = std::optional<std::string>;
  using piece_ptr = std::shared_ptr<std::optional<piece>>;
  using maker = std::function<awaitable<void>(piece_ptr)>;

  input_source() = default;
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, input_source>)
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint keeps it apart
  input_source(T&& from) {
    using type = std::remove_cvref_t<T>;
    using callable = std::decay_t<T>;  // a pointer, where it is a function
    refuse_unsafe_temporary<T>();
    constexpr bool is_callable = gives_piece<callable> || gives_awaited_piece<callable>;
    static_assert(!is_callable || std::copy_constructible<callable>,
                  "coproc: a callable for input is copied, as commands are: hold by a "
                  "std::shared_ptr what cannot be");
    if constexpr (std::same_as<type, std::string>) text = std::forward<T>(from);
    else if constexpr (bytes<type>) text = to_bytes(from);
    else if constexpr (gives_awaited_piece<callable>)
      make = [given = callable(std::forward<T>(from))] {
        return [call = std::make_shared<callable>(given)](piece_ptr made) {
          return made_by(call, std::move(made));
        };
      };
    else if constexpr (gives_piece<callable>)
      pieces = [next = std::function<piece()>(std::forward<T>(from))] { return next; };
    else if constexpr (std::ranges::input_range<type>) take_range(std::forward<T>(from));
    else
      static_assert(!sizeof(type*),
                    "coproc: input is text or bytes, a range of them, or a callable that returns "
                    "a std::optional<std::string>, or an awaitable of that: nothing is the end");
  }

  /// Whether it begins anew for each run.
  bool can_be_repeated() const { return !make && !single_; }
  bool empty() const { return text.empty() && !pieces && !make; }

  std::string text;
  // One of them may be set: it makes what gives the pieces of one run. Nothing: that was all.
  std::function<std::function<piece()>()> pieces;
  std::function<maker()> make;

 private:
  /// The callable stays as long as its coroutine, which may use it.
  template <class Call>
  static awaitable<void> made_by(std::shared_ptr<Call> call, piece_ptr made) {
    made->emplace(co_await (*call)());
  }

  template <class Range>
  void take_range(Range&& range) {
    static_assert(bytes<std::remove_cvref_t<std::ranges::range_reference_t<Range>>>,
                  "coproc: input takes a range of strings, or of ranges of bytes");
    // A container that has a name is not copied.
    using kept = std::conditional_t<std::is_lvalue_reference_v<Range> &&
                                        !std::ranges::view<std::remove_cvref_t<Range>>,
                                    Range, std::remove_cvref_t<Range>>;
    class held {
     public:
      explicit held(Range&& given) : range(std::forward<Range>(given)) {}
      kept range;
    };
    // Each run goes through a view of its own: to go through one may change it.
    using passed = std::conditional_t<std::ranges::view<std::remove_cvref_t<kept>> &&
                                          std::copy_constructible<std::remove_cvref_t<kept>>,
                                      kept, kept&>;
    class run {
     public:
      explicit run(std::shared_ptr<held> whole) : all(std::move(whole)), range(all->range) {}
      std::shared_ptr<held> all;
      passed range;
      std::optional<std::ranges::iterator_t<kept>> at;
    };
    single_ = !std::ranges::forward_range<kept>;
    pieces = [all = std::make_shared<held>(std::forward<Range>(range))] {
      return [now = std::make_shared<run>(all)]() -> piece {
        if (!now->at) now->at.emplace(std::ranges::begin(now->range));
        else if (*now->at != std::ranges::end(now->range)) ++*now->at;
        if (*now->at == std::ranges::end(now->range)) return std::nullopt;
        return to_bytes(**now->at);
      };
    };
  }

  bool single_ = false;  // a range that can be gone through once
};

}  // namespace coproc::detail
