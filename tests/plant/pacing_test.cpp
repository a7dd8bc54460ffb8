#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;

TEST(Pacing, AShorterIntervalTakesEffectOnStepsThatAreWaiting) {
  EventLog log;
  PlantSimulation plant(standard_layout(), {.noise = false, .step_interval = kSlow, .threads = 2}, log.queue());
  const Station& mixing = plant.layout().stations().front();
  const std::string id = enqueue(plant);
  log.wait_for(EventType::machine_turned_on, id, mixing);
  EXPECT_TRUE(plant.machine(mixing).on);
  plant.set_pacing({Interval{0}, false});
  log.wait_for(EventType::batch_completed, id);
  EXPECT_EQ(plant.pacing().step_interval, Interval{0});
  expect_full_life(plant.layout(), log.of_batch(id));
}

TEST(Pacing, APositiveIntervalRunsEveryStep) {
  const Layout layout({&polishing(), &brittle()}, {&brittle()});
  EventLog log;
  PlantSimulation plant(layout, {.step_interval = Interval{500}, .threads = 2}, log.queue());
  const std::string id = enqueue(plant);
  log.wait_for(EventType::batch_completed, id);
  expect_full_life(layout, log.of_batch(id));
  for (const Station& station : layout.stations()) {
    EXPECT_EQ(plant.batch(id)->machines[station.index].steps, station.type == &brittle() ? 10u : 4u);
  }
}

TEST(Pacing, WhilePausedMachinesAreOnButNoStepIsDone) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  plant.set_pacing({Interval{0}, true});
  const std::string id = enqueue(plant);
  for (const Line line : {Line::anode, Line::cathode}) {
    const Station& mixing = plant.layout().stations(line).front();
    log.wait_for(EventType::machine_turned_on, id, mixing);
    const MachineSnapshot snapshot = plant.machine(mixing);
    EXPECT_TRUE(snapshot.on);
    EXPECT_EQ(*snapshot.batch_id, id);
    EXPECT_EQ(snapshot.steps, 0u);
    EXPECT_EQ(snapshot.total_steps, 261u);
    EXPECT_EQ(plant.status().machines[mixing.index], id);
  }
  const PlantStatus status = plant.status();
  EXPECT_TRUE(status.pacing.paused);
  ASSERT_EQ(status.running.size(), 1u);
  EXPECT_EQ(status.running[0].lines[0].station, 0u);
  EXPECT_EQ(status.running[0].lines[0].progress, 0);
  EXPECT_EQ(log.count(EventType::machine_turned_off), 0u);

  plant.set_pacing({Interval{0}, false});
  log.wait_for(EventType::batch_completed, id);
  expect_full_life(plant.layout(), log.of_batch(id));
}

TEST(Pacing, PausingInTheMiddleAndResumingLosesNoStep) {
  const Layout layout({&gated(), &brittle()}, {&brittle()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(3), log.queue());
  ClosedGate gate;
  const std::string id = enqueue(plant, {.parameters = {process::Values{1.0}, {}, {}, {}, {}}});
  const Station& anode_gate = layout.stations().front();
  log.wait_for(EventType::machine_turned_on, id, anode_gate);
  gate.wait_for_arrival();
  plant.set_pacing({Interval{0}, true});
  gate.open();
  enqueue(plant);
  EXPECT_EQ(plant.status().queue, std::vector<std::string>{"2"}) << "the gate is not passed while paused";
  EXPECT_EQ(log.count(EventType::batch_completed), 0u);

  plant.set_pacing({Interval{0}, false});
  log.wait_for_finished(2);
  EXPECT_EQ(plant.batch(id)->machines[anode_gate.index].steps, 2u);
  expect_sound(log.events());
}

TEST(Pacing, ProgressCountsMachinesAndTheStepsOfTheOneItIsIn) {
  const Layout layout({&polishing(), &gated()}, {&brittle()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(3), log.queue());
  ClosedGate gate;
  const std::string id = enqueue(plant, {.parameters = {{}, process::Values{1.0}, {}, {}, {}}});
  gate.wait_for_arrival();
  log.wait_for(EventType::batch_completed_cathode_line, id);
  auto lines = plant.batch(id)->lines;
  EXPECT_DOUBLE_EQ(lines[0].progress, 0.5);
  EXPECT_DOUBLE_EQ(lines[1].progress, 1);
  EXPECT_DOUBLE_EQ(lines[2].progress, 0);

  // The step that is held at the gate is still done; the pause holds the next one.
  plant.set_pacing({Interval{0}, true});
  gate.open();
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (plant.machine(layout.stations()[1]).steps == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  lines = plant.batch(id)->lines;
  EXPECT_DOUBLE_EQ(lines[0].progress, 0.75);
  EXPECT_EQ(plant.batch(id)->machines[1].steps, 1u);
}

}  // namespace
}  // namespace battery_twin::plant::testing
