#include "battery_twin/http/io_loop.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <string>
#include <utility>

namespace battery_twin::http {

void run_loop(boost::asio::io_context& io, const OnError& on_error) {
  for (std::size_t failures = 0;;) {
    const auto failed = [&](std::string_view what) {
      on_error("a handler failed, failure " + std::to_string(++failures) + ": " + std::string(what));
    };
    try {
      io.run();
      return;
    } catch (const std::exception& error) {
      failed(error.what());
    } catch (...) {
      failed("unknown exception");
    }
  }
}

Watchdog::Watchdog(boost::asio::io_context& io, std::chrono::milliseconds limit, OnError on_error)
    : io_(io), limit_(limit), on_error_(std::move(on_error)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  thread_.join();
}

void Watchdog::watch() {
  // The time-out is waited for in parts: a process that was stopped as a whole finds one of them over, not all.
  constexpr int kParts = 5;
  const auto part = limit_ / kParts;
  std::unique_lock lock(shared_->mutex);
  const auto stopped = [this] { return shared_->stop; };
  const auto moved = [this] { return shared_->answered || shared_->stop; };
  while (!shared_->stop) {
    shared_->answered = false;
    boost::asio::post(io_, [shared = shared_] {
      const std::lock_guard answering(shared->mutex);
      shared->answered = true;
      shared->changed.notify_all();
    });
    bool blocked = true;
    for (int i = 0; i < kParts && blocked; ++i) blocked = !shared_->changed.wait_for(lock, part, moved);
    if (blocked) {
      const auto since = std::chrono::steady_clock::now() - limit_;
      lock.unlock();
      on_error_("the I/O thread has been blocked for " + std::to_string(limit_.count()) + " ms");
      lock.lock();
      shared_->changed.wait(lock, moved);
      if (shared_->stop) return;
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
      lock.unlock();
      on_error_("the I/O thread goes on, it was blocked for " + std::to_string(took.count()) + " ms");
      lock.lock();
    }
    shared_->changed.wait_for(lock, part, stopped);
  }
}

}  // namespace battery_twin::http
