#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace battery_twin::api {

/// A thread that makes long answers, one after the other, so that the I/O thread goes on with everybody else's
/// requests. There are never more of them than connections that wait for one.
class Clerk {
 public:
  Clerk();
  /// What has not been begun is dropped; what is under way is finished.
  ~Clerk();
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

  /// @param work  must not throw
  void give(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace battery_twin::api
