#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using Cancel = PlantSimulation::Cancel;
using Types = std::vector<EventType>;

Types types(const std::vector<Event>& events) {
  Types found;
  for (const Event& event : events) found.push_back(event.type);
  return found;
}

PlantConfig slow() { return {.noise = false, .step_interval = kSlow, .threads = 2}; }

void wait_until_in_both_mixers(EventLog& log, const PlantSimulation& plant, const std::string& id) {
  for (const Line line : {Line::anode, Line::cathode}) {
    log.wait_for(EventType::machine_turned_on, id, plant.layout().stations(line).front());
  }
}

TEST(CancelBatch, UnknownAndFinishedOnesCannotBe) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  EXPECT_EQ(plant.cancel("1"), Cancel::unknown);
  enqueue(plant);
  log.wait_for_finished(1);
  EXPECT_EQ(plant.cancel("1"), Cancel::finished);
  EXPECT_EQ(log.count(EventType::batch_cancelled), 0u);
}

TEST(CancelBatch, AQueuedOneIsGoneAtOnce) {
  EventLog log;
  PlantSimulation plant(standard_layout(), slow(), log.queue());
  for (int i = 0; i < 3; ++i) enqueue(plant);
  EXPECT_EQ(plant.cancel("2"), Cancel::cancelled);
  EXPECT_EQ(plant.batch("2")->status, BatchStatus::cancelled);
  EXPECT_TRUE(plant.batch("2")->finished_at.has_value());
  EXPECT_EQ(plant.status().queue, std::vector<std::string>{"3"});
  EXPECT_EQ(plant.cancel("2"), Cancel::finished);
  plant.set_pacing({Interval{0}, false});
  log.wait_for_finished(3);
  EXPECT_EQ(types(log.of_batch("2")), (Types{EventType::batch_requested, EventType::batch_cancelled}));
  EXPECT_EQ(plant.counters().cancelled, 1u);
  EXPECT_EQ(plant.counters().completed, 2u);
}

TEST(CancelBatch, ARunningOneLeavesItsMachinesAndIsThenCancelledOnce) {
  EventLog log;
  PlantSimulation plant(standard_layout(), slow(), log.queue());
  enqueue(plant);
  enqueue(plant);
  wait_until_in_both_mixers(log, plant, "1");
  EXPECT_EQ(plant.cancel("1"), Cancel::cancelling);
  log.wait_for(EventType::batch_cancelled, "1");
  wait_until_in_both_mixers(log, plant, "2");

  const std::vector<Event> events = log.of_batch("1");
  ASSERT_EQ(types(events),
            (Types{EventType::batch_requested, EventType::batch_started_processing, EventType::batch_started_anode_line,
                   EventType::batch_started_cathode_line, EventType::machine_turned_on, EventType::machine_turned_on,
                   EventType::machine_turned_off, EventType::machine_turned_off, EventType::batch_cancelled}));
  EXPECT_NE(events[6].station, events[7].station);
  const auto record = plant.batch("1");
  EXPECT_EQ(record->status, BatchStatus::cancelled);
  EXPECT_EQ(record->end_of_line, nullptr);
  EXPECT_EQ(record->machines[0].status, MachineStatus::stopped);
  EXPECT_EQ(record->machines[1].status, MachineStatus::pending);
  EXPECT_EQ(plant.counters().cancelled, 1u);
  EXPECT_EQ(plant.counters().failed, 0u);
}

TEST(CancelBatch, ASecondTimeChangesNothing) {
  const Layout layout({&polishing()}, {&gated()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(3), log.queue());
  ClosedGate gate;
  const Station& cell = layout.stations(Line::cell).front();
  enqueue(plant, {.parameters = {std::nullopt, std::nullopt, process::Values{1.0}}});
  gate.wait_for_arrival();

  EXPECT_EQ(plant.cancel("1"), Cancel::cancelling);
  EXPECT_EQ(plant.batch("1")->status, BatchStatus::cancelling);
  EXPECT_EQ(plant.cancel("1"), Cancel::cancelling);
  const auto answer = plant.enqueue({.only_when_idle = true});
  EXPECT_EQ(refusal(answer), Refused::Why::busy) << "a batch that is being cancelled is still there";
  EXPECT_EQ(std::get<Refused>(answer).batch_id, "1");

  gate.open();
  log.wait_for(EventType::batch_cancelled, "1");
  EXPECT_EQ(plant.cancel("1"), Cancel::finished);
  EXPECT_EQ(plant.batch("1")->machines[cell.index].steps, 1u) << "it stops at its next step";
  enqueue(plant, {.only_when_idle = true});
  log.wait_for(EventType::batch_completed, "2");
  EXPECT_EQ(log.count(EventType::batch_cancelled), 1u);
  EXPECT_EQ(plant.counters().cancelled, 1u);
  expect_sound(log.events());
}

TEST(CancelBatch, WorksWhilePaused) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  plant.set_pacing({Interval{0}, true});
  enqueue(plant);
  wait_until_in_both_mixers(log, plant, "1");
  EXPECT_EQ(plant.cancel("1"), Cancel::cancelling);
  log.wait_for(EventType::batch_cancelled, "1");
  EXPECT_EQ(plant.batch("1")->machines[0].steps, 0u);
  EXPECT_TRUE(plant.pacing().paused);
  expect_sound(log.events());
}

