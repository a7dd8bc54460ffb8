#include "battery_twin/plant/event_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace battery_twin::plant {

void EventQueue::notify(std::function<void()> on_ready) {
  const std::lock_guard lock(mutex_);
  on_ready_ = std::move(on_ready);
}

void EventQueue::push(Event event) {
  const std::lock_guard lock(mutex_);
  event.seq = ++last_seq_;
  event.time = now();
  events_.push_back(std::move(event));
  size_ = events_.size();
  if (events_.size() == 1 && on_ready_) on_ready_();
}

std::vector<Event> EventQueue::drain(std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto end = events_.begin() + static_cast<std::ptrdiff_t>(std::min(most, events_.size()));
  std::vector<Event> drained(std::move_iterator(events_.begin()), std::move_iterator(end));
  events_.erase(events_.begin(), end);
  size_ = events_.size();
  return drained;
}

}  // namespace battery_twin::plant
