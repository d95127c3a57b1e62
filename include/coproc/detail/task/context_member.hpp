// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>
#include <stdexcept>
#include <vector>

namespace coproc::detail {

class context_service;
using wait_handler = boost::asio::any_completion_handler<void(boost::system::error_code)>;

/// For what is to wait, and cannot since nothing drives it any more.
[[noreturn]] inline void throw_context_gone() {
  throw std::logic_error("coproc: the io_context on which this was started has been destroyed");
}

/// An object that has parts in an execution context (registered descriptors, strands) and may
/// outlive it. It drops those parts when the context goes.
class context_member {
 public:
  context_member() = default;
  context_member(const context_member&) = delete;
  context_member& operator=(const context_member&) = delete;

 protected:
  ~context_member();
  void join_context(const boost::asio::any_io_executor& executor);
  void leave_context();

 private:
  friend context_service;
  /// @param waiting takes the handlers that resume coroutines. To destroy such a handler destroys
  /// its coroutine, which has to wait until all members have dropped their parts.
  virtual void context_gone(std::vector<wait_handler>& waiting) = 0;
  context_service* service_ = nullptr;
  context_member* previous_ = nullptr;
  context_member* next_ = nullptr;
};

}  // namespace coproc::detail
