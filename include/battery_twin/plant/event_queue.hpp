#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "battery_twin/plant/event.hpp"

namespace battery_twin::plant {

/// The mutex-guarded message queue from the engine to the outside world. Any thread pushes, one reader drains.
/// Loses nothing: it holds at most what the accepted batches can still say.
class EventQueue {
 public:
  /// @param on_ready  called, from the pushing thread, when the queue stops being empty; must not block or push
  void notify(std::function<void()> on_ready);

  /// Gives the event its sequence number and time.
  void push(Event event);

  /// All that is queued, in order.
  [[nodiscard]] std::vector<Event> drain();

 private:
  std::mutex mutex_;
  std::vector<Event> events_;
  std::uint64_t last_seq_ = 0;
  std::function<void()> on_ready_;
};

}  // namespace battery_twin::plant
