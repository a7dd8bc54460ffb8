#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/plant_simulation.hpp"
#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::plant::testing {

/// Longer than any machine that runs these tests is slow; reached only when something is broken.
inline constexpr std::chrono::seconds kDeadline{60};

/// An event queue with a reader who remembers everything. One reading thread. Must outlive the plant.
class EventLog {
 public:
  using Predicate = std::function<bool(const Event&)>;

  EventLog() {
    queue_.notify([this] {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      condition_.notify_one();
    });
  }

  EventQueue& queue() { return queue_; }

  /// All that came so far.
  const std::vector<Event>& events() {
    for (Event& event : queue_.drain()) events_.push_back(std::move(event));
    return events_;
  }

  /// Waits until `times` events that fit have come, counted from the beginning; the last of them.
  /// @throws std::runtime_error after the deadline
  Event wait_for(const Predicate& fits, std::size_t times = 1) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    std::size_t seen = 0;
    std::size_t next = 0;
    for (;;) {
      for (events(); next < events_.size(); ++next) {
        if (fits(events_[next]) && ++seen == times) return events_[next];
      }
      std::unique_lock lock(mutex_);
      if (!condition_.wait_until(lock, deadline, [this] { return ready_; })) {
        throw std::runtime_error("the event did not come in time");
      }
      ready_ = false;
    }
  }

  Event wait_for(EventType type, std::string_view batch) {
    return wait_for([=](const Event& event) { return event.type == type && event.batch_id == batch; });
  }

  Event wait_for(EventType type, std::string_view batch, const Station& station) {
    return wait_for([&](const Event& event) {
      return event.type == type && event.batch_id == batch && event.station == station.index;
    });
  }

  /// Waits until so many batches are completed, failed or cancelled.
  void wait_for_finished(std::size_t batches) {
    wait_for(
        [](const Event& event) {
          return event.type == EventType::batch_completed || event.type == EventType::batch_failed ||
                 event.type == EventType::batch_cancelled;
        },
        batches);
  }

  std::vector<Event> of_batch(std::string_view batch) {
    std::vector<Event> found;
    std::ranges::copy_if(events(), std::back_inserter(found),
                         [&](const Event& event) { return event.batch_id == batch; });
    return found;
  }

  std::size_t count(EventType type) {
    return static_cast<std::size_t>(std::ranges::count(events(), type, &Event::type));
  }

  /// Batches in the order in which that happened to them.
  std::vector<std::string> order(EventType type, const Station* station = nullptr) {
    std::vector<std::string> found;
    for (const Event& event : events()) {
      if (event.type == type && (station == nullptr || event.station == station->index))
        found.push_back(event.batch_id);
    }
    return found;
  }

 private:
  EventQueue queue_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool ready_ = false;
  std::vector<Event> events_;
};

/// At full speed unless a test says otherwise.
inline PlantConfig full_speed(unsigned threads = 2, process::ModelSet models = process::ModelSet::mechanistic) {
  return {.models = models, .noise = false, .step_interval = Interval{0}, .threads = threads};
}

/// The same for what only the reference models do, such as their numbers of steps.
inline PlantConfig reference_at_full_speed(unsigned threads = 2) {
  return full_speed(threads, process::ModelSet::reference);
}

/// So slow that not even the second step comes during a test.
inline constexpr Interval kSlow = std::chrono::hours(1);

inline std::string accepted(const std::variant<Accepted, Refused>& answer) {
  if (const auto* yes = std::get_if<Accepted>(&answer)) return yes->id;
  throw std::runtime_error("the batch was refused");
}

inline std::string enqueue(PlantSimulation& plant, BatchRequest request = {}) {
  return accepted(plant.enqueue(std::move(request)));
}

inline std::optional<Refused::Why> refusal(const std::variant<Accepted, Refused>& answer) {
  const auto* no = std::get_if<Refused>(&answer);
  return no != nullptr ? std::optional(no->why) : std::nullopt;
}

/// `reset` as a call that waits.
inline std::vector<std::string> reset(PlantSimulation& plant) {
  const auto ids = std::make_shared<std::promise<std::vector<std::string>>>();
  auto future = ids->get_future();
  plant.reset([ids](std::vector<std::string> cancelled) { ids->set_value(std::move(cancelled)); });
  if (future.wait_for(kDeadline) != std::future_status::ready) throw std::runtime_error("the reset did not come back");
  return future.get();
}

