#include "battery_twin/plant/layout.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "battery_twin/process/mixing.hpp"
#include "made_up_machines.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;

// These names and their order are what clients, databases and recorded batches know: a new machine is added here by
// hand.
TEST(StandardLayout, HasItsStationsInTheirOrder) {
  const std::vector<std::string> expected{
      "mixing_anode",     "coating_anode",      "drying_anode",    "calendaring_anode",        "slitting_anode",
      "inspection_anode", "mixing_cathode",     "coating_cathode", "drying_cathode",           "calendaring_cathode",
      "slitting_cathode", "inspection_cathode", "rewinding_cell",  "electrolyte_filling_cell", "formation_cycling_cell",
      "aging_cell",
  };
  std::vector<std::string> found;
  for (const Station& station : standard_layout().stations()) {
    EXPECT_EQ(station.index, found.size());
    EXPECT_NE(station.type, nullptr);
    found.push_back(station.process_name);
  }
  EXPECT_EQ(found, expected);
}

// As they stand in the bodies of POST /factory/start: also by hand.
TEST(StandardLayout, NamesTheParameterGroups) {
  const std::set<std::string> expected{
      "anode_mixing_params",   "anode_coating_params",       "anode_drying_params",      "anode_calendaring_params",
      "anode_slitting_params", "anode_inspection_params",    "cathode_mixing_params",    "cathode_coating_params",
      "cathode_drying_params", "cathode_calendaring_params", "cathode_slitting_params",  "cathode_inspection_params",
      "rewinding_params",      "electrolyte_filling_params", "formation_cycling_params", "aging_params",
  };
  std::set<std::string> found;
  for (const Station& station : standard_layout().stations()) found.insert(station.parameter_group);
  EXPECT_EQ(found, expected);
}

TEST(StandardLayout, SplitsIntoItsLines) {
  const Layout& layout = standard_layout();
  std::size_t found = 0;
  for (const Line line : process::kLines) {
    EXPECT_FALSE(layout.stations(line).empty());
    for (const Station& station : layout.stations(line)) {
      EXPECT_EQ(station.line, line) << station.process_name;
      EXPECT_EQ(station.index, found++) << station.process_name;
    }
  }
  EXPECT_EQ(found, layout.stations().size());
}

TEST(StandardLayout, FindsEveryStationByEachOfItsNames) {
  const Layout& layout = standard_layout();
  for (const Station& station : layout.stations()) {
    EXPECT_EQ(layout.find(station.line, station.type->name), &station);
    EXPECT_EQ(layout.find_process(station.process_name), &station);
    EXPECT_EQ(layout.find_group(station.parameter_group), &station);
  }
}

TEST(StandardLayout, DoesNotFindWhatIsNotThere) {
  const Layout& layout = standard_layout();
  EXPECT_EQ(layout.find(Line::cell, "mixing"), nullptr);
  EXPECT_EQ(layout.find(Line::anode, "aging"), nullptr);
  EXPECT_EQ(layout.find(Line::anode, ""), nullptr);
  EXPECT_EQ(layout.find_process("mixing"), nullptr);
  EXPECT_EQ(layout.find_group("mixing_params"), nullptr);
}

TEST(Layout, TakesAMachineTypeItHasNeverHeardOf) {
  const Layout layout({&process::mixing(), &polishing()}, {&brittle()});
  ASSERT_EQ(layout.stations().size(), 5u);
  EXPECT_EQ(layout.stations()[3].process_name, "polishing_cathode");
  EXPECT_EQ(layout.stations()[3].parameter_group, "cathode_polishing_params");
  EXPECT_EQ(layout.stations()[4].parameter_group, "brittle_params");
}

TEST(Layout, RefusesATypeThatStandsTwiceInALine) {
  const process::MachineType& type = process::mixing();
  EXPECT_THROW(Layout({&type, &type}, {&brittle()}), std::invalid_argument);
}

TEST(Layout, RefusesALineWithoutMachines) {
  EXPECT_THROW(Layout({}, {&brittle()}), std::invalid_argument);
  EXPECT_THROW(Layout({&process::mixing()}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace battery_twin::plant::testing
