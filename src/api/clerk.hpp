#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace battery_twin::api {

/// A thread that makes long answers, one after the other, so that the I/O thread goes on with everybody else's
/// requests. What a client no longer waits for is made all the same, so only so much is taken on.
class Clerk {
 public:
  Clerk();
  /// What has not been begun is dropped; what is under way is finished.
  ~Clerk();
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

  /// @param work  an exception out of it is dropped
  /// @return false when so many are waiting already that this one would wait too long; then it is not taken
  [[nodiscard]] bool give(std::function<void()> work);
  /// The next part of something that was given before: always taken. Each client has one at most.
  void go_on(std::function<void()> work);

  static constexpr std::size_t kMostWaiting = 32;

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace battery_twin::api
