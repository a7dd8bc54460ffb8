#include "battery_twin/plant/event_queue.hpp"

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
  if (events_.size() == 1 && on_ready_) on_ready_();
}

std::vector<Event> EventQueue::drain() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

}  // namespace battery_twin::plant
