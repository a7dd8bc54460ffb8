#include "battery_twin/plant/event_queue.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "plant_testing.hpp"

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

TEST(EventQueue, GivesTheOldestFirstWhenNotAllAreTaken) {
  EventQueue queue(2);
  EXPECT_TRUE(queue.empty());
  for (int i = 0; i < 3; ++i) queue.push({});
  EXPECT_FALSE(queue.has_room());
  const std::vector<Event> first = queue.drain(2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1].seq, 2u);
  EXPECT_TRUE(queue.has_room());
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.drain(2).at(0).seq, 3u);
  EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, AReaderThatIsSlowHoldsTheEngineUpAndLosesNothing) {
  using namespace std::chrono_literals;
  constexpr std::size_t kRoom = 32, kBatches = 60;
  EventQueue queue(kRoom);
  const Layout& layout = standard_layout();
  PlantSimulation plant(layout, testing::full_speed(), queue);
  for (std::size_t i = 0; i < kBatches; ++i) testing::enqueue(plant);
  // Nobody reads, and the plant stands still: none of its machines has moved for a while.
  const auto versions = [&] {
    std::vector<std::uint64_t> all;
    for (const Station& station : layout.stations()) all.push_back(plant.machine(station).version);
    return all;
  };
  std::vector<std::uint64_t> before;
  const auto deadline = std::chrono::steady_clock::now() + testing::kDeadline;
  do {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the plant does not stand still";
    before = versions();
    std::this_thread::sleep_for(300ms);
  } while (queue.has_room() || versions() != before);
  std::vector<Event> events = queue.drain();
  // Beside the room: what was told of each request, and what each machine that was at work had still to say.
  constexpr std::size_t kPerMachine = 6;
  EXPECT_LE(events.size(), kRoom + kBatches + kPerMachine * layout.stations().size());
  EXPECT_LT(plant.counters().completed, kBatches);
  while (plant.counters().completed < kBatches && std::chrono::steady_clock::now() < deadline) {
    for (Event& event : queue.drain(kRoom)) events.push_back(std::move(event));
    std::this_thread::yield();
  }
  for (Event& event : queue.drain()) events.push_back(std::move(event));
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i].seq, i + 1);
  EXPECT_EQ(std::ranges::count(events, EventType::batch_completed, &Event::type),
            static_cast<std::ptrdiff_t>(kBatches));
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
