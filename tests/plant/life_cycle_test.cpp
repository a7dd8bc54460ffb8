#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "battery_twin/process/mixing.hpp"
#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;

std::map<std::string, std::vector<Event>> by_batch(const std::vector<Event>& events) {
  std::map<std::string, std::vector<Event>> found;
  for (const Event& event : events) found[event.batch_id].push_back(event);
  return found;
}

TEST(LifeCycle, OneBatchTellsItsWholeLifeInOrder) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  const std::string id = enqueue(plant);
  log.wait_for(EventType::batch_completed, id);
  expect_sound(log.events());
  expect_full_life(plant.layout(), log.of_batch(id));
  EXPECT_EQ(log.of_batch(id).size(), log.events().size());
  for (const Event& event : log.events()) {
    if (event.type == EventType::machine_turned_on) {
      EXPECT_EQ(event.step, 0u);
    } else if (event.type == EventType::machine_turned_off) {
      EXPECT_GT(event.step, 0u);
    }
  }
}

class ModelSets : public ::testing::TestWithParam<process::ModelSet> {};

INSTANTIATE_TEST_SUITE_P(LifeCycle, ModelSets, ::testing::ValuesIn(process::kModelSets),
                         [](const auto& set) { return std::string(to_string(set.param)); });

TEST_P(ModelSets, ACompletedBatchIsKeptWithAllItsResults) {
  const process::ModelSet models = GetParam();
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(2, models), log.queue());
  const std::string id = enqueue(plant);
  const Event completed = log.wait_for(EventType::batch_completed, id);

  const auto record = plant.batch(id);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->status, BatchStatus::completed);
  EXPECT_EQ(record->models, models);
  ASSERT_TRUE(record->started_at && record->finished_at);
  EXPECT_LE(record->created_at, *record->started_at);
  EXPECT_LE(*record->started_at, *record->finished_at);
  for (const LineProgress& line : record->lines) {
    EXPECT_TRUE(line.completed);
    EXPECT_EQ(line.progress, 1);
    EXPECT_EQ(line.station, std::nullopt);
  }
  for (const Station& station : plant.layout().stations()) {
    const MachineResult& result = record->machines[station.index];
    EXPECT_EQ(result.status, MachineStatus::completed) << station.process_name;
    EXPECT_GT(result.steps, 0u) << station.process_name;
    EXPECT_EQ(result.properties.size(), station.type->model(models).outputs.size());
    EXPECT_EQ(record->parameters[station.index], station.type->defaults(models, station.line));
    if (models == process::ModelSet::reference) {
      EXPECT_EQ(result.outcome, std::nullopt) << station.process_name;
    } else {
      EXPECT_EQ(result.outcome, process::Outcome::pass) << station.process_name;
      EXPECT_TRUE(result.causes.empty()) << station.process_name;
    }
  }
  ASSERT_NE(record->end_of_line, nullptr);
  const process::EndOfLine& figures = *record->end_of_line;
  if (models == process::ModelSet::reference) {
    EXPECT_NEAR(figures.capacity_Ah.value(), 6.0e-7, 1e-8);
    EXPECT_EQ(figures.cells_good, std::nullopt);
    EXPECT_EQ(figures.machine_energy_kWh, std::nullopt);
  } else {
    const double nominal = plant.config().design.nominal_capacity;
    EXPECT_NEAR(figures.capacity_Ah.value(), nominal, 0.1 * nominal);
    EXPECT_GT(figures.cells_good.value(), 0);
    EXPECT_EQ(figures.machine_energy_kWh.value().size(), plant.layout().stations().size());
  }
  EXPECT_EQ(completed.end_of_line, record->end_of_line);
  EXPECT_EQ(plant.counters().completed, 1u);
  EXPECT_EQ(plant.counters().scrapped, 0u);
}

TEST(LifeCycle, FormationsEarlyEndIsAWarningAndTheBatchCompletes) {
  EventLog log;
  PlantSimulation plant(standard_layout(), reference_at_full_speed(), log.queue());
  const Station& formation = *plant.layout().find(Line::cell, "formation_cycling");
  const std::string id = enqueue(plant);
  log.wait_for(EventType::batch_completed, id);

  EXPECT_EQ(log.count(EventType::machine_simulation_error), 1u);
  const Event error = log.wait_for(EventType::machine_simulation_error, id, formation);
  EXPECT_EQ(error.step, 2u);
  EXPECT_EQ(error.level(), Level::warning);
  EXPECT_NE(error.message.find("4.2 V"), std::string::npos) << error.message;
  const auto record = plant.batch(id);
  EXPECT_EQ(record->warnings, std::vector<std::string>{error.message});
  EXPECT_EQ(record->machines[formation.index].status, MachineStatus::completed);
  EXPECT_EQ(record->machines[formation.index].steps, 2u);
  EXPECT_EQ(plant.counters().failed, 0u);
}

TEST_P(ModelSets, AMachineShowsItsLastProductWhenItIsOff) {
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(2, GetParam()), log.queue());
  const Station& coating = *plant.layout().find(Line::anode, "coating");
  EXPECT_FALSE(plant.machine(coating).on);
  EXPECT_EQ(plant.machine(coating).batch_id, nullptr);
  const std::string id = enqueue(plant);
  log.wait_for(EventType::batch_completed, id);

  const MachineSnapshot after = plant.machine(coating);
  const double asked_for = coating.type->model(GetParam()).steps(plant.parameters(coating), plant.config().design);
  const auto steps = static_cast<std::uint32_t>(asked_for);
  EXPECT_GT(steps, 1u);
  if (GetParam() == process::ModelSet::reference) {
    EXPECT_EQ(steps, 20u);
  }
  EXPECT_FALSE(after.on);
  ASSERT_NE(after.batch_id, nullptr);
  EXPECT_EQ(*after.batch_id, id);
  EXPECT_EQ(after.models, GetParam());
  EXPECT_EQ(after.steps, steps);
  EXPECT_EQ(after.total_steps, steps);
  EXPECT_EQ(after.properties, plant.batch(id)->machines[coating.index].properties);
  EXPECT_EQ(after.specifics.size(), coating.type->model(GetParam()).specifics.size());
  EXPECT_EQ(after.version, steps + 1) << "once on entering, once a step";
}

