#include "clerk.hpp"

#include <utility>

namespace battery_twin::api {

Clerk::Clerk() : thread_([this] { run(); }) {}

Clerk::~Clerk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Clerk::give(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (work_.size() >= kMostWaiting) return false;
    work_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void Clerk::go_on(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void Clerk::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !work_.empty(); });
    if (stop_) return;
    std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (...) {
      // Out of memory even for saying so. It must not end the process: the client's time-out answers instead.
    }
    work = {};
    lock.lock();
  }
}

}  // namespace battery_twin::api
