#include "made_up_machines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "battery_twin/plant/population.hpp"
#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/calendaring.hpp"
#include "battery_twin/process/coating.hpp"
#include "battery_twin/process/drying.hpp"
#include "battery_twin/process/electrolyte_filling.hpp"
#include "battery_twin/process/formation_cycling.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/rewinding.hpp"
#include "battery_twin/process/slitting.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using process::Values;

// The standard plant with an eleventh machine type between slitting and inspection.
Layout with_eleventh(const process::MachineType& type) {
  using namespace process;
  return {{&mixing(), &coating(), &drying(), &calendaring(), &slitting(), &type, &inspection()},
          {&rewinding(), &electrolyte_filling(), &formation_cycling(), &aging()}};
}

TEST(EleventhMachineType, WorksLikeAnyOther) {
  const Layout layout = with_eleventh(polishing());
  EventLog log;
  PlantSimulation plant(layout, reference_at_full_speed(), log.queue());
  const Station& anode = *layout.find_process("polishing_anode");
  const Station& cathode = *layout.find_group("cathode_polishing_params");
  EXPECT_EQ(plant.parameters(anode), (Values{4.0, std::nullopt}));
  EXPECT_TRUE(plant.set_parameters(cathode, {3.0, 1e-4}));
  const std::string id = enqueue(plant);
  log.wait_for(EventType::batch_completed, id);
  expect_sound(log.events());
  expect_full_life(layout, log.of_batch(id));

  const BatchRecord record = plant.batch(id).value();
  EXPECT_EQ(record.machines.size(), 18u);
  EXPECT_EQ(record.machines[anode.index].steps, 4u);
  EXPECT_EQ(record.machines[anode.index].properties, (std::vector<double>{0.05 / 16, 0}));
  EXPECT_EQ(record.machines[cathode.index].properties, (std::vector<double>{0.05 / 8, 1}));
  EXPECT_EQ(record.machines[cathode.index].causes, std::vector<std::string>{"scratched"});
  EXPECT_TRUE(record.machines[anode.index].causes.empty());
  EXPECT_EQ(plant.machine(cathode).properties, record.machines[cathode.index].properties);
  const Station& inspection = *layout.find(Line::anode, "inspection");
  EXPECT_EQ(record.machines[inspection.index].properties[3], 0.05 / 16) << "the next machine gets the product";
}

TEST(EleventhMachineType, IsValidatedFromItsTable) {
  for (const process::ModelSet models : process::kModelSets) {
    const auto violations = [&](const Values& values) {
      return polishing().violations(models, values, 100, process::cell_designs().front());
    };
    EXPECT_TRUE(violations({4.0, 1e-4}).empty());
    EXPECT_EQ(violations({0.5, 1e-4}).at(0).field, "passes");
    EXPECT_EQ(violations({4.0, 1.0}).at(0).field, "grain");
    const auto too_long = violations({101.0, std::nullopt});
    ASSERT_EQ(too_long.size(), 1u);
    EXPECT_EQ(too_long[0].field, "passes");
  }
}

double force_on_anode(std::uint64_t seed) {
  return Punching::force_of(100, process::Noise(seed, "punching_anode", true));
}

// The first batch that the anode's machine tears, or does not.
std::uint64_t seed_of_a_batch(bool torn) {
  std::uint64_t seed = 1;
  while ((force_on_anode(seed) > Punching::kTears) != torn) ++seed;
  return seed;
}

class EleventhMechanisticType : public ::testing::Test {
 protected:
  EleventhMechanisticType() : layout(with_eleventh(punching())), parameters(layout.stations().size()) {
    parameters[cathode().index] = Values{10.0};  // far from tearing
  }
  const Station& anode() const { return *layout.find_process("punching_anode"); }
  const Station& cathode() const { return *layout.find_process("punching_cathode"); }

  Layout layout;
  std::vector<std::optional<Values>> parameters;
  const std::array<std::uint64_t, 2> seeds{seed_of_a_batch(true), seed_of_a_batch(false)};
};

