#include "watch.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace battery_twin::store {

Watch::Watch() : thread_([this] { run(); }) {}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Watch::Limit::Limit(Watch& watch, int socket, std::chrono::seconds time) : watch_(watch) {
  const std::lock_guard lock(watch.mutex_);
  entry_ = watch.entries_.insert(watch.entries_.end(), {socket, Clock::now() + time});
  watch.changed_.notify_one();
}

Watch::Limit::~Limit() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.entries_.erase(entry_);
}

void Watch::end_by(Clock::time_point time) {
  const std::lock_guard lock(mutex_);
  end_ = time;
  changed_.notify_one();
}

void Watch::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (Entry& entry : entries_) {
      const auto until = std::min(entry.until, end_);
      if (until <= now) {
        ::shutdown(entry.socket, SHUT_RDWR);
        entry.until = Clock::time_point::max();
        // Once is enough, unless another operation begins on it.
        entry.socket = -1;
      } else {
        next = std::min(next, until);
      }
    }
    // Some libraries overflow on the end of time.
    if (next == Clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, next);
    }
  }
}

}  // namespace battery_twin::store
