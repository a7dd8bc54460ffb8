#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using process::Values;

TEST(Parameters, AreTheDefaultsUntilTheyAreSet) {
  for (const process::ModelSet models : process::kModelSets) {
    EventLog log;
    const PlantSimulation plant(standard_layout(), full_speed(2, models), log.queue());
    for (const Station& station : plant.layout().stations())
      EXPECT_EQ(plant.parameters(station), station.type->defaults(models, station.line)) << station.process_name;
  }
  EventLog log;
  PlantSimulation plant(standard_layout(), full_speed(), log.queue());
  const Station& coating = *plant.layout().find(Line::cathode, "coating");
  const Values values{0.1, 300e-6, 8e-6, 0.4};
  EXPECT_TRUE(plant.set_parameters(coating, values, {"something is unusual"})) << "nobody is inside";
  EXPECT_EQ(plant.parameters(coating), values);

  ASSERT_EQ(log.events().size(), 1u);
  const Event& event = log.events().front();
  EXPECT_EQ(event.type, EventType::machine_parameters_updated);
  EXPECT_EQ(event.station, coating.index);
  EXPECT_EQ(event.batch_id, "");
  EXPECT_EQ(event.warnings, std::vector<std::string>{"something is unusual"});
}

TEST(Parameters, NamedGroupsAreFixedAtAcceptanceOthersAreReadOnEntering) {
  EventLog log;
  PlantSimulation plant(standard_layout(), reference_at_full_speed(), log.queue());
  plant.set_pacing({Interval{0}, true});
  const Layout& layout = plant.layout();
  const Station& mixing = *layout.find(Line::anode, "mixing");
  const Station& coating = *layout.find(Line::anode, "coating");
  const Station& drying = *layout.find(Line::anode, "drying");
  const Values mixing_defaults = plant.parameters(mixing);
  const Values named{0.07, 250e-6, 6e-6, 0.5};

  BatchRequest request;
  request.parameters.resize(layout.stations().size());
  request.parameters[coating.index] = named;
  const std::string id = enqueue(plant, std::move(request));
  EXPECT_FALSE(plant.set_parameters(mixing, {0.5, 0.05, 0.05, 0.4})) << "the batch is inside";
  EXPECT_TRUE(plant.set_parameters(coating, {0.1, 300e-6, 8e-6, 0.4}));
  EXPECT_TRUE(plant.set_parameters(drying, {0.2, std::nullopt, std::nullopt}));

  EXPECT_EQ(plant.batch(id)->parameters[coating.index], named);
  EXPECT_EQ(plant.batch(id)->parameters[drying.index], std::nullopt) << "not known before the batch is there";
  plant.set_pacing({Interval{0}, false});
  log.wait_for(EventType::batch_completed, id);

  const BatchRecord record = plant.batch(id).value();
  EXPECT_EQ(record.parameters[mixing.index], mixing_defaults);
  EXPECT_EQ(record.parameters[coating.index], named);
  EXPECT_EQ(record.parameters[drying.index], (Values{0.2, std::nullopt, std::nullopt}));
  EXPECT_EQ(record.machines[drying.index].steps, 50u);
  EXPECT_DOUBLE_EQ(record.machines[drying.index].properties[0], 6e-6 / (0.07 * 0.5)) << "coated as named";
  for (const auto& parameters : record.parameters) EXPECT_TRUE(parameters.has_value());

  const std::string next = enqueue(plant);
  log.wait_for(EventType::batch_completed, next);
  EXPECT_EQ(plant.batch(next)->parameters[mixing.index], (Values{0.5, 0.05, 0.05, 0.4}));
  EXPECT_EQ(plant.batch(next)->parameters[coating.index], (Values{0.1, 300e-6, 8e-6, 0.4}));
}

TEST(Parameters, OfAMachineThatIsHandedToAWaitingBatchAreThatBatchsAlready) {
  const Layout layout({&polishing(), &gated()}, {&polishing()});
  EventLog log;
  PlantSimulation plant(layout, full_speed(3), log.queue());
  ClosedGate gate;
  const Station& anode_gate = layout.stations()[1];
  enqueue(plant, {.parameters = {{}, Values{1.0}, {}, {}, {}}});
  enqueue(plant);
  gate.wait_for_arrival();
  log.wait_for(EventType::machine_turned_off, "2", layout.stations()[0]);
  EXPECT_FALSE(plant.set_parameters(anode_gate, {0.5})) << "batch 1 is inside, batch 2 comes next";
  gate.open();
  log.wait_for_finished(2);
  EXPECT_EQ(plant.batch("1")->parameters[1], (Values{1.0}));
  EXPECT_EQ(plant.batch("2")->parameters[1], (Values{0.5}));
}

}  // namespace
}  // namespace battery_twin::plant::testing
