#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "mechanistic/aging.hpp"
#include "mechanistic/formation_cycling.hpp"
#include "mechanistic_testing.hpp"

// Formation and aging of the mechanistic plant, as machines: the 5 Ah pouch against numbers computed independently of
// this code. The equations' kernel has its own tests.

namespace battery_twin::process::testing {
namespace {

// The pouch's electrodes with 0.1546 m² of faces that meet, all of it wet.
Product wetted() {
  Product product;
  for (const Line line : {Line::anode, Line::cathode}) {
    const bool anode = line == Line::anode;
    Web& web = product.web(line);
    web.solid_loading = anode ? 109.076e-3 : 199.619e-3;
    web.solid_density = anode ? 2190.5 : 4346.6;
    web.thickness = web.target_thickness = anode ? 70.1e-6 * 1.06 : 61.4e-6 * 1.04;
    web.porosity = 1 - web.solid_loading / (web.solid_density * web.thickness);
    web.active_mass = anode ? 0.475 : 0.630;
    web.solvent_mass = anode ? 0.500 : 0.331;
    web.width = 0.058;
  }
  CellDesign design = cell_designs().front();
  design.electrode_length = 0.1546 / 0.058;
  product = Machine{.type = rewinding(), .line = Line::cell, .upstream = product, .design = design}.paced().product;
  EXPECT_NEAR(product.cell.area, 0.1546, 1e-12);
  product.cell.wetting = 1;
  product.cell.moisture = 100e-6;  // what does no harm
  product.cell.electrolyte_volume = 9.2e-6;
  return product;
}

Machine former(double current = 1.0) {
  Machine machine{.type = formation_cycling(), .line = Line::cell, .upstream = wetted()};
  return machine.with("charge_current_A", current).with("formation_duration_s", 200'000);
}

// The pouch formed at 1 A, to be stored for an hour at a state of charge, with next to no k_leak.
Machine store(double charge = 0.5, double days = 1.0 / 24) {
  Machine machine{.type = aging(), .line = Line::cell, .upstream = former().paced().product};
  machine.design.aging_charge = charge;
  return machine.with("k_leak", 1e-20).with("aging_time_days", days);
}

const Done& formed() {
  static const Done done = former().paced();
  return done;
}

// ---- Formation ---------------------------------------------------------------------------------------------------

TEST(FormationMachine, KnowsWhatTheElectrodesHold) {
  EXPECT_NEAR(formed()["anode_capacity_Ah"], 5.6070, 0.0002);
  EXPECT_NEAR(formed()["cathode_capacity_Ah"], 5.8124, 0.0002);
  EXPECT_NEAR(formed()["np_ratio"], 1.1025, 0.00005);
  EXPECT_NEAR(formed().product.cell.np_ratio, 1.1025, 0.00005);
}

TEST(FormationMachine, ResistanceIsThatOfPoresTransferSeiAndTabs) {
  const double film = formed()["sei_thickness"];
  EXPECT_NEAR(1e3 * formed()["internal_resistance"], 17.571 + 1e3 * 4.836e4 * film, 0.001);
  Machine without_tabs = former();
  without_tabs.design.tab_resistance = 0;
  const Done bare = without_tabs.paced();
  EXPECT_NEAR(1e3 * (bare["internal_resistance"] - 4.836e4 * bare["sei_thickness"]), 3.020 + 6.551, 0.001);
}

TEST(FormationMachine, GivesTheTableStepByStepAndAtOnce) {
  struct Row {
    double current, hours, charge_in, charge_out, efficiency, film, sei;  // A, h, Ah, Ah, –, nm, mAh/g
  };
  for (const Row& row : {Row{0.25, 42.164, 5.5502, 4.9771, 0.89674, 22.198, 35.56},
                         Row{0.5, 21.255, 5.5440, 5.0568, 0.91212, 18.932, 30.08},
                         Row{1.0, 10.696, 5.5348, 5.1080, 0.92289, 16.601, 26.18},
                         Row{2.5, 4.313, 5.5127, 5.1379, 0.93201, 14.503, 22.65}}) {
    const Done stepped = former(row.current).paced();
    EXPECT_NEAR(static_cast<double>(stepped.steps.size()), row.hours * 60, 2) << "paced steps of a minute";
    for (const Done& done : {stepped, former(row.current).block().front()}) {
      EXPECT_NEAR(done["charge_in_Ah"], row.charge_in, 0.0004);
      EXPECT_NEAR(done["Capacity_Ah"], row.charge_out, 0.0004);
      EXPECT_NEAR(done["sei_efficiency"], row.efficiency, 0.00006);
      EXPECT_NEAR(1e9 * done["sei_thickness"], row.film, 2.5e-4 * row.film);
      EXPECT_NEAR(done["sei_charge_Ah"] / 16.020e-3, row.sei, 3e-4 * row.sei + 0.005);
      EXPECT_EQ(done["incomplete"], 0);
      EXPECT_EQ(done["plating_risk"], 0);
    }
  }
  EXPECT_NEAR(former(0.5).paced()["energy_out_Wh"], 18.94, 0.005);
  EXPECT_NEAR(formed()["energy_out_Wh"], 19.07, 0.005);
}

TEST(FormationMachine, TheLithiumBalanceCloses) {
  for (const double current : {0.25, 1.0, 2.5}) {
    for (const Done& done : {former(current).paced(), former(current).block().front()}) {
      const Cell& cell = done.product.cell;
      const double charge = done["charge_in_Ah"];
      // Over charge and discharge the SEI keeps what does not come back to the graphite.
      EXPECT_NEAR(cell.cathode_capacity * (0.99 - cell.cathode_full), charge, 1e-9);
      EXPECT_NEAR(cell.cathode_capacity * (0.99 - cell.cathode_empty), charge - cell.capacity, 1e-9);
      EXPECT_NEAR(cell.anode_capacity * (cell.anode_empty - 0.001) + cell.sei_charge, charge - cell.capacity, 1e-9);
    }
  }
}

TEST(FormationMachine, ChargesHoldsAndDischarges) {
  const Done& done = formed();
  double highest = 0, charged = 0;
  std::size_t turn = 0;
  for (std::size_t t = 1; t < done.steps.size(); ++t) {
    highest = std::max(highest, done.at(t, "Voltage_V"));
    EXPECT_GE(done.at(t, "sei_thickness"), done.at(t - 1, "sei_thickness"));
    EXPECT_GE(done.at(t, "charge_in_Ah"), done.at(t - 1, "charge_in_Ah"));
    EXPECT_GE(done.at(t, "Capacity_Ah"), done.at(t - 1, "Capacity_Ah"));
    if (turn == 0 && done.at(t, "Current_A") < 0) {
      turn = t;
      charged = done.at(t, "sei_thickness");
    }
  }
  EXPECT_LE(highest, 4.2 + 1e-3);
  EXPECT_GE(highest, 4.2 - 1e-9);
  EXPECT_NEAR(done["Voltage_V"], 2.8, 1e-6);
  // About a ninth of the film grows in the discharge.
  EXPECT_NEAR((done["sei_thickness"] - charged) / done["sei_thickness"], 0.11, 0.02);
}

TEST(FormationMachine, AShortDurationLeavesItIncomplete) {
  const Done done = former().with("formation_duration_s", 3600).paced();
  EXPECT_EQ(done.steps.size(), 60u);
  EXPECT_EQ(done["incomplete"], 1);
  EXPECT_EQ(done.outcome(), Outcome::scrap);
  EXPECT_TRUE(done.remarks_on("did not end within formation_duration_s"));
  EXPECT_NEAR(done["charge_in_Ah"], 1.0, 1e-9);
}

TEST(FormationMachine, DryAreaIsLostAndItsLithiumToo) {
  Machine machine = former();
  machine.upstream.cell.wetting = 0.9;
  const Done dry = machine.paced();
  EXPECT_NEAR(dry["anode_capacity_Ah"], 0.9 * formed()["anode_capacity_Ah"], 1e-9);
  EXPECT_NEAR(dry["cathode_capacity_Ah"], 0.9 * formed()["cathode_capacity_Ah"], 1e-9);
  EXPECT_NEAR(dry["Capacity_Ah"] / formed()["Capacity_Ah"], 0.9, 0.002);
  EXPECT_NEAR(1e3 * (dry["internal_resistance"] - 4.836e4 / 0.9 * dry["sei_thickness"]), 8 + 9.571 / 0.9, 0.001);
  EXPECT_EQ(dry["low_capacity"], 1);
  EXPECT_EQ(dry.outcome(), Outcome::scrap);
  machine.upstream.cell.wetting = 0;
  const Done nothing = machine.paced();
  EXPECT_TRUE(not_finite(nothing).empty()) << not_finite(nothing);
  EXPECT_EQ(nothing["Capacity_Ah"], 0);
  EXPECT_EQ(nothing.outcome(), Outcome::scrap);
}

TEST(FormationMachine, RemarksOnWhatIsUnusual) {
  EXPECT_TRUE(formed().remarks.empty()) << formed().remarks.front();
  Machine machine = former();
  machine.upstream.anode.solid_loading *= 0.8;
  const Done thin = machine.paced();
  EXPECT_LT(thin["np_ratio"], 1);
  EXPECT_TRUE(thin.remarks_on("anode to cathode capacity"));
  EXPECT_NEAR(thin.product.cell.anode_full, 1, 1e-6);
  EXPECT_GT(thin["plating_margin"], 0);
  EXPECT_EQ(thin["plating_risk"], 1) << "nothing takes the lithium that a charger would go on to bring";
  EXPECT_TRUE(thin.remarks_on("the graphite is full"));
  const Done fast = machine.with("charge_current_A", 12).paced();
  EXPECT_LT(fast["plating_margin"], 0);
  EXPECT_EQ(fast["plating_risk"], 1);
  EXPECT_TRUE(fast.remarks_on("V against lithium: lithium may plate"));
}

TEST(FormationMachine, LanesAreEightCells) {
  const auto lanes = former().block(), stepped = former().block(true);
  for (std::size_t i = 0; i < kLanes; ++i) {
    EXPECT_EQ(lanes[i].properties, lanes[0].properties);
    for (std::size_t p = 0; p < lanes[i].properties.size(); ++p) {
      const double expected = formed().properties[p];
      EXPECT_NEAR(stepped[i].properties[p], expected, 1e-9 * std::abs(expected) + 1e-18);
      EXPECT_NEAR(lanes[i].properties[p], expected, 2e-4 * std::abs(expected) + 2e-5)
          << mechanistic(formation_cycling()).outputs[p].name;
    }
  }
}

// ---- Aging -------------------------------------------------------------------------------------------------------

TEST(AgingMachine, SelfDischargeAtThreeStatesOfCharge) {
  struct Row {
    double charge, fall;  // mV a day
  };
  for (const Row& row : {Row{0.5, 0.042}, Row{0.8, 0.086}, Row{1.0, 0.146}}) {
    EXPECT_NEAR(store(row.charge).paced()["self_discharge_mV_per_day"], row.fall, 0.0005) << row.charge;
    EXPECT_NEAR(store(row.charge).paced()["k_value_mV_per_h"], row.fall / 24, 0.0005 / 24) << row.charge;
  }
  EXPECT_NEAR(store(0.5).paced().product.cell.open_circuit_voltage, 3.708, 0.0005);
  // 1.8 µA/Ah at 20 % and 25 °C.
  const Done low = store(0.2).paced();
  EXPECT_NEAR(low["Leakage_Current_A"] / low["capacity_Ah"], 1.8e-6, 0.002e-6);
  EXPECT_NEAR(low["Final_OCV_V"] - low.product.cell.open_circuit_voltage, 5e-3 * std::exp(-1.0 / 24), 1e-9)
      << "relaxation after the charge";
}

// The state of charge at which the cell ends with that voltage.
double charge_for(double voltage, Machine machine) {
  double low = 0.05, high = 1;
  for (int i = 0; i < 50; ++i) {
    machine.design.aging_charge = (low + high) / 2;
    (machine.block().front().product.cell.open_circuit_voltage < voltage ? low : high) = machine.design.aging_charge;
  }
  return low;
}

TEST(AgingMachine, CalendarLossesAreThoseOfSchmalstieg) {
  struct Row {
    double days, celsius, voltage, capacity, capacity_digit, resistance, resistance_digit;  // %
  };
  for (const Row& row : {Row{10, 25, 3.7, 0.16, 0.005, 0.34, 0.005}, Row{100, 50, 4.0, 8.6, 0.05, 13.6, 0.05}}) {
    Machine machine = store(0.5, row.days).with("temperature", row.celsius + kZeroCelsius);
    machine.design.aging_charge = charge_for(row.voltage, machine);
    const Done done = machine.paced();
    EXPECT_NEAR(done.product.cell.open_circuit_voltage, row.voltage, 2e-4);
    EXPECT_NEAR(100 * done["capacity_loss"], row.capacity, row.capacity_digit);
    EXPECT_NEAR(done["capacity_Ah"], formed()["Capacity_Ah"] * (1 - done["capacity_loss"]), 1e-9);
    EXPECT_NEAR(100 * (done["internal_resistance"] / formed()["internal_resistance"] - 1), row.resistance,
                row.resistance_digit);
  }
}

TEST(AgingMachine, WarmthAndWaterSpeedSelfDischarge) {
  const Done cold = store().paced(), warm = store().with("temperature", 318.15).paced();
  EXPECT_NEAR(warm["Leakage_Current_A"] / cold["Leakage_Current_A"],
              std::exp(38.5e3 / kGasConstant * (1 / 298.15 - 1 / 318.15)), 1e-3);
  Machine moist = store();
  moist.upstream.cell.moisture = 1100e-6;
  EXPECT_NEAR(moist.paced()["self_discharge_mV_per_day"] / cold["self_discharge_mV_per_day"], 2, 0.001);
  const double leak = store().with("k_leak", 1e-9).paced()["Leakage_Current_A"] - cold["Leakage_Current_A"];
  EXPECT_NEAR(leak, 1e-9 * 0.5 * 3600 * cold["capacity_Ah"], 1e-3 * leak);
}

TEST(AgingMachine, MicroShortsFollowFromEscapesAndBurrs) {
  Machine machine = store();
  machine.upstream.anode.escapes = 1e4;  // a short in every cell
  std::vector<double> decades;
  for (machine.seed = 0; *machine.seed < 60; ++*machine.seed) {
    for (const Done& cell : machine.block()) {
      ASSERT_EQ(cell["micro_short"], 1);
      const double own = store().paced()["Leakage_Current_A"];
      const double current = cell["Leakage_Current_A"] - own;
      const double resistance = cell.product.cell.open_circuit_voltage / current;
      decades.push_back(std::log10(resistance));
      const double fall = cell["self_discharge_mV_per_day"] - 0.042;
      if (resistance > 800 && resistance < 1e5) {
        EXPECT_NEAR(fall * resistance / 1e3, 11, 0.5) << "11 mV a day at 1 kOhm";
      }
      EXPECT_EQ(cell["self_discharge_high"], cell["self_discharge_mV_per_day"] > 2) << resistance;
      EXPECT_EQ(cell["defect_risk"], cell["self_discharge_mV_per_day"] > 1) << resistance;
    }
  }
  double mean = 0, squares = 0;
  for (const double d : decades) mean += d / static_cast<double>(decades.size());
  for (const double d : decades) squares += (d - mean) * (d - mean) / static_cast<double>(decades.size());
  EXPECT_NEAR(mean, 4.5, 0.15) << "between 1 kOhm and 1 MOhm";
  EXPECT_NEAR(std::sqrt(squares), 0.75, 0.1);
  EXPECT_LT(*std::ranges::min_element(decades), 3.5);

  const auto share = [](double escapes, double burr) {
    Machine other = store();
    other.upstream.cathode.escapes = escapes;
    other.upstream.cathode.burr_height = burr;
    int shorts = 0;
    for (other.seed = 0; *other.seed < 250; ++*other.seed) {
      for (const Done& cell : other.block()) shorts += cell["micro_short"] != 0;
    }
    return shorts / 2000.0;
  };
  EXPECT_EQ(share(0, 9e-6), 0);
  EXPECT_NEAR(share(5, 0), 1 - std::exp(-0.05), 0.016);
  EXPECT_NEAR(share(0, 11e-6), 1 - std::exp(-0.05), 0.016);
}

TEST(AgingMachine, AFallOfMoreThanTwoMillivoltsADayIsScrap) {
  const Done done = store().with("k_leak", 1e-7).paced();
  EXPECT_GT(done["self_discharge_mV_per_day"], 2);
  EXPECT_EQ(done["self_discharge_high"], 1);
  EXPECT_EQ(done.outcome(), Outcome::scrap);
  EXPECT_TRUE(done.remarks_on("mV a day: more than 2 mV is rejected"));
  EXPECT_EQ(store().paced().outcome(), Outcome::pass);
}

TEST(AgingMachine, HoursAndTheWayInOneGoEndInTheSameState) {
  for (const double leak : {1e-20, 1e-8, 1e-6}) {
    const Machine machine = store(0.5, 30).with("k_leak", leak);
    const Done stepped = machine.paced(), at_once = machine.block().front();
    EXPECT_EQ(stepped.steps.size(), 720u);
    for (std::size_t i = 0; i < stepped.properties.size(); ++i)
      EXPECT_NEAR(at_once.properties[i], stepped.properties[i], 2e-4 * std::abs(stepped.properties[i]) + 1e-12)
          << mechanistic(aging()).outputs[i].name;
    for (std::size_t t = 1; t < stepped.steps.size(); ++t) ASSERT_LT(stepped.at(t, "SOC"), stepped.at(t - 1, "SOC"));
  }
}

TEST(AgingMachine, WeighsTheCell) {
  const Done done = store().paced();
  const CellDesign& design = cell_designs().front();
  const double foils = 0.1546 / 2 * (10e-6 * 8960 + 15e-6 * 2700);
  const double separator = 0.1546 * 16e-6 * 0.55 * 950;
  EXPECT_NEAR(done.product.cell.mass,
              0.1546 * (109.076e-3 + 199.619e-3) + foils + separator + 9.2e-6 * 1200 + design.housing_mass, 1e-9);
  EXPECT_NEAR(1e3 * done.product.cell.electrolyte_mass / done.product.cell.capacity, 2.2, 0.05);
}

}  // namespace
}  // namespace battery_twin::process::testing
