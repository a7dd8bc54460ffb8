#include "battery_twin/plant/event_queue.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace battery_twin::plant {
namespace {

TEST(EventQueue, NumbersAndTimesEventsInOrder) {
  EventQueue queue;
  for (int i = 0; i < 3; ++i) queue.push({.type = EventType::batch_requested, .batch_id = std::to_string(i)});
  const std::vector<Event> first = queue.drain();
  ASSERT_EQ(first.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first[i].seq, i + 1);
    EXPECT_EQ(first[i].batch_id, std::to_string(i));
    EXPECT_GT(first[i].time.time_since_epoch().count(), 0);
  }
  EXPECT_TRUE(queue.drain().empty());
  queue.push({});
  EXPECT_EQ(queue.drain().at(0).seq, 4u);
}

TEST(EventQueue, NotifiesOnlyWhenItStopsBeingEmpty) {
  EventQueue queue;
  int notified = 0;
  queue.notify([&] { ++notified; });
  queue.push({});
  queue.push({});
  EXPECT_EQ(notified, 1);
  EXPECT_EQ(queue.drain().size(), 2u);
  queue.push({});
  EXPECT_EQ(notified, 2);
}

TEST(EventQueue, LosesNothingFromManyThreads) {
  constexpr std::size_t kThreads = 4, kEvents = 500;
  EventQueue queue;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&queue, t] {
      for (std::size_t i = 0; i < kEvents; ++i) queue.push({.batch_id = std::to_string(t * kEvents + i)});
    });
  }
  std::vector<Event> events;
  while (events.size() < kThreads * kEvents) {
    for (Event& event : queue.drain()) events.push_back(std::move(event));
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> seen;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].seq, i + 1);
    seen.insert(events[i].batch_id);
  }
  EXPECT_EQ(seen.size(), kThreads * kEvents);
  EXPECT_TRUE(queue.drain().empty());
}

TEST(Events, HaveTheirPublishedNames) {
  const std::vector<std::string> expected{"batch_requested",
                                          "batch_started_processing",
                                          "batch_started_anode_line",
                                          "batch_started_cathode_line",
                                          "batch_completed_anode_line",
                                          "batch_completed_cathode_line",
                                          "batch_merged",
                                          "batch_started_cell_line",
                                          "batch_completed_cell_line",
                                          "batch_completed",
                                          "batch_failed",
                                          "batch_cancelled",
                                          "machine_turned_on",
                                          "machine_turned_off",
                                          "machine_simulation_error",
                                          "machine_parameters_updated"};
  std::vector<std::string> found;
  for (std::size_t i = 0; i < kEventTypes; ++i) found.emplace_back(to_string(static_cast<EventType>(i)));
  EXPECT_EQ(found, expected);
  EXPECT_EQ(to_string(EventType::machine_turned_off), "machine_turned_off");
  EXPECT_EQ(to_string(EventType::batch_failed), "batch_failed");
}

TEST(Events, AnUnusualRequestIsLoggedAsAWarning) {
  const Event usual{.type = EventType::batch_requested};
  const Event unusual{.type = EventType::batch_requested, .warnings = {"gap_height is unusual"}};
  EXPECT_EQ(usual.level(), Level::info);
  EXPECT_EQ(unusual.level(), Level::warning);
  EXPECT_EQ(level_of(EventType::batch_failed), Level::error);
}

TEST(Levels, ReadBack) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    EXPECT_EQ(level_from(to_string(level)), level);
  }
  EXPECT_EQ(level_from("loud"), std::nullopt);
}

}  // namespace
}  // namespace battery_twin::plant