TEST(CancelBatch, OneThatWaitsForAMachineGivesUpItsPlace) {
  const Layout layout({&polishing(), &gated()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(4), log.queue());
  ClosedGate gate;
  const Station& anode_gate = layout.stations(Line::anode)[1];
  enqueue(plant, {.parameters = {{}, process::Values{1.0}, {}, {}, {}}});
  for (int i = 0; i < 2; ++i) enqueue(plant);
  for (const std::string id : {"2", "3"}) {
    log.wait_for(EventType::machine_turned_off, id, layout.stations(Line::anode)[0]);
    log.wait_for(EventType::batch_completed_cathode_line, id);
  }
  EXPECT_EQ(plant.cancel("2"), Cancel::cancelling);
  log.wait_for(EventType::batch_cancelled, "2");
  gate.open();
  log.wait_for_finished(3);
  EXPECT_EQ(log.order(EventType::machine_turned_on, &anode_gate), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(log.order(EventType::batch_completed), (std::vector<std::string>{"1", "3"}));
  expect_sound(log.events());
}

TEST(Reset, OfAnIdlePlantGivesTheDefaultsBack) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  const Station& coating = *plant.layout().find(Line::anode, "coating");
  const process::Values defaults = plant.parameters(coating);
  plant.set_parameters(coating, {0.1, 300e-6, 8e-6, 0.4});
  EXPECT_TRUE(reset(plant).empty());
  EXPECT_EQ(plant.parameters(coating), defaults);
  EXPECT_EQ(log.order(EventType::machine_parameters_updated).size(), 2u) << "set and reset, one machine only";
  EXPECT_TRUE(reset(plant).empty());
  EXPECT_EQ(log.count(EventType::machine_parameters_updated), 2u) << "nothing was left to change";
}

TEST(Reset, IfIdleCancelsNothing) {
  EventLog log;
  PlantConfig config = full_speed();
  config.paused = true;
  PlantSimulation plant(standard_layout(), config, log.queue());
  const Station& coating = *plant.layout().find(Line::anode, "coating");
  const process::Values defaults = plant.parameters(coating);
  const process::Values others{0.1, 300e-6, 8e-6, 0.4};
  plant.set_parameters(coating, others);
  const std::string id = enqueue(plant);
  const std::string waits = enqueue(plant);
  EXPECT_FALSE(plant.reset_if_idle());
  EXPECT_EQ(plant.parameters(coating), others);
  plant.set_pacing({Interval(0), false});
  log.wait_for(EventType::batch_completed, id);
  log.wait_for(EventType::batch_completed, waits);
  EXPECT_TRUE(plant.reset_if_idle());
  EXPECT_EQ(plant.parameters(coating), defaults);
  EXPECT_TRUE(plant.reset_if_idle()) << "there is nothing to change any more";
  plant.set_parameters(coating, others);
  plant.stop();
  EXPECT_FALSE(plant.reset_if_idle()) << "what is set is for the next start";
  EXPECT_EQ(plant.parameters(coating), others);
}

TEST(Reset, AnswersOnceAllBatchesHaveLeftTheirMachines) {
  const Layout layout({&gated()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(4), log.queue());
  ClosedGate gate;
  enqueue(plant, {.parameters = {process::Values{1.0}, {}, {}}});
  enqueue(plant, {.id = "b"});
  enqueue(plant, {.id = "a"});
  gate.wait_for_arrival();

  std::promise<std::vector<std::string>> first, second;
  plant.reset([&](std::vector<std::string> ids) { first.set_value(std::move(ids)); });
  plant.reset([&](std::vector<std::string> ids) { second.set_value(std::move(ids)); });
  auto cancelled = first.get_future();
  EXPECT_EQ(cancelled.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "batch 1 cannot have left";
  EXPECT_EQ(plant.batch("b")->status, BatchStatus::cancelled);

  gate.open();
  ASSERT_EQ(cancelled.wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(cancelled.get(), (std::vector<std::string>{"1", "b", "a"}));
  EXPECT_EQ(second.get_future().get(), std::vector<std::string>{"1"}) << "the others were gone by then";
  EXPECT_EQ(plant.status().machines, std::vector<std::optional<std::string>>(3));
  EXPECT_EQ(plant.counters().accepted, 3u);
  EXPECT_EQ(plant.counters().cancelled, 3u);
  EXPECT_EQ(log.count(EventType::batch_cancelled), 3u);
  EXPECT_EQ(enqueue(plant), "2") << "ids go on";
  log.wait_for(EventType::batch_completed, "2");
  expect_sound(log.events());
}

// Were each batch looked for among all the others, it would take seven times as long as to fill the queue.
TEST(Reset, OfAVeryLongQueueTakesNoLongerThanItsBatches) {
  constexpr std::size_t kMany = 30'000;
  EventLog log;
  PlantConfig config = full_speed();
  config.paused = true;
  config.queue_limit = kMany;
  config.history_limit = 10;
  PlantSimulation plant(standard_layout(), config, log.queue());
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kMany; ++i) enqueue(plant);
  const auto filled = std::chrono::steady_clock::now();
  EXPECT_EQ(reset(plant).size(), kMany);
  EXPECT_LT(std::chrono::steady_clock::now() - filled, 3 * (filled - begin));
  EXPECT_EQ(plant.counters().cancelled, kMany);
  EXPECT_TRUE(plant.status().is_idle());
}

TEST(Reset, KeepsPacingAndHistory) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  const std::string done = enqueue(plant);
  log.wait_for(EventType::batch_completed, done);
  plant.set_pacing({kSlow, true});
  const std::string stopped = enqueue(plant);
  EXPECT_EQ(reset(plant), std::vector<std::string>{stopped});
  EXPECT_EQ(plant.pacing().step_interval, kSlow);
  EXPECT_TRUE(plant.pacing().paused);
  EXPECT_EQ(plant.batch(done)->status, BatchStatus::completed);
  EXPECT_EQ(plant.batch(stopped)->status, BatchStatus::cancelled);
}

TEST(Stop, TurnsMachinesOffWithoutCancelling) {
  EventLog log;
  PlantSimulation plant(standard_layout(), slow(), log.queue());
  for (int i = 0; i < 3; ++i) enqueue(plant);
  wait_until_in_both_mixers(log, plant, "1");
  EXPECT_EQ(plant.stop(), 3u);
  EXPECT_EQ(log.count(EventType::machine_turned_off), 2u);
  EXPECT_EQ(log.count(EventType::batch_cancelled), 0u);
  EXPECT_EQ(log.count(EventType::batch_failed), 0u);
  expect_sound(log.events());
  EXPECT_EQ(refusal(plant.enqueue({})), Refused::Why::stopping);
  EXPECT_EQ(plant.stop(), 3u) << "once more is harmless";
  EXPECT_EQ(plant.cancel("1"), Cancel::cancelling) << "and so is a late request";
}

// Nothing that a batch does outside its models fails as long as there is memory, so a reader that throws stands for
// that: it is called where the plant tells that a machine was turned off.
TEST(Failure, OfThePlantItselfGivesTheMachinesBack) {
  EventQueue queue;
  std::atomic<bool> fails = false;
  queue.notify([&] {
    if (fails.exchange(false)) throw std::bad_alloc();
  });
  PlantSimulation plant(standard_layout(), slow(), queue);
  const auto eventually = [](const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return condition();
  };
  enqueue(plant, {.id = "fails"});
  std::size_t turned_on = 0;
  ASSERT_TRUE(eventually([&] {
    for (const Event& event : queue.drain()) turned_on += event.type == EventType::machine_turned_on ? 1 : 0;
    return turned_on == 2;
  }));
  fails = true;
  plant.set_pacing({Interval{0}, false});
  ASSERT_TRUE(eventually([&] { return plant.batch("fails")->status == BatchStatus::failed; }));
  EXPECT_EQ(plant.batch("fails")->error, "the plant could not go on with the batch");
  for (const std::optional<std::string>& occupant : plant.status().machines) EXPECT_FALSE(occupant);
  for (const Station& station : plant.layout().stations()) EXPECT_FALSE(plant.machine(station).on);
  enqueue(plant, {.id = "next"});
  EXPECT_TRUE(eventually([&] { return plant.batch("next")->status == BatchStatus::completed; }));
  EXPECT_EQ(plant.counters().failed, 1u);
}

TEST(Stop, OfAnIdlePlantLosesNothing) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  enqueue(plant);
  log.wait_for_finished(1);
  EXPECT_EQ(plant.stop(), 0u);
}

TEST(Stop, TheDestructorStopsWhateverTheBatchesDo) {
  EventLog log;
  {
    PlantSimulation plant(standard_layout(), full_speed(4), log.queue());
    for (int i = 0; i < 100; ++i) enqueue(plant);
    log.wait_for(EventType::batch_merged, "1");
  }
  expect_sound(log.events());
  EXPECT_EQ(log.count(EventType::batch_requested), 100u);
  EXPECT_EQ(log.count(EventType::batch_cancelled), 0u);
}

}  // namespace
}  // namespace battery_twin::plant::testing
