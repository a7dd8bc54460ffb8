// Drying and calendering of the mechanistic plant: the numbers of the 5 Ah pouch, computed independently of this code,
// and what the equations say beside it. Tolerances are half of the last digit given.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "electrode_testing.hpp"
#include "mechanistic/calendaring.hpp"
#include "mechanistic/drying.hpp"

namespace battery_twin::process::testing {
namespace {

// ---- Drying ------------------------------------------------------------------------------------------------------

TEST(Drying, EvaporationAtFourTemperatures) {
  struct Row {
    double celsius, water, nmp;  // g/(m² s)
  };
  for (const Row& row : {Row{60, 1.33, 0.33}, Row{80, 1.92, 0.82}, Row{100, 2.55, 1.71}, Row{120, 3.22, 3.05}}) {
    const DryerAir air{.temperature = row.celsius + kZeroCelsius};
    EXPECT_NEAR(1e3 * evaporation(Line::anode, air).rate, row.water, 0.005) << row.celsius;
    EXPECT_NEAR(1e3 * evaporation(Line::cathode, air).rate, row.nmp, 0.005) << row.celsius;
  }
  EXPECT_NEAR(1e3 * evaporation(Line::anode, {.vapour_pressure = 1e3}).rate, 2.48, 0.005) << "in humid air";
}

TEST(Drying, SaturationPressuresAreThoseOfTheTables) {
  EXPECT_NEAR(saturation_pressure(Line::anode, 373.15), kAtmosphere, 0.005 * kAtmosphere);
  EXPECT_NEAR(saturation_pressure(Line::anode, 298.15), 3169, 0.005 * 3169);
  EXPECT_NEAR(saturation_pressure(Line::cathode, 475.15), kAtmosphere, 1e-6);
  EXPECT_NEAR(saturation_pressure(Line::cathode, 293.15), 36, 0.5);
}

TEST(Drying, ThePouchsFilmsAreDryAfterHalfOfTheDryer) {
  EXPECT_NEAR(dryer(Line::anode).paced()["time_to_dry"], 103, 0.5);
  EXPECT_NEAR(dryer(Line::cathode).paced()["time_to_dry"], 139, 0.5);
  EXPECT_NEAR(dryer(Line::anode).paced()["time_to_dry"] * 0.05, 5.15, 0.05) << "metres";
  EXPECT_NEAR(dryer(Line::cathode).paced()["time_to_dry"] * 0.05, 7.0, 0.05);
  EXPECT_EQ(dryer(Line::cathode).paced().steps.size(), 200u);
  EXPECT_NEAR(dryer(Line::anode).paced()["dry_thickness"], 103.7e-6, 0.05e-6);
  EXPECT_NEAR(dryer(Line::cathode).paced()["dry_thickness"], 88.3e-6, 0.05e-6);
}

TEST(Drying, WhatIsLeftInFasterWebs) {
  struct Row {
    double speed, anode, cathode, tolerance;  // shares of the solvent
  };
  for (const Row& row : {Row{0.1, 0.001, 0.010, 0.0005}, Row{0.2, 0.06, 0.17, 0.005}, Row{0.5, 0.53, 0.65, 0.005}}) {
    for (const Line line : kElectrodes) {
      const Done film = dryer(line).with("web_speed", row.speed).paced();
      EXPECT_NEAR(film["residual_solvent"], line == Line::anode ? row.anode : row.cathode, row.tolerance) << row.speed;
    }
  }
  const Done wet = dryer(Line::cathode).with("web_speed", 0.2).paced();
  EXPECT_EQ(wet["wet_web"], 1);
  EXPECT_EQ(wet.outcome(), Outcome::scrap);
  EXPECT_TRUE(wet.remarks_on("% of the solvent is left after 50 s in the dryer"));
  const Done damp = dryer(Line::cathode).with("web_speed", 0.11).paced();
  EXPECT_EQ(damp["not_dry"], 1);
  EXPECT_EQ(damp["wet_web"], 0);
  EXPECT_EQ(damp.outcome(), Outcome::rework);
}

TEST(Drying, MostOfTheSolventLeavesInLessThanHalfOfTheTime) {
  for (const Line line : kElectrodes) {
    const double needed = dryer(line).paced()["time_to_dry"];
    const auto residual = [&](double time) {
      return dryer(line).with("web_speed", 10 / time).paced()["residual_solvent"];
    };
    EXPECT_NEAR(residual(0.427 * needed), 0.10, 0.0005);
    EXPECT_NEAR(residual(needed), 1e-3, 1e-6);
  }
}

TEST(Drying, TheFilmShrinksUntilItsSolidsTouch) {
  const Done film = dryer(Line::anode).paced();
  const double dried = film["solid_loading"] / (2190.5 * 0.48);
  EXPECT_NEAR(film["dry_thickness"], dried, 5e-9);
  EXPECT_NEAR(film.at(0, "dry_thickness"), film["wet_thickness"], 3e-6);
  EXPECT_EQ(film.at(199, "dry_thickness"), film.at(60, "dry_thickness")) << "then the pores empty";
  EXPECT_GT(film.at(60, "M_solvent"), 1e-3);
  EXPECT_NEAR(film["porosity"], 0.52, 1e-12);
  EXPECT_NEAR(dryer(Line::cathode).paced()["porosity"], 0.48, 1e-12);
}

TEST(Drying, FastDryingCostsAdhesion) {
  // 3 % binder, 2.55 g/m²s of water, 20 N/m·exp(−j/j_b).
  EXPECT_NEAR(dryer(Line::anode).paced()["adhesion"], 20 * std::exp(-2.55 / 2), 0.03);
  const double binder = 0.0195 / 0.669;
  EXPECT_NEAR(dryer(Line::cathode).paced()["adhesion"], 20 * binder / 0.03 * std::exp(-1.71 / 2), 0.03);
  const double peclet = 2.55e-3 / 997 * 159.2e-6 / 1e-10;
  EXPECT_NEAR(dryer(Line::anode).paced()["binder_gradient"], peclet / (1 + peclet), 1e-3);
}

TEST(Drying, ThickFilmsCrack) {
  EXPECT_EQ(dryer(Line::anode).with("wet_thickness", 225e-6).paced()["defect_risk"], 0);
  const Done thick = dryer(Line::anode).with("wet_thickness", 235e-6).paced();
  EXPECT_EQ(thick["defect_risk"], 1) << "above 150 µm dry";
  EXPECT_TRUE(thick.remarks_on("at which films crack"));
  EXPECT_EQ(dryer(Line::cathode).with("wet_thickness", 395e-6).paced()["defect_risk"], 0) << "250 µm from NMP";
  EXPECT_EQ(dryer(Line::cathode).with("wet_thickness", 410e-6).paced()["defect_risk"], 1);
}

TEST(Drying, GivenFilmsTakeThePlaceOfTheCoated) {
  const Machine machine = dryer(Line::anode);
  const Done coated = machine.paced();
  expect_same(coated,
              machine.with("wet_thickness", machine.upstream.anode.wet_thickness).with("solid_content", 0.5).paced(),
              1e-12);
  const Done thicker = machine.with("wet_thickness", 200e-6).paced();
  EXPECT_NEAR(thicker["solid_loading"], 200e-6 * 1370.3 * 0.5, 1e-5);
  const Done denser = machine.with("solid_content", 0.6).paced();
  EXPECT_NEAR(denser["solid_loading"], coated["solid_loading"] * 1.2, 1e-9);
  EXPECT_LT(denser["time_to_dry"], coated["time_to_dry"]);
}

// ---- Calendering -------------------------------------------------------------------------------------------------

TEST(Calendering, ThePouchsElectrodes) {
  const Done anode = calender(Line::anode).paced();
  EXPECT_NEAR(anode["final_thickness"], 74.3e-6, 0.05e-6);
  EXPECT_NEAR(anode["porosity"], 0.330, 0.0005);
  EXPECT_NEAR(anode["density"], 1468, 0.5);
  EXPECT_NEAR(anode["line_load"], 84e3, 0.5e3);
  const Done cathode = calender(Line::cathode).paced();
  EXPECT_NEAR(cathode["final_thickness"], 63.9e-6, 0.05e-6);
  EXPECT_NEAR(cathode["porosity"], 0.281, 0.0005);
  EXPECT_NEAR(cathode["density"], 3126, 0.5);
  EXPECT_NEAR(cathode["line_load"], 298e3, 0.5e3);
  EXPECT_NEAR(cathode["highest_load"], 628e3, 0.5e3);
  EXPECT_NEAR(anode["macmullin_number"], std::pow(0.330, -2.0), 0.02);
  EXPECT_NEAR(cathode["macmullin_number"], std::pow(0.281, -1.6), 0.02);
  EXPECT_NEAR(anode["contact_resistance"], std::exp(-(0.52 - 0.330) / 0.08), 1e-3);
}

TEST(Calendering, PressureDecidesUntilTheGapDoes) {
  struct Row {
    double pressure, porosity;
    bool limited;
  };
  for (const Row& row : {Row{0.5e6, 0.418, true}, Row{1e6, 0.369, true}, Row{2e6, 0.299, true}, Row{2.3e6, 0, true},
                         Row{2.45e6, 0.281, false}, Row{5e6, 0.281, false}}) {
    const Done film = calender(Line::cathode).with("roll_pressure", row.pressure).paced();
    if (row.porosity > 0) {
      EXPECT_NEAR(film["porosity"], row.porosity, 0.0005) << row.pressure;
    }
    EXPECT_EQ(film["force_limited"], row.limited) << row.pressure;
    EXPECT_EQ(film.remarks_on("the rolls give at most"), row.limited);
    EXPECT_EQ(film["line_load"] == film["highest_load"], row.limited);
  }
}

TEST(Calendering, AGapWiderThanTheFilmPressesNothing) {
  const Done film = calender(Line::anode).with("roll_gap", 110e-6).paced();
  EXPECT_EQ(film["not_pressed"], 1);
  EXPECT_EQ(film["line_load"], 0);
  EXPECT_NEAR(film["final_thickness"], 103.7e-6, 0.05e-6);
  EXPECT_NEAR(film["porosity"], 0.52, 1e-12);
  EXPECT_TRUE(film.remarks_on("nothing is pressed"));
  // Spring-back gives no film thicker than before.
  EXPECT_NEAR(calender(Line::anode).with("roll_gap", 101e-6).paced()["porosity"], 0.52, 1e-12);
}

TEST(Calendering, ParticlesCrackNearTheLeastPorosity) {
  const Done film = calender(Line::anode).with("roll_gap", 50e-6).with("roll_pressure", 1e7).paced();
  EXPECT_EQ(film["defect_risk"], 1);
  EXPECT_TRUE(film.remarks_on("particles crack"));
  EXPECT_GT(film["porosity"], 0.20);
  EXPECT_NEAR(film["porosity"], 0.20, 0.01) << "a gap that asks for more leaves the decision to the force";
  EXPECT_TRUE(film.remarks_on("is close to the least one of 0.2: "));
  const Done dense = calender(Line::anode).with("initial_porosity", 0.1).paced();
  EXPECT_EQ(dense["defect_risk"], 1);
  EXPECT_TRUE(dense.remarks_on("porosity 0.1 is below the least one of 0.2: particles crack"));
  EXPECT_FALSE(dense.remarks_on("is close to"));
}

TEST(Calendering, WarmRollsPressFurtherAndFastOnesLess) {
  const Machine weak = calender(Line::cathode).with("roll_pressure", 1e6);
  const double usual = weak.paced()["porosity"];
  EXPECT_LT(weak.with("temperature", 383.15).paced()["porosity"], usual);
  EXPECT_GT(weak.with("temperature", 298.15).paced()["porosity"], usual);
  EXPECT_EQ(weak.with("roll_speed", 0.02).paced()["porosity"], usual) << "no effect below 5 m/min";
  EXPECT_EQ(weak.with("roll_speed", 0.083).paced()["porosity"], usual);
  EXPECT_GT(weak.with("roll_speed", 0.5).paced()["porosity"], usual);
  // The line load is γ(T) times a logarithm of the porosities: γ falls by .4 % per kelvin.
  const Machine strong = calender(Line::cathode);
  EXPECT_NEAR(strong.with("temperature", 298.15).paced()["line_load"] / strong.paced()["line_load"],
              1 / (1 - 0.004 * 55), 1e-12);
}

TEST(Calendering, GivenFilmsTakeThePlaceOfTheDried) {
  const Machine machine = calender(Line::anode);
  const double dried = machine.upstream.anode.dry_thickness;
  expect_same(machine.paced(), machine.with("initial_porosity", 0.52).paced(), 1e-12);
  expect_same(machine.paced(), machine.with("dry_thickness", dried).paced(), 1e-9);
  EXPECT_LT(machine.with("initial_porosity", 0.45).paced()["line_load"], machine.paced()["line_load"]);
  EXPECT_GT(machine.with("dry_thickness", 120e-6).paced()["line_load"], machine.paced()["line_load"]);
  const Done both = machine.with("initial_porosity", 0.45).with("dry_thickness", 120e-6).paced();
  EXPECT_EQ(both.properties, machine.with("initial_porosity", 0.45).paced().properties);
  EXPECT_TRUE(both.remarks_on("is not used"));
  EXPECT_NEAR(both["solid_loading"], machine.paced()["solid_loading"], 0) << "the solids stay";
}

TEST(Calendering, NoiseIsInTheGapAndTheLocalLoading) {
  double batches = 0, cells = 0, loading = 0;
  constexpr int kBatches = 300;
  Machine machine = calender(Line::cathode);
  const double spread = machine.upstream.cathode.loading_deviation;
  EXPECT_NEAR(spread, 0.22 * std::sqrt(0.8e-3 * 0.8e-3 + 0.5e-3 * 0.5e-3 + 5e-3 * 5e-3), 1e-9);
  for (machine.seed = 0; *machine.seed < kBatches; ++*machine.seed) {
    const double gap = machine.block(false, true, false).front()["roll_gap"];
    batches += std::pow(gap - 61.4e-6, 2);
    for (const Done& cell : machine.block()) {
      cells += std::pow(cell["roll_gap"] - gap, 2);
      loading += std::pow(cell["local_loading"] - 1, 2);
      EXPECT_NEAR(cell["solid_loading"], machine.upstream.cathode.solid_loading * cell["local_loading"], 1e-15);
    }
  }
  EXPECT_NEAR(std::sqrt(batches / kBatches), 0.5e-6, 0.06e-6);
  EXPECT_NEAR(std::sqrt(cells / (kBatches * kLanes)), 0.3e-6, 0.015e-6);
  EXPECT_NEAR(std::sqrt(loading / (kBatches * kLanes)), spread, 0.05 * spread);
}

}  // namespace
}  // namespace battery_twin::process::testing
