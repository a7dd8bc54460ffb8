#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>

namespace battery_twin::plant {

using Clock = std::chrono::steady_clock;

/// A batch's way along one line: the strand its coroutine runs on and the one thing it ever sleeps on.
///
/// Works like a condition variable. The coroutine looks at shared state and, where it must wait, calls `sleep_until`
/// without leaving the strand in between; whoever changes that state calls `wake` afterwards. The wake-up runs on the
/// same strand, so it cannot fall between look and sleep. Waking a coroutine that does not sleep does nothing.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  using Strand = boost::asio::strand<boost::asio::thread_pool::executor_type>;
  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Strand>;

  explicit Walk(boost::asio::thread_pool& pool) : strand(pool.get_executor()), timer_(strand) {}

  /// From any thread.
  void wake() {
    boost::asio::post(strand, [self = shared_from_this()] { self->timer_.cancel(); });
  }

  /// Until then or the next `wake`. Only from the coroutine of this walk.
  boost::asio::awaitable<void> sleep_until(Clock::time_point time) {
    boost::system::error_code cancelled;
    timer_.expires_at(time);
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }

  Strand strand;

 private:
  Timer timer_;
};

}  // namespace battery_twin::plant
