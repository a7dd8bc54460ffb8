#include "battery_twin/plant/run.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "battery_twin/process/product.hpp"
#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using process::Values;

TEST(StationRun, StepsUntilAllAreDone) {
  const Layout layout({&polishing()}, {&brittle()});
  process::Product product;
  product.anode.burr_factor = 1;
  StationRun run(layout.stations()[0], product, {2.0, std::nullopt}, 0, false);
  EXPECT_EQ(run.planned_steps(), 2u);
  EXPECT_EQ(run.properties()[0], 1);
  EXPECT_TRUE(run.step());
  EXPECT_TRUE(run.step());
  EXPECT_FALSE(run.step());
  EXPECT_EQ(run.steps(), 2u);
  EXPECT_EQ(run.properties()[0], 0.25);
  EXPECT_EQ(run.early_end(), "");
  EXPECT_EQ(product.anode.burr_factor, 1) << "nothing is handed on before";
  run.hand_on(product);
  EXPECT_EQ(product.anode.burr_factor, 0.25);
}

TEST(StationRun, SaysWhyItEndedEarly) {
  const Station& formation = *standard_layout().find(Line::cell, "formation_cycling");
  process::Product product;
  product.cell.wetting = 0.9;
  StationRun run(formation, product, {0.05, 4.2, 4.2, 200.0}, 0, false);
  EXPECT_TRUE(run.step());
  EXPECT_FALSE(run.step());
  EXPECT_EQ(run.steps(), 1u);
  EXPECT_NE(run.early_end().find("4.2 V"), std::string::npos);
}

TEST(StationRun, ThrowsOnANumberThatIsNone) {
  const Layout layout({&polishing()}, {&brittle()});
  StationRun run(layout.stations()[2], {}, {std::nullopt, std::nullopt, std::nullopt, 1.0}, 0, false);
  EXPECT_TRUE(run.step());
  EXPECT_THROW(run.step(), std::runtime_error);
}

TEST(StationRun, NamesTheCausesUnderTheLinesOwnNames) {
  const Layout layout({&polishing()}, {&brittle()});
  StationRun run(layout.stations()[1], {}, {1.0, 1e-4}, 0, false);
  EXPECT_TRUE(run.causes().empty()) << "not before the first step";
  run.step();
  EXPECT_EQ(run.causes(), std::vector<std::string>{"scratched"});
}

// The engine does to a batch, bit for bit, what its stations do one after the other.
TEST(StationRun, ChainedByHandGivesWhatThePlantGives) {
  const Layout& layout = standard_layout();
  EventLog log;
  PlantSimulation plant(layout, {.noise = true, .step_interval = Interval{0}, .threads = 2}, log.queue());
  const std::string id = enqueue(plant, {.seed = 99});
  log.wait_for(EventType::batch_completed, id);
  const BatchRecord record = plant.batch(id).value();

  process::Product product;
  for (const Station& station : layout.stations()) {
    StationRun run(station, product, record.parameters[station.index].value(), 99, true);
    while (run.step()) {
    }
    run.hand_on(product);
    const MachineResult& result = record.machines[station.index];
    EXPECT_EQ(result.properties, std::vector<double>(run.properties().begin(), run.properties().end()))
        << station.process_name;
    EXPECT_EQ(result.steps, run.steps()) << station.process_name;
    EXPECT_EQ(result.causes, run.causes()) << station.process_name;
  }
  EXPECT_EQ(record.end_of_line->capacity_Ah, product.cell.capacity);
}

}  // namespace
}  // namespace battery_twin::plant::testing
