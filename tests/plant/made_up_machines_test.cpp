#include "made_up_machines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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
const Layout& eleven_types() {
  using namespace process;
  static const Layout layout(
      {&mixing(), &coating(), &drying(), &calendaring(), &slitting(), &polishing(), &inspection()},
      {&rewinding(), &electrolyte_filling(), &formation_cycling(), &aging()});
  return layout;
}

TEST(EleventhMachineType, WorksLikeAnyOther) {
  const Layout& layout = eleven_types();
  EventLog log;
  PlantSimulation plant(layout, full_speed(), log.queue());
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
  EXPECT_TRUE(polishing().violations({4.0, 1e-4}, 100).empty());
  EXPECT_EQ(polishing().violations({0.5, 1e-4}, 100).at(0).field, "passes");
  EXPECT_EQ(polishing().violations({4.0, 1.0}, 100).at(0).field, "grain");
  const auto too_long = polishing().violations({101.0, std::nullopt}, 100);
  ASSERT_EQ(too_long.size(), 1u);
  EXPECT_EQ(too_long[0].field, "passes");
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
