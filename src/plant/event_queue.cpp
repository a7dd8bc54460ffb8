#include "battery_twin/plant/event_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace battery_twin::plant {

void EventQueue::notify(std::function<void()> on_ready) {
  const std::lock_guard lock(mutex_);
  on_ready_ = std::move(on_ready);
}

void EventQueue::keep(Journal& journal, std::uint64_t last_seq) {
  const std::lock_guard lock(mutex_);
  journal_ = &journal;
  last_seq_ = last_seq;
  kept_seq_ = last_seq;
}

void EventQueue::push(Event event) {
  const std::lock_guard lock(mutex_);
  event.seq = ++last_seq_;
  event.time = now();
  if (journal_ != nullptr) journal_->event(event);
  events_.push_back(std::move(event));
  count();
}

void EventQueue::kept(std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  kept_seq_ = std::max(kept_seq_, seq);
  count();
}

std::vector<Event> EventQueue::drain(std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto end = events_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(most, drainable_));
  std::vector<Event> drained(std::move_iterator(events_.begin()), std::move_iterator(end));
  events_.erase(events_.begin(), end);
  count();
  return drained;
}

// Under the mutex.
void EventQueue::count() {
  const bool was_empty = drainable_ == 0;
  size_ = events_.size();
  const std::uint64_t later = journal_ != nullptr ? last_seq_ - kept_seq_ : 0;
  drainable_ = events_.size() - std::min<std::uint64_t>(later, events_.size());
  if (was_empty && drainable_ > 0 && on_ready_) on_ready_();
}

}  // namespace battery_twin::plant
