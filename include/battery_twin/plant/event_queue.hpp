#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <vector>

#include "battery_twin/plant/event.hpp"

namespace battery_twin::plant {

/// The mutex-guarded message queue from the engine to the outside world. Any thread pushes, one reader drains.
/// Loses nothing: where the reader is slow the engine waits for `has_room` before it goes on with a batch.
class EventQueue {
 public:
  /// @param room  events that may wait before the engine does. A few more can come: what the machines that are at work
  ///              still have to say, and what a request tells.
  explicit EventQueue(std::size_t room = std::numeric_limits<std::size_t>::max()) : room_(room) {}

  /// @param on_ready  called, from the pushing thread, when the queue stops being empty; must not block or push
  void notify(std::function<void()> on_ready);

  /// Gives the event its sequence number and time.
  void push(Event event);

  /// The oldest of what is queued, in order.
  [[nodiscard]] std::vector<Event> drain(std::size_t most = std::numeric_limits<std::size_t>::max());

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool has_room() const { return size_ < room_; }

 private:
  std::mutex mutex_;
  std::deque<Event> events_;
  std::atomic<std::size_t> size_ = 0;  // theirs, for those who only want to know how many
  const std::size_t room_;
  std::uint64_t last_seq_ = 0;
  std::function<void()> on_ready_;
};

}  // namespace battery_twin::plant
