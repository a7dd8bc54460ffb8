#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "link.hpp"

namespace battery_twin::store {

/// Asks PostgreSQL every two seconds, on a thread and a connection of its own, whether it is there; more often while it
/// is not.
class Probe {
 public:
  /// @param reached  whether it was just now
  /// @param watch    must outlive the probe
  Probe(Address address, Watch& watch, bool reached);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  struct State {
    bool is_reached;
    std::optional<double> latency_ms;  ///< of the last question that was answered
  };
  /// What is known now. Does not wait.
  [[nodiscard]] State state() const;
  /// It asks no more.
  void stop_soon();
  /// Ends it, as soon as what it waits for is over or cut.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  void ask();

  const Address address_;
  Watch& watch_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  bool is_reached_;
  std::optional<double> latency_ms_;
  std::optional<Clock::time_point> asked_;  // and not answered yet
  std::unique_ptr<Link> link_;              // the thread's own
  std::thread thread_;
};

}  // namespace battery_twin::store