inline std::size_t position(const std::vector<Event>& events, EventType type,
                            std::optional<std::size_t> station = std::nullopt) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].type == type && (!station || events[i].station == station)) return i;
  }
  throw std::runtime_error("no such event: " + std::string(to_string(type)));
}

/// Equal to the last bit.
inline void expect_same_figures(const process::EndOfLine& one, const process::EndOfLine& other) {
  for (const process::Figure& figure : process::kFigures)
    EXPECT_EQ(one.*figure.member, other.*figure.member) << figure.name;
  EXPECT_EQ(one.scrap_causes, other.scrap_causes);
  ASSERT_EQ(one.machine_energy_kWh.has_value(), other.machine_energy_kWh.has_value());
  if (!one.machine_energy_kWh) return;
  ASSERT_EQ(one.machine_energy_kWh->size(), other.machine_energy_kWh->size());
  for (std::size_t i = 0; i < one.machine_energy_kWh->size(); ++i) {
    EXPECT_EQ((*one.machine_energy_kWh)[i].process, (*other.machine_energy_kWh)[i].process);
    EXPECT_EQ((*one.machine_energy_kWh)[i].value, (*other.machine_energy_kWh)[i].value)
        << (*one.machine_energy_kWh)[i].process;
  }
}

/// What must hold of any history: numbers without holes, one batch in a machine at a time, on before off.
inline void expect_sound(const std::vector<Event>& events) {
  std::map<std::size_t, std::string> inside;
  std::uint64_t seq = 0;
  for (const Event& event : events) {
    EXPECT_EQ(event.seq, ++seq);
    EXPECT_FALSE(event.message.empty());
    if (event.type == EventType::machine_turned_on) {
      const bool was_free = inside.emplace(event.station.value(), event.batch_id).second;
      EXPECT_TRUE(was_free) << event.message;
    } else if (event.type == EventType::machine_turned_off) {
      const auto found = inside.find(event.station.value());
      ASSERT_TRUE(found != inside.end()) << event.message;
      EXPECT_EQ(found->second, event.batch_id) << event.message;
      inside.erase(found);
    }
  }
  EXPECT_TRUE(inside.empty()) << "a machine stayed on";
}

/// The order that http-api.md section 4 demands of one completed batch's events.
inline void expect_full_life(const Layout& layout, const std::vector<Event>& events) {
  using process::Line;
  std::size_t expected = 10;
  const auto on_line = [&](Line line, EventType started, EventType completed) {
    std::size_t last = position(events, started);
    for (const Station& station : layout.stations(line)) {
      const std::size_t on = position(events, EventType::machine_turned_on, station.index);
      const std::size_t off = position(events, EventType::machine_turned_off, station.index);
      EXPECT_LT(last, on) << station.process_name;
      EXPECT_LT(on, off) << station.process_name;
      last = off;
      expected += 2;
    }
    EXPECT_LT(last, position(events, completed));
  };
  EXPECT_EQ(position(events, EventType::batch_requested), 0u);
  EXPECT_EQ(position(events, EventType::batch_started_processing), 1u);
  on_line(Line::anode, EventType::batch_started_anode_line, EventType::batch_completed_anode_line);
  on_line(Line::cathode, EventType::batch_started_cathode_line, EventType::batch_completed_cathode_line);
  on_line(Line::cell, EventType::batch_started_cell_line, EventType::batch_completed_cell_line);
  const std::size_t merged = position(events, EventType::batch_merged);
  EXPECT_LT(position(events, EventType::batch_completed_anode_line), merged);
  EXPECT_LT(position(events, EventType::batch_completed_cathode_line), merged);
  EXPECT_LT(merged, position(events, EventType::batch_started_cell_line));
  EXPECT_EQ(position(events, EventType::batch_completed), events.size() - 1);
  const auto errors =
      static_cast<std::size_t>(std::ranges::count(events, EventType::machine_simulation_error, &Event::type));
  EXPECT_EQ(events.size() - errors, expected) << "every event exactly once";
}

}  // namespace battery_twin::plant::testing
