#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace battery_twin::store {

/// Cuts connections on which something takes too long: libpq waits for ever for a server that has stopped to answer but
/// whose network is well. One thread.
class Watch {
  using Clock = std::chrono::steady_clock;
  struct Entry {
    int socket;
    Clock::time_point until;
  };

 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// While it lives, its socket is shut down at its time. Must not outlive socket or watch.
  class Limit {
   public:
    Limit(Watch& watch, int socket, std::chrono::seconds time);
    ~Limit();
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

   private:
    Watch& watch_;
    std::list<Entry>::iterator entry_;
  };

  /// From now on, everything at this time at the latest.
  void end_by(Clock::time_point time);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;
  Clock::time_point end_ = Clock::time_point::max();
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace battery_twin::store