// Without a kernel, so one cell after the other.
TEST_F(EleventhMechanisticType, GoesThroughAPopulationLikeAnyOther) {
  ASSERT_EQ(punching().model(process::ModelSet::mechanistic).run_block, nullptr);
  const Population population(layout, {.noise = true}, parameters);
  const auto named = [](std::span<const Population::Source> sources, const std::string& name) {
    const auto found = std::ranges::find(sources, name, &Population::Source::name);
    EXPECT_NE(found, sources.end()) << name;
    return static_cast<std::size_t>(found - sources.begin());
  };
  const std::size_t torn = named(population.causes(), "punching_anode torn");
  const std::size_t anode_force = named(population.disturbed(), "punching_anode force");
  const std::size_t cathode_force = named(population.disturbed(), "punching_cathode force");

  std::array<double, 2> cells{}, good{};
  const auto batches = population.run(seeds, [&](const CellBlock& block) {
    ASSERT_EQ(block.disturbed.size(), population.disturbed().size());
    for (std::size_t lane = 0; lane < block.count; ++lane) {
      const std::uint32_t batch = block.batch[lane];
      const std::uint64_t seed = seeds.at(batch);
      EXPECT_EQ(block.seeds[lane], seed);
      EXPECT_EQ(block.disturbed[anode_force].lane[lane], force_on_anode(seed));
      EXPECT_EQ(block.disturbed[cathode_force].lane[lane],
                Punching::force_of(10, process::Noise(seed, "punching_cathode", true)));
      EXPECT_EQ(block.cause[lane] == static_cast<std::int32_t>(torn), batch == 0) << block.cells[lane];
      ++cells.at(batch);
      good.at(batch) += block.cause[lane] < 0 ? 1 : 0;
    }
  });

  const auto without = Population(standard_layout(), {.noise = true}, {}).run(seeds);
  ASSERT_EQ(batches.size(), 2u);
  for (std::size_t b = 0; b < 2; ++b) {
    SCOPED_TRACE(b);
    const process::EndOfLine& figures = batches[b].figures;
    EXPECT_EQ(figures.cells_started, cells[b]);
    EXPECT_EQ(figures.cells_started, std::floor(*without[b].figures.cells_started / 2))
        << "the next machine gets the product";
    EXPECT_EQ(figures.cells_good, good[b]);
    EXPECT_EQ(std::ranges::count(batches[b].defects, "punching_anode: torn"), b == 0 ? 1 : 0);
    const auto& energy = figures.machine_energy_kWh.value();
    EXPECT_EQ(energy.size(), layout.stations().size());
    const auto used = std::ranges::find(energy, "punching_anode", &process::EndOfLine::MachineEnergy::process);
    ASSERT_NE(used, energy.end());
    EXPECT_DOUBLE_EQ(used->value, Punching::kSteps) << "a kilowatt-hour a step";
  }
  const process::EndOfLine &torn_batch = batches[0].figures, &good_batch = batches[1].figures;
  EXPECT_EQ(torn_batch.cells_good, 0);
  EXPECT_EQ(torn_batch.yield, 0);
  EXPECT_EQ(torn_batch.scrap_causes.value(), (std::map<std::string, double>{{"punching_anode torn", cells[0]}}));
  EXPECT_GT(good_batch.yield.value(), 0.5);
  EXPECT_FALSE(good_batch.scrap_causes.value().contains("punching_anode torn"));
}

TEST_F(EleventhMechanisticType, ScrapsABatchOfThePlant) {
  EventLog log;
  PlantSimulation plant(layout, {.noise = true, .step_interval = Interval{0}, .threads = 2}, log.queue());
  for (const std::uint64_t seed : seeds) enqueue(plant, {.seed = seed, .parameters = parameters});
  log.wait_for_finished(2);
  expect_sound(log.events());
  const auto batches = Population(layout, {.noise = true}, parameters).run(seeds);
  for (std::size_t b = 0; b < 2; ++b) {
    const std::string id = std::to_string(b + 1);
    SCOPED_TRACE(id);
    expect_full_life(layout, log.of_batch(id));
    const BatchRecord record = plant.batch(id).value();
    EXPECT_EQ(record.status, BatchStatus::completed);
    expect_same_figures(*record.end_of_line, batches[b].figures);
    const MachineResult& result = record.machines[anode().index];
    EXPECT_EQ(result.properties.at(0), force_on_anode(seeds[b]));
    EXPECT_EQ(result.steps, Punching::kSteps);
    EXPECT_EQ(result.outcome, b == 0 ? process::Outcome::scrap : process::Outcome::pass);
    EXPECT_EQ(result.causes, b == 0 ? std::vector<std::string>{"torn"} : std::vector<std::string>{});
    // Scrap stays scrap down its line and behind the merge; the other line does not know of it.
    EXPECT_EQ(record.machines[layout.find(Line::cathode, "inspection")->index].outcome, process::Outcome::pass);
    EXPECT_EQ(record.machines[layout.find(Line::anode, "slitting")->index].outcome, process::Outcome::pass);
    EXPECT_EQ(record.machines[layout.find(Line::anode, "inspection")->index].outcome, result.outcome);
    EXPECT_EQ(record.machines[layout.find(Line::cell, "aging")->index].outcome, result.outcome);
  }
  EXPECT_EQ(plant.counters().completed, 2u);
  EXPECT_EQ(plant.counters().scrapped, 1u);
}