TEST(Pipelining, LaterBatchesEnterWhileAnEarlierOneIsInTheCellLine) {
  const Layout layout({&polishing()}, {&gated()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(3), log.queue());
  ClosedGate gate;
  const Station& cell = layout.stations(Line::cell).front();
  const std::string first = enqueue(plant, {.parameters = {std::nullopt, std::nullopt, process::Values{1.0}}});
  gate.wait_for_arrival();
  const std::string second = enqueue(plant);
  const std::string third = enqueue(plant);
  log.wait_for(EventType::batch_merged, second);
  log.wait_for(EventType::batch_merged, third);

  const PlantStatus status = plant.status();
  EXPECT_EQ(status.running.size(), 3u);
  EXPECT_TRUE(status.queue.empty());
  EXPECT_EQ(status.machines[cell.index], first);
  EXPECT_EQ(status.running[1].lines[static_cast<std::size_t>(Line::cell)].station, cell.index);
  EXPECT_TRUE(status.running[1].lines[static_cast<std::size_t>(Line::anode)].completed);
  EXPECT_EQ(log.count(EventType::batch_completed), 0u);

  gate.open();
  log.wait_for_finished(3);
  EXPECT_EQ(log.order(EventType::machine_turned_on, &cell), (log.order(EventType::batch_merged)));
  expect_sound(log.events());
}

TEST_P(ModelSets, HundredsOfBatchesOnManyThreadsLoseNoEvent) {
  constexpr std::size_t kBatches = 400;
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(8, GetParam()), log.queue());
  for (std::size_t i = 0; i < kBatches; ++i) enqueue(plant);
  log.wait_for_finished(kBatches);

  expect_sound(log.events());
  const auto batches = by_batch(log.events());
  EXPECT_EQ(batches.size(), kBatches);
  for (const auto& [id, events] : batches) {
    SCOPED_TRACE(id);
    expect_full_life(plant.layout(), events);
  }
  EXPECT_EQ(plant.counters().accepted, kBatches);
  EXPECT_EQ(plant.counters().completed, kBatches);
  const PlantStatus status = plant.status();
  EXPECT_TRUE(status.running.empty());
  EXPECT_EQ(status.machines, std::vector<std::optional<std::string>>(plant.layout().stations().size()));
}

// Short machines and no pause: where batches would overtake each other if they could.
TEST(Pipelining, EveryMachineServesInOrderOfArrival) {
  const Layout layout({&gated(), &polishing(), &process::mixing()}, {&gated(), &polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(8), log.queue());
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(enqueue(plant));
  log.wait_for_finished(ids.size());
  expect_sound(log.events());
  for (const Station& station : layout.stations()) {
    EXPECT_EQ(log.order(EventType::machine_turned_on, &station), ids) << station.process_name;
  }
  for (const EventType type :
       {EventType::batch_completed_anode_line, EventType::batch_completed_cathode_line, EventType::batch_merged,
        EventType::batch_completed_cell_line, EventType::batch_completed}) {
    EXPECT_EQ(log.order(type), ids) << to_string(type);
  }
}

std::vector<BatchRecord> records(unsigned threads, std::uint64_t seed, Interval interval) {
  EventLog log;
  PlantSimulation plant(standard_layout(), {.noise = true, .seed = seed, .step_interval = interval, .threads = threads},
                        log.queue());
  for (int i = 0; i < 8; ++i) enqueue(plant);
  log.wait_for_finished(8);
  return plant.batches(std::nullopt, true, 100, std::nullopt)->batches;
}

void expect_same(const std::vector<BatchRecord>& one, const std::vector<BatchRecord>& other) {
  ASSERT_EQ(one.size(), 8u);
  ASSERT_EQ(other.size(), one.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].id, other[i].id);
    EXPECT_EQ(one[i].seed, other[i].seed);
    expect_same_figures(*one[i].end_of_line, *other[i].end_of_line);
    for (std::size_t m = 0; m < one[i].machines.size(); ++m) {
      EXPECT_EQ(one[i].machines[m].properties, other[i].machines[m].properties) << m;
      EXPECT_EQ(one[i].machines[m].steps, other[i].machines[m].steps) << m;
    }
  }
}

TEST(Determinism, ResultsDependNeitherOnThreadsNorOnPacing) {
  const auto alone = records(1, 7, Interval{0});
  expect_same(alone, records(8, 7, Interval{0}));
  expect_same(alone, records(2, 7, Interval{1}));
  EXPECT_NE(alone[0].machines[0].properties, alone[1].machines[0].properties) << "batches have noise of their own";
}

TEST(Determinism, AnotherSeedGivesOtherResults) {
  const auto one = records(2, 7, Interval{0});
  const auto other = records(2, 8, Interval{0});
  EXPECT_NE(one[0].seed, other[0].seed);
  EXPECT_NE(one[0].machines[0].properties, other[0].machines[0].properties);
}

}  // namespace
}  // namespace battery_twin::plant::testing
