#include "mechanistic/formation_kernel.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "formation_testing.hpp"

namespace battery_twin::process {
namespace {

// ---- Open-circuit potentials ----------------------------------------------------------------------------------------

TEST(OpenCircuit, KnownValues) {
  EXPECT_NEAR(graphite_potential(0.001), 0.882866, 1e-6);
  EXPECT_NEAR(graphite_potential(0.5), 0.0994993, 1e-7);
  EXPECT_NEAR(nmc_potential(0.99), 3.3079026, 1e-7);
  EXPECT_NEAR(nmc_potential(0.5), 3.8147813, 1e-7);
}

TEST(OpenCircuit, SlopesAndIntegralsBelongToThePotentials) {
  constexpr double kStep = 1e-5;
  for (double z = -0.015; z < 1.015; z += 0.00173) {
    const auto slope_of = [&](auto f) { return (f(z + kStep) - f(z - kStep)) / (2 * kStep); };
    EXPECT_NEAR(slope_of(graphite_potential) / graphite_slope(z), 1, 1e-5) << z;
    EXPECT_NEAR(slope_of(nmc_potential) / nmc_slope(z), 1, 1e-5) << z;
    EXPECT_NEAR(slope_of(graphite_integral) / graphite_potential(z), 1, 1e-5) << z;
    EXPECT_NEAR(slope_of(nmc_integral), nmc_potential(z), 1e-4) << z;
  }
}

TEST(OpenCircuit, TablesFollowTheFormulas) {
  const OpenCircuitTables& tables = open_circuit_tables();
  for (double z = 0; z <= 1; z += 0.000173) {
    EXPECT_NEAR(tables.graphite(z).value, graphite_potential(z), 3e-6) << z;
    EXPECT_NEAR(tables.nmc(z).value, nmc_potential(z), 4e-6) << z;
    EXPECT_NEAR(tables.graphite_area(z).value, graphite_integral(z), 1e-7) << z;
    EXPECT_NEAR(tables.nmc_area(z).value, nmc_integral(z), 1e-7) << z;
  }
}

TEST(OpenCircuit, FallsWithLithium) {
  for (double z = -0.015; z < 1.015; z += 0.00073) {
    EXPECT_LT(graphite_slope(z), 0) << z;
    EXPECT_LT(nmc_slope(z), 0) << z;
  }
}

// ---- The pouch cell against the published table ---------------------------------------------------------------------

struct TableRow {
  double current, hours, charge_in, charge_out, efficiency, thickness_nm, sei_mAh_per_g;
  int paced_steps;  // of 60 s, counting the start; 0: not published
};
constexpr std::array<TableRow, 4> kTable{{{0.25, 42.164, 5.5502, 4.9771, 0.89674, 22.198, 35.56, 2531},
                                          {0.5, 21.255, 5.5440, 5.0568, 0.91212, 18.932, 30.08, 1277},
                                          {1.0, 10.696, 5.5348, 5.1080, 0.92289, 16.601, 26.18, 643},
                                          {2.5, 4.313, 5.5127, 5.1379, 0.93201, 14.503, 22.65, 0}}};

// Half a unit of the last digit, and a little for the cell's capacities, of which the table had more than five digits.
void expect_row(const TableRow& row, const Outcome& o) {
  EXPECT_NEAR(o.time / 3600, row.hours, 0.5e-3);
  EXPECT_NEAR(o.charge_in, row.charge_in, 0.6e-4);
  EXPECT_NEAR(o.charge_out, row.charge_out, 0.6e-4);
  EXPECT_NEAR(o.efficiency(), row.efficiency, 0.5e-5);
  EXPECT_NEAR(o.thickness * 1e9, row.thickness_nm, 0.65e-3);
  EXPECT_NEAR(o.sei_charge / kGraphiteMass, row.sei_mAh_per_g, 0.6e-2);
}

TEST(Formation, GivesTheTableStepByStepAndAtOnce) {
  for (const TableRow& row : kTable) {
    SCOPED_TRACE(row.current);
    const Outcome slow = stepped(pouch(), protocol(row.current));
    expect_row(row, slow);
    EXPECT_TRUE(slow.complete);
    if (row.paced_steps > 0) {
      EXPECT_EQ(slow.steps + 1, row.paced_steps);
    }
    const Outcome fast = leapt(pouch(), protocol(row.current));
    expect_row(row, fast);
    EXPECT_TRUE(fast.complete);
  }
}

TEST(Formation, RefereeGivesTheTableToo) {
  for (const TableRow& row : kTable) {
    SCOPED_TRACE(row.current);
    Outcome o = Referee(pouch(), protocol(row.current)).run();
    o.sei_charge = 2 * kFaraday * pouch().sei_area * (o.thickness - 1e-9) / 9.585e-5 / 3600;
    expect_row(row, o);
  }
}

TEST(Formation, TemperatureAndEnergyOfThePouchCell) {
  for (const auto run : {+[](const FormationCell<double>&c, const FormationProtocol&p) { return stepped(c, p); },
                         +[](const FormationCell<double>&c, const FormationProtocol&p) { return leapt(c, p); }}) {
    EXPECT_NEAR(run(pouch(15), protocol(0.5, 15)).efficiency(), 0.92091, 0.5e-5);
    EXPECT_NEAR(run(pouch(45), protocol(0.5, 45)).efficiency(), 0.88895, 0.5e-5);
    EXPECT_NEAR(run(pouch(), protocol(0.5)).energy_out, 18.94, 0.5e-2);
    EXPECT_NEAR(run(pouch(), protocol(1.0)).energy_out, 19.07, 0.5e-2);
  }
}

// ---- Against the referee, and both ways against each other ----------------------------------------------------------

TEST(Formation, StepsFollowTheReferee) {
  for (const Case& c : cases(24)) {
    SCOPED_TRACE(described(c));
    expect_agreement(stepped(c.cell, c.protocol), Referee(c.cell, c.protocol).run(), 2e-5, 1e-4);
  }
}

TEST(Formation, LeapsFollowTheSteps) {
  for (const Case& c : cases(400)) {
    SCOPED_TRACE(described(c));
    const Outcome slow = stepped(c.cell, c.protocol), fast = leapt(c.cell, c.protocol);
    EXPECT_TRUE(slow.complete);
    EXPECT_TRUE(fast.complete);
    expect_agreement(fast, slow, 2e-5, 1e-4);
    EXPECT_NEAR(fast.margin, slow.margin, 1e-4);
    EXPECT_NEAR(fast.voltage, slow.voltage, 1e-5);
    expect_balance(c, slow);
    expect_balance(c, fast);
    EXPECT_LT(slow.efficiency(), 1);
    EXPECT_LT(fast.efficiency(), 1);
  }
}

TEST(Formation, StepSizeHardlyMatters) {
  for (const Case& c : cases(12)) {
    SCOPED_TRACE(described(c));
    const Outcome minute = stepped(c.cell, c.protocol);
    for (const double dt : {7.0, 30.0, 600.0, 86'400.0}) {
      SCOPED_TRACE(dt);
      expect_agreement(stepped(c.cell, c.protocol, dt), minute, 5e-5, 1e-4);
    }
  }
}

// ---- Behaviour ------------------------------------------------------------------------------------------------------

TEST(Formation, VoltageStaysBelowItsLimit) {
  for (const Case& c : cases(60)) {
    SCOPED_TRACE(described(c));
    Formation<double> f(c.cell, c.protocol);
    while (!f.finished()) {
      f.advance(60);
      EXPECT_LE(f.voltage(), c.protocol.voltage_limit + 1e-6);
      if (!f.charging_at_constant_voltage()) continue;
      const double v = nmc_potential(f.cathode()) - graphite_potential(f.anode()) +
                       f.current() * (c.cell.resistance + c.cell.sei_resistance * f.sei_thickness());
      EXPECT_NEAR(v, c.protocol.voltage_limit, 1e-5);
      EXPECT_GE(f.current(), c.protocol.current / 5 - 1e-9);
    }
    EXPECT_NEAR(f.voltage(), c.protocol.cut_off, 1e-6);
  }
}

TEST(Formation, MoreSeiMeansLessEfficiency) {
  double last = 1;
  for (const double area : {0.0, 20.0, 48.06, 80.0, 160.0}) {
    FormationCell<double> cell = pouch();
    cell.sei_area = area;
    const double efficiency = leapt(cell, protocol(1)).efficiency();
    EXPECT_LT(efficiency, last + 1e-12);
    last = efficiency;
  }
}

TEST(Formation, DurationEndsItIncomplete) {
  for (const double duration : {1.0, 59.0, 60.0, 3600.0, 12'345.6, 20'000.0, 38'000.0}) {
    SCOPED_TRACE(duration);
    FormationProtocol p = protocol(1);
    p.duration = duration;
    const Outcome slow = stepped(pouch(), p), fast = leapt(pouch(), p);
    for (const Outcome& o : {slow, fast}) {
      EXPECT_TRUE(o.finished);
      EXPECT_FALSE(o.complete);
      EXPECT_EQ(o.time, duration);
      EXPECT_GT(o.charge_in, 0);
    }
    EXPECT_LE(slow.steps, duration / 60 + 1);
    EXPECT_NEAR(fast.thickness / slow.thickness, 1, 2e-4);
    EXPECT_NEAR(fast.charge_in, slow.charge_in, 5e-5 * slow.charge_in);
    EXPECT_NEAR(fast.charge_out, slow.charge_out, 5e-5 * slow.charge_in);
    EXPECT_NEAR(fast.voltage, slow.voltage, 1e-3);
  }
}

TEST(Formation, DurationThatJustSuffices) {
  FormationProtocol p = protocol(1);
  const double needed = stepped(pouch(), p).time;
  for (const double duration : {needed - 20, needed + 20}) {
    p.duration = duration;
    EXPECT_EQ(stepped(pouch(), p).complete, duration > needed);
    EXPECT_EQ(leapt(pouch(), p).complete, duration > needed);
  }
}

TEST(Formation, RunGoesOnFromWhereItIs) {
  const Outcome whole = stepped(pouch(), protocol(1));
  for (const double begun : {60.0, 3000.0, 20'000.0, 21'000.0, 30'000.0}) {
    Formation<double> f(pouch(), protocol(1));
    f.advance(begun);
    f.run();
    expect_agreement(outcome_of(f), whole, 5e-5, 2e-4);
  }
}

TEST(Formation, TapChargeComesFirstWhereTheCellIsBelowTheInitialVoltage) {
  FormationProtocol p = protocol(1);
  p.initial_voltage = 3.2;
  Formation<double> f(pouch(), p);
  EXPECT_TRUE(f.tapping());
  EXPECT_NEAR(f.current(), 0.1, 1e-15);
  double last = 0;
  while (f.tapping()) {
    EXPECT_LT(f.voltage(), 3.2);
    last = f.time();
    f.advance(60);
  }
  EXPECT_GT(last, 600);
  EXPECT_TRUE(f.charging_at_constant_current());
  EXPECT_NEAR(f.current(), 1.0, 1e-15);

  p.initial_voltage = 2.0;  // below 2.42 V, the cell as built
  EXPECT_FALSE(Formation<double>(pouch(), p).tapping());
}

TEST(Formation, TapChargeEndsAtTheVoltageLimit) {
  FormationProtocol p = protocol(1);
  p.voltage_limit = 3.7;
  for (const double initial : {3.7, 4.0, 9.0}) {
    p.initial_voltage = initial;
    Formation<double> f(pouch(), p);
    EXPECT_TRUE(f.tapping());
    while (!f.finished()) {
      f.advance(60);
      EXPECT_LE(f.voltage(), 3.7 + 1e-6);
    }
    EXPECT_TRUE(f.complete());
  }
}

TEST(Formation, FullGraphiteOrEmptyCathodeEndsTheCharge) {
  FormationProtocol p = protocol(1);
  p.voltage_limit = 10;
  FormationCell<double> little_graphite = pouch(), little_nmc = pouch();
  little_graphite.anode_capacity = 4;
  little_nmc.anode_capacity = 9;
  for (const auto& cell : {little_graphite, little_nmc}) {
    const bool graphite = cell.anode_capacity < 5;
    for (const Outcome& o : {stepped(cell, p), leapt(cell, p)}) {
      EXPECT_TRUE(o.complete);
      EXPECT_NEAR(graphite ? o.charged_x : o.charged_y, graphite ? 1 : 0, 1e-8);
      EXPECT_LT(o.efficiency(), 1);
    }
  }
}

TEST(Formation, FastChargeOfFullGraphitePlatesLithium) {
  FormationCell<double> cell = pouch();
  EXPECT_GT(leapt(cell, protocol(1)).margin, 0);
  cell.anode_capacity = 4.6;
  cell.anode_resistance = 15e-3;
  EXPECT_LT(leapt(cell, protocol(5)).margin, 0);
}

TEST(Formation, LimitBelowTheCellAsBuiltMeansNoCharge) {
  FormationProtocol p = protocol(1);
  p.voltage_limit = 2.0;
  for (const Outcome& o : {stepped(pouch(), p), leapt(pouch(), p)}) {
    EXPECT_TRUE(o.complete);
    EXPECT_EQ(o.charge_in, 0);
    EXPECT_EQ(o.charge_out, 0);
    EXPECT_EQ(o.efficiency(), 0);
  }
}

TEST(Formation, ACellThatHoldsNothingIsFinishedAtOnce) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<FormationCell<double>> dead(5, pouch());
  dead[0].anode_capacity = 0;
  dead[1].cathode_capacity = -1;
  dead[2].resistance = kInfinity;
  dead[3].anode_capacity = kNan;
  dead[4] = {.resistance = kNan, .sei_resistance = kInfinity, .anode_resistance = kInfinity};
  for (const auto& cell : dead) {
    Formation<double> f(cell, protocol(1));
    EXPECT_TRUE(f.finished());
    EXPECT_FALSE(f.complete());
    f.advance(60);
    f.run();
    for (const double value : {f.time(), f.voltage(), f.charge_in(), f.charge_out(), f.energy_in(), f.energy_out(),
                               f.sei_charge(), f.efficiency(), f.plating_margin()}) {
      EXPECT_EQ(value, 0);
    }
    EXPECT_EQ(f.sei_thickness(), kSeiAsBuilt);
  }
}

void expect_sound(const Case& c, const Outcome& o) {
  SCOPED_TRACE(described(c) + " duration " + std::to_string(c.protocol.duration));
  for (const double value : {o.time, o.charge_in, o.charge_out, o.energy_in, o.energy_out, o.thickness, o.x, o.y,
                             o.charged_x, o.charged_y, o.sei_charge, o.voltage, o.current, o.margin}) {
    EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_TRUE(o.finished);
  EXPECT_GE(o.thickness, kSeiAsBuilt);
  EXPECT_GE(o.charge_in, 0);
  EXPECT_GE(o.charge_out, 0);
  EXPECT_LE(o.time, c.protocol.duration);
  EXPECT_LE(o.charged_x, 1 + 1e-6);
  EXPECT_GE(o.charged_y, -1e-6);
  expect_balance(c, o);
}

TEST(Formation, AnyInputIsSafe) {
  std::mt19937_64 engine(2026);
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(engine() >> 11) * 0x1.0p-53;
  };
  const auto decades = [&](double low, double high) { return std::pow(10, between(low, high)); };
  for (int i = 0; i < 1500; ++i) {
    Case c{.cell = pouch(), .protocol = {}};
    const double size = decades(-6, 3);
    c.cell.anode_capacity = size * decades(-1, 1);
    c.cell.cathode_capacity = size * decades(-1, 1);
    c.cell.sei_area = i % 10 == 0 ? 0 : c.cell.anode_capacity * decades(-1, 3);
    c.cell.resistance = i % 11 == 0 ? 0 : decades(-6, 2);
    c.cell.sei_resistance = decades(0, 8);
    c.protocol = {.current = decades(-6, 3),
                  .voltage_limit = between(0.1, 10),
                  .initial_voltage = i % 2 == 0 ? 1.0 : between(0.1, 10),
                  .duration = decades(0, 5.3),
                  .temperature = between(200, 600)};
    const Outcome slow = stepped(c.cell, c.protocol), fast = leapt(c.cell, c.protocol);
    expect_sound(c, slow);
    expect_sound(c, fast);
    EXPECT_LE(slow.steps, c.protocol.duration / 60 + 2);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(Formation, EndlessDurationsEndToo) {
  for (const double current : {1e-6, 1e-3, 1e3}) {
    for (const double limit : {3.0, 4.2, 10.0}) {
      Case c{.cell = pouch(), .protocol = protocol(current)};
      c.protocol.voltage_limit = limit;
      c.protocol.duration = 1e300;
      expect_sound(c, leapt(c.cell, c.protocol));
    }
  }
}

// ---- Eight cells side by side ---------------------------------------------------------------------------------------

TEST(Formation, LanesAreEightCells) {
  const std::vector<Case> drawn = cases(64);
  for (std::size_t first = 0; first < drawn.size(); first += kLaneCount) {
    // One protocol, eight cells; the last holds nothing.
    const FormationProtocol& p = drawn[first].protocol;
    FormationCell<Lanes> cells;
    std::array<FormationCell<double>, kLaneCount> single;
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      single[i] = drawn[first + i].cell;
      if (i == kLaneCount - 1) single[i].cathode_capacity = 0;
      cells.anode_capacity.set(i, single[i].anode_capacity);
      cells.cathode_capacity.set(i, single[i].cathode_capacity);
      cells.sei_area.set(i, single[i].sei_area);
      cells.resistance.set(i, single[i].resistance);
      cells.sei_resistance.set(i, single[i].sei_resistance);
      cells.anode_resistance.set(i, single[i].anode_resistance);
    }
    Formation<Lanes> fast(cells, p), slow(cells, p);
    fast.run();
    while (!all(slow.finished())) slow.advance(60);
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      SCOPED_TRACE(described({single[i], p}));
      const Outcome a = leapt(single[i], p), b = stepped(single[i], p);
      for (const auto& [lanes, one] : {std::pair{&fast, &a}, std::pair{&slow, &b}}) {
        EXPECT_EQ(lanes->finished()[i], one->finished);
        EXPECT_EQ(lanes->complete()[i], one->complete);
        EXPECT_NEAR(lanes->time()[i], one->time, 1e-6 * one->time);
        EXPECT_NEAR(lanes->charge_in()[i], one->charge_in, 1e-8 * one->charge_in);
        EXPECT_NEAR(lanes->charge_out()[i], one->charge_out, 1e-8 * one->charge_in);
        EXPECT_NEAR(lanes->energy_out()[i], one->energy_out, 1e-7 * one->energy_out);
        EXPECT_NEAR(lanes->sei_thickness()[i], one->thickness, 1e-8 * one->thickness);
        EXPECT_NEAR(lanes->anode()[i], one->x, 1e-8);
        EXPECT_NEAR(lanes->cathode()[i], one->y, 1e-8);
        EXPECT_NEAR(lanes->charged_anode()[i], one->charged_x, 1e-8);
        EXPECT_NEAR(lanes->charged_cathode()[i], one->charged_y, 1e-8);
        EXPECT_NEAR(lanes->plating_margin()[i], one->margin, 1e-7);
      }
    }
  }
}

}  // namespace
}  // namespace battery_twin::process