struct Breakage {
  std::string name;
  Values parameters;
  std::string reason;
  bool switched_on;
};

class BrokenMachine : public ::testing::TestWithParam<Breakage> {};

TEST_P(BrokenMachine, FailsItsBatchAndFreesTheMachines) {
  const Layout layout({&polishing(), &brittle()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(), log.queue());
  const Station& broken = layout.stations()[1];
  enqueue(plant, {.parameters = {{}, GetParam().parameters, {}, {}, {}}});
  enqueue(plant);
  log.wait_for_finished(2);
  expect_sound(log.events());

  const std::vector<Event> events = log.of_batch("1");
  const Event& failed = events.back();
  EXPECT_EQ(failed.type, EventType::batch_failed);
  EXPECT_NE(failed.reason.find(GetParam().reason), std::string::npos) << failed.reason;
  EXPECT_NE(failed.reason.find("brittle_anode"), std::string::npos) << failed.reason;
  EXPECT_EQ(std::ranges::count(events, EventType::batch_failed, &Event::type), 1);
  EXPECT_EQ(log.wait_for(EventType::machine_simulation_error, "1", broken).reason.empty(), false);
  const auto uses = log.order(EventType::machine_turned_on, &broken);
  EXPECT_EQ(uses, GetParam().switched_on ? (std::vector<std::string>{"1", "2"}) : std::vector<std::string>{"2"});

  const BatchRecord record = plant.batch("1").value();
  EXPECT_EQ(record.status, BatchStatus::failed);
  EXPECT_EQ(record.error, failed.reason);
  EXPECT_EQ(record.machines[broken.index].status, MachineStatus::stopped);
  EXPECT_EQ(record.end_of_line, nullptr);
  EXPECT_EQ(plant.batch("2")->status, BatchStatus::completed);
  EXPECT_EQ(plant.counters().failed, 1u);
  EXPECT_EQ(plant.counters().completed, 1u);
  EXPECT_EQ(plant.status().machines, std::vector<std::optional<std::string>>(5));
  EXPECT_EQ(plant.cancel("1"), PlantSimulation::Cancel::finished);
}

constexpr std::nullopt_t kNever = std::nullopt;

INSTANTIATE_TEST_SUITE_P(
    Ways, BrokenMachine,
    ::testing::Values(Breakage{"OnStarting", {1.0, kNever, kNever, kNever}, "it would not start", false},
                      Breakage{"InAStep", {kNever, 3.0, kNever, kNever}, "a belt broke", true},
                      Breakage{"WithoutAWord", {kNever, kNever, 3.0, kNever}, "unknown error", true},
                      Breakage{"WithoutANumber", {kNever, kNever, kNever, 3.0}, "nan for level", true}),
    [](const auto& breakage) { return breakage.param.name; });

TEST(BrokenMachine, WakesTheOtherLineOfItsBatch) {
  const Layout layout({&brittle()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, {.step_interval = kSlow, .threads = 2}, log.queue());
  enqueue(plant, {.parameters = {Values{kNever, 0.0, kNever, kNever}, {}, {}}});
  log.wait_for(EventType::batch_failed, "1");
  expect_sound(log.events());
  EXPECT_EQ(plant.batch("1")->status, BatchStatus::failed);
}

TEST(BrokenMachine, AFailingBatchCountsForAReset) {
  const Layout layout({&brittle()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(), log.queue());
  for (int i = 0; i < 20; ++i) enqueue(plant, {.parameters = {Values{kNever, 0.0, kNever, kNever}, {}, {}}});
  reset(plant);
  log.wait_for_finished(20);
  EXPECT_EQ(plant.counters().failed + plant.counters().cancelled, 20u);
  EXPECT_TRUE(plant.status().running.empty());
  expect_sound(log.events());
}

}  // namespace
}  // namespace battery_twin::plant::testing
