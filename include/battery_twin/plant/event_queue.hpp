#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <vector>

#include "battery_twin/plant/event.hpp"
#include "battery_twin/plant/journal.hpp"

namespace battery_twin::plant {

/// The mutex-guarded message queue from the engine to the outside world. Any thread pushes, one reader drains.
/// Loses nothing: where the reader is slow the engine waits for `has_room` before it goes on with a batch.
class EventQueue {
 public:
  /// @param room  events that may wait before the engine does. A few more can come: what the machines that are at work
  ///              still have to say, and what a request tells.
  explicit EventQueue(std::size_t room = std::numeric_limits<std::size_t>::max()) : room_(room) {}

  /// @param on_ready  called, from the pushing thread, when there is something to drain again; must not block or push
  void notify(std::function<void()> on_ready);

  /// From now on events are told to the journal, and can be drained once they are kept.
  /// @param last_seq  of those that were kept before
  void keep(Journal& journal, std::uint64_t last_seq);
  /// All up to that one are kept for good. From any thread.
  void kept(std::uint64_t seq);

  /// Gives the event its sequence number and time.
  void push(Event event);

  /// The oldest of what is queued, in order.
  [[nodiscard]] std::vector<Event> drain(std::size_t most = std::numeric_limits<std::size_t>::max());

  /// Nothing can be drained.
  [[nodiscard]] bool empty() const { return drainable_ == 0; }
  [[nodiscard]] bool has_room() const { return size_ < room_; }

 private:
  void count();

  std::mutex mutex_;
  std::deque<Event> events_;
  std::atomic<std::size_t> size_ = 0;  // theirs, for those who only want to know how many
  std::atomic<std::size_t> drainable_ = 0;
  const std::size_t room_;
  Journal* journal_ = nullptr;
  std::uint64_t last_seq_ = 0;
  std::uint64_t kept_seq_ = 0;  // with a journal: later ones cannot be drained yet
  std::function<void()> on_ready_;
};

}  // namespace battery_twin::plant
