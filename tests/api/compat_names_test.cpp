// Names of the Python server's front end, of machines that it knew and of one that it did not.
#include <gtest/gtest.h>

#include <set>

#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "compat/names.hpp"
#include "openapi.hpp"
#include "plant/made_up_machines.hpp"

namespace battery_twin::api::compat {
namespace {

TEST(CompatNames, AnEleventhMachineTypeHasItsOwn) {
  const plant::Layout layout({&process::mixing(), &plant::testing::polishing(), &process::inspection()},
                             {&process::aging()});
  const Names names(layout);
  const Machine* machine = names.find_stage("Cathode Polishing");
  ASSERT_NE(machine, nullptr);
  EXPECT_EQ(machine, names.find_table("cathode_polishing"));
  EXPECT_EQ(machine->station, layout.find_process("polishing_cathode"));
  ASSERT_EQ(machine->parameters.size(), 2u);
  EXPECT_EQ(machine->find_label("Passes"), machine->find_name("passes"));
  EXPECT_EQ(machine->find_label("Grain"), machine->find_name("grain"));
  EXPECT_FALSE(machine->find_name("passes")->may_be_absent);
  EXPECT_TRUE(machine->find_name("grain")->may_be_absent) << "it is optional";
  const Json document = openapi_document(layout, {}, "1.2.3");
  EXPECT_TRUE(document.at("components").at("schemas").contains("compat_polishing_request"));
}

TEST(CompatNames, StagesTablesAndLabelsAreUnique) {
  const Names names(plant::standard_layout());
  std::set<std::string> stages;
  std::set<std::string> tables;
  for (const Machine& machine : names.machines()) {
    EXPECT_TRUE(stages.insert(machine.stage).second) << machine.stage;
    EXPECT_TRUE(tables.insert(machine.table).second) << machine.table;
    std::set<std::string> labels;
    for (const Parameter& parameter : machine.parameters) {
      EXPECT_TRUE(labels.insert(parameter.label).second) << parameter.label;
      EXPECT_FALSE(parameter.name.empty()) << machine.stage;
    }
  }
  EXPECT_EQ(names.find_stage("Formation Cycling")->find_label("Formation Duration")->name, "formation_duration_s");
}

TEST(CompatNames, WhatIsNamedOtherwiseIsOfFieldsThatThereAre) {
  for (const NamedOtherwise& other : named_otherwise()) {
    bool is_there = false;
    for (const plant::Station& station : plant::standard_layout().stations())
      is_there = is_there || (station.type->name == other.machine && station.type->index_of(other.field));
    EXPECT_TRUE(is_there) << other.machine << " " << other.field;
  }
}

TEST(CompatNames, TemperaturesAreTheSameThereAndBack) {
  const Names names(plant::standard_layout());
  const Parameter& temperature = *names.find_stage("Aging")->find_name("temperature");
  for (const double value : {-73.15, -40.0, 0.0, 0.1, 25.0, 25.3, 80.0, 326.85})
    EXPECT_EQ(temperature.from_plant(temperature.to_plant(value)), value);
  EXPECT_EQ(temperature.to_plant(-73.15), 200.0) << "a limit is allowed itself";
  EXPECT_EQ(temperature.to_plant(326.85), 600.0);
  EXPECT_EQ(temperature.to_plant(1e308), 1e308);
  const Parameter& speed = *names.find_stage("Anode Drying")->find_name("web_speed");
  EXPECT_EQ(speed.to_plant(0.05), 0.05);
  EXPECT_EQ(speed.from_plant(0.05), 0.05);
}

}  // namespace
}  // namespace battery_twin::api::compat
