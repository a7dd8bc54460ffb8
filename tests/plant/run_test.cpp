#include "battery_twin/plant/run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "battery_twin/plant/population.hpp"
#include "battery_twin/process/product.hpp"
#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using process::ModelSet;
using process::Values;

// A station's machine as these tests want it: made-up types are the same in every model set.
StationRun at(const Station& station, const process::Product& upstream, const Values& parameters,
              ModelSet models = ModelSet::mechanistic, std::uint64_t seed = 0, bool noise = false) {
  return {station, models, process::cell_designs().front(), upstream, parameters, seed, noise};
}

TEST(StationRun, StepsUntilAllAreDone) {
  const Layout layout({&polishing()}, {&brittle()});
  process::Product product;
  product.anode.burr_factor = 1;
  StationRun run = at(layout.stations()[0], product, {2.0, std::nullopt});
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
  StationRun run = at(formation, product, {0.05, 4.2, 4.2, 200.0}, ModelSet::reference);
  EXPECT_TRUE(run.step());
  EXPECT_FALSE(run.step());
  EXPECT_EQ(run.steps(), 1u);
  EXPECT_NE(run.early_end().find("4.2 V"), std::string::npos);
}

TEST(StationRun, ThrowsOnANumberThatIsNone) {
  const Layout layout({&polishing()}, {&brittle()});
  StationRun run = at(layout.stations()[2], {}, {std::nullopt, std::nullopt, std::nullopt, 1.0});
  EXPECT_TRUE(run.step());
  EXPECT_THROW(run.step(), std::runtime_error);
}

TEST(StationRun, NamesTheCausesUnderTheLinesOwnNames) {
  const Layout layout({&polishing()}, {&brittle()});
  StationRun run = at(layout.stations()[1], {}, {1.0, 1e-4});
  EXPECT_TRUE(run.causes().empty()) << "not before the first step";
  run.step();
  EXPECT_EQ(run.causes(), std::vector<std::string>{"scratched"});
}

// The engine does to a batch, bit for bit, what its stations do one after the other.
class ChainedByHand : public ::testing::TestWithParam<ModelSet> {};

INSTANTIATE_TEST_SUITE_P(StationRun, ChainedByHand, ::testing::ValuesIn(process::kModelSets),
                         [](const auto& set) { return std::string(to_string(set.param)); });

TEST_P(ChainedByHand, GivesWhatThePlantGives) {
  const ModelSet models = GetParam();
  const Layout& layout = standard_layout();
  EventLog log;
  PlantSimulation plant(layout, {.models = models, .noise = true, .step_interval = Interval{0}, .threads = 2},
                        log.queue());
  const std::string id = enqueue(plant, {.seed = 99});
  log.wait_for(EventType::batch_completed, id);
  const BatchRecord record = plant.batch(id).value();

  process::Product product;
  for (const Station& station : layout.stations()) {
    StationRun run = at(station, product, record.parameters[station.index].value(), models, 99, true);
    while (run.step()) {
    }
    run.hand_on(product);
    const MachineResult& result = record.machines[station.index];
    EXPECT_EQ(result.properties, std::vector<double>(run.properties().begin(), run.properties().end()))
        << station.process_name;
    EXPECT_EQ(result.steps, run.steps()) << station.process_name;
    EXPECT_EQ(result.causes, run.causes()) << station.process_name;
  }
  expect_same_figures(
      *record.end_of_line,
      models == ModelSet::reference
          ? process::reference_end_of_line(product)
          : Population(layout, {}, record.parameters).run(std::array<std::uint64_t, 1>{99}).front().figures);
}

}  // namespace
}  // namespace battery_twin::plant::testing
