// Winding and filling of the mechanistic plant: what becomes of the roll.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "cell_line_testing.hpp"
#include "mechanistic/electrolyte_filling.hpp"
#include "mechanistic/rewinding.hpp"

namespace battery_twin::process::testing::cell_line {
namespace {

// ---- Winding -----------------------------------------------------------------------------------------------------

TEST(Winding, ThePythonPlantsRollHasTheStressAndPressureOfThePage) {
  const double stress = 100 / (0.5 * 268e-6);
  EXPECT_NEAR(stress, 0.75e6, 0.005e6);
  const double diameter = roll_diameter(0.2, 12.0, 268e-6);
  EXPECT_NEAR(radial_pressure(stress, 0.3, 0.1, 0.1, diameter / 2), 36e3, 0.5e3);
}

TEST(Winding, KnowsWhatFitsIntoACan) {
  const double stack = Trial{.type = rewinding()}.paced()["final_thickness"];
  EXPECT_NEAR(stack, 333e-6, 0.5e-6);
  EXPECT_NEAR(length_that_fits(17.5e-3, 2e-3, stack), 0.712, 0.0005);
  EXPECT_NEAR(length_that_fits(20.4e-3, 2e-3, stack), 0.971, 0.0005);
  EXPECT_NEAR(roll_diameter(2e-3, length_that_fits(17.5e-3, 2e-3, stack), stack), 17.5e-3, 1e-12);
}

TEST(Winding, PressureFallsOutwardsAndIsTheIntegralOfTheStress) {
  constexpr double kCore = 0.015, kOuter = 0.02, kStress = 1e6;
  for (const double taper : {0.0, 1e-13, 1e-9, 0.3, 1.0, 5.0}) {
    double integral = 0;
    constexpr int kSlices = 20'000;
    for (int i = 0; i < kSlices; ++i) {
      const double s = kCore + (kOuter - kCore) * (i + 0.5) / kSlices;
      integral += kStress * std::pow(kCore / s, taper) / s * (kOuter - kCore) / kSlices;
    }
    EXPECT_NEAR(radial_pressure(kStress, taper, kCore, kCore, kOuter), integral, 1e-6 * integral) << taper;
    double before = integral * (1 + 1e-6);
    for (double r = kCore; r < kOuter; r += 1e-4) {
      const double p = radial_pressure(kStress, taper, kCore, r, kOuter);
      EXPECT_LT(p, before);
      EXPECT_GE(p, 0);
      before = p;
    }
    EXPECT_NEAR(radial_pressure(kStress, taper, kCore, kOuter, kOuter), 0, 1e-9);
  }
}

TEST(Winding, ThePouchIsWoundAsDesigned) {
  const Done result = Trial{.type = rewinding()}.paced();
  EXPECT_NEAR(result["active_area"], 0.1546, 0.00005);
  EXPECT_NEAR(result["porosity"], 0.322, 0.0005);
  EXPECT_DOUBLE_EQ(result["wound_length"], 1.333);
  EXPECT_DOUBLE_EQ(result["overhang"], 0.75e-3);
  EXPECT_EQ(result.steps.size(), 3u) << "1.333 m at 0.5 m/s in steps of 1 s";
  EXPECT_NEAR(result.steps[0][output(rewinding(), "wound_length")], 0.5, 1e-12);
  EXPECT_EQ(result.product.cell.area, result["active_area"]);
  EXPECT_EQ(result.product.cell.overhang, result["overhang"]);
  const double grown = std::pow(result["roll_diameter"], 2) - 0.03 * 0.03;
  EXPECT_NEAR(grown, 4 * 1.333 * result["final_thickness"] / std::numbers::pi, 1e-15);
}

TEST(Winding, ASingleSidedFoilIsThinnerAndLonger) {
  Trial run{.type = rewinding()};
  run.design.faces = 1;
  const Done result = run.paced();
  EXPECT_DOUBLE_EQ(result["wound_length"], 2.666);
  EXPECT_NEAR(result["final_thickness"], 74.3e-6 + 63.9e-6 + 25e-6 + 32e-6, 1e-15);
}

TEST(Winding, TheAnodeMustOverlapTheCathodeButNotByMuch) {
  Trial run{.type = rewinding()};
  run.upstream.anode.width = 0.056;
  const Done narrow = run.paced();
  EXPECT_NEAR(narrow["overhang"], -0.25e-3, 1e-12);
  EXPECT_EQ(narrow["anode_too_narrow"], 1);
  EXPECT_EQ(narrow.outcome(), Outcome::scrap);
  EXPECT_NEAR(narrow["active_area"], (0.058 - 0.5e-3) * 2.666, 1e-12);
  run.upstream.anode.width = 0.060;
  const Done wide = run.paced();
  EXPECT_EQ(wide["anode_too_wide"], 1);
  EXPECT_EQ(wide.outcome(), Outcome::scrap);
  EXPECT_NEAR(wide["active_area"], 0.058 * 2.666, 1e-12);
}

TEST(Winding, SoftRollsTelescopeAndTightOnesCrushTheCore) {
  const Done soft = Trial{.type = rewinding()}.with("initial_tension", 0.3).paced();
  EXPECT_LT(soft["roll_hardness"], 2e3);
  EXPECT_EQ(soft["telescoping"], 1);
  EXPECT_TRUE(mentions(soft.remarks, "telescope"));
  const Done tight = Trial{.type = rewinding()}.with("initial_tension", 100).paced();
  EXPECT_GT(tight["winding_stress"], 3e6);
  EXPECT_EQ(tight["crushed_core"], 1);
  EXPECT_EQ(tight.outcome(), Outcome::pass) << "a risk, no verdict";
}

TEST(Winding, ARollThatDoesNotFitItsCanIsScrap) {
  Trial run{.type = rewinding(), .design = cell_designs().back()};
  ASSERT_GT(run.design.can_diameter, 0);
  EXPECT_EQ(run.paced()["does_not_fit"], 0);
  run.design.electrode_length = 1.5;
  EXPECT_EQ(run.paced()["does_not_fit"], 1);
  EXPECT_EQ(run.paced().outcome(), Outcome::scrap);
}

TEST(Winding, HumidRoomsWetTheElectrodes) {
  EXPECT_DOUBLE_EQ(moisture_uptake(0, 1e4), 100e-6);
  EXPECT_DOUBLE_EQ(moisture_uptake(0.3, 3600), 700e-6);
  const Done dry = Trial{.type = rewinding()}.paced();
  EXPECT_NEAR(dry["moisture"], 107e-6, 0.5e-6);
  EXPECT_EQ(dry["moist"], 0);
  const Done humid = Trial{.type = rewinding()}.with("environment_humidity", 30).paced();
  EXPECT_EQ(humid["moist"], 1);
  EXPECT_EQ(humid.product.cell.moisture, humid["moisture"]);
  EXPECT_TRUE(mentions(humid.remarks, "ppm of water"));
}

// ---- Filling -----------------------------------------------------------------------------------------------------

TEST(Filling, WetsAsThePageSays) {
  EXPECT_NEAR(time_to_wet(0.30e-3, 0.029) / 3600, 2.6, 0.05);
  EXPECT_NEAR(wetted_share(0.30e-3, 10, 0.029, 0.0), 0.033, 0.0005);
  EXPECT_DOUBLE_EQ(wetted_share(0.30e-3, 1e6, 0.029, 0.01), 0.99);
  EXPECT_NEAR(time_to_wet(0.30e-3, 0.058) / time_to_wet(0.30e-3, 0.029), 4, 1e-12) << "as the width's square";
  EXPECT_DOUBLE_EQ(wetting_at(298.15), 1);
  EXPECT_NEAR(std::pow(wetting_at(308.15), 2), std::exp(15e3 / 8.314462618 * (1 / 298.15 - 1 / 308.15)), 1e-12);
}

TEST(Filling, ThePouchIsWetAndHasItsDose) {
  const Done result = Trial{.type = electrolyte_filling()}.paced();
  EXPECT_GT(result["eta_wetting"], 0.995);
  EXPECT_EQ(result["dry_area"], 0);
  EXPECT_NEAR(result["V_max"], 7.68e-6, 0.005e-6);
  EXPECT_NEAR(result["V_sep"] + result["V_elec"], result["V_max"], 1e-18);
  EXPECT_NEAR(result["electrolyte_volume"], 1.2 * result["V_max"], 1e-18);
  EXPECT_NEAR(result["electrolyte_mass"] * 1e3 / 5, 2.2, 0.05) << "g per nominal Ah";
  EXPECT_EQ(result.product.cell.electrolyte_volume, result["electrolyte_volume"]);
  EXPECT_EQ(result.product.cell.electrolyte_mass, result["electrolyte_mass"]);
  EXPECT_EQ(result.product.cell.wetting, result["eta_wetting"]);
  EXPECT_EQ(result.steps.size(), 157u) << "9400 s in steps of 60 s";
}

TEST(Filling, SlowCellsAreWetTooWithThreeDeviations) {
  const Done result = Trial{.type = electrolyte_filling()}.paced();
  EXPECT_LT(time_to_wet(result["wetting_rate"] * 0.7, 0.029), 9400);
}

TEST(Filling, WettingRisesWithTimeAndStaysAShare) {
  const Done result = Trial{.type = electrolyte_filling()}.with("soaking_time", 40'000).paced();
  const std::size_t wetting = output(electrolyte_filling(), "eta_wetting");
  double before = 0;
  for (const auto& step : result.steps) {
    EXPECT_GT(step[wetting], before);
    EXPECT_LE(step[wetting], 1);
    before = step[wetting];
  }
}

TEST(Filling, TenSecondsAreNotEnough) {
  const Done result = Trial{.type = electrolyte_filling()}.with("soaking_time", 10).paced();
  EXPECT_LT(result["eta_wetting"], 0.06);
  EXPECT_EQ(result["dry_area"], 1);
  EXPECT_EQ(result["defect_risk"], 1);
  EXPECT_EQ(result.outcome(), Outcome::rework);
  EXPECT_TRUE(mentions(result.remarks, "formation must wait"));
}

TEST(Filling, ADoseBelowThePoresLeavesThemDry) {
  Trial run{.type = electrolyte_filling()};
  run.design.electrolyte_factor = 0.7;
  const Done result = run.paced();
  EXPECT_DOUBLE_EQ(result["eta_wetting"], 0.7);
  EXPECT_EQ(result["dry_area"], 1);
  EXPECT_TRUE(mentions(result.remarks, "less than the pores'"));
}

TEST(Filling, OpenPoresWetFasterUpToALimit) {
  const auto rate = [](double porosity) {
    Trial run{.type = electrolyte_filling()};
    run.upstream.cell.porosity = porosity;
    return run.paced()["wetting_rate"];
  };
  EXPECT_NEAR(rate(0.4) / rate(0.2), 8, 1e-9);
  EXPECT_DOUBLE_EQ(rate(0.55), rate(0.8));
  EXPECT_NEAR(rate(0.322), 0.43e-3 * std::sqrt(1 - 0.5 * 2000 / 101325.0), 1e-12);
}

TEST(Filling, ScattersFromCellToCell) {
  double dose = 0, rate = 0;
  const Done nominal = Trial{.type = electrolyte_filling()}.paced();
  constexpr int kBlocks = 500;
  for (int block = 0; block < kBlocks; ++block) {
    for (const Done& cell : Trial{.type = electrolyte_filling(), .seed = block * 10}.block(false, true)) {
      dose += std::pow(cell["electrolyte_volume"] / nominal["electrolyte_volume"] - 1, 2);
      rate += std::pow(cell["wetting_rate"] / nominal["wetting_rate"] - 1, 2);
    }
  }
  EXPECT_NEAR(std::sqrt(dose / (kBlocks * kLanes)), 0.005, 0.00025);
  EXPECT_NEAR(std::sqrt(rate / (kBlocks * kLanes)), 0.1, 0.005);
}

}  // namespace
}  // namespace battery_twin::process::testing::cell_line
