// Slitting and inspection of the mechanistic plant: what becomes of the web.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cell_line_testing.hpp"
#include "mechanistic/inspection.hpp"
#include "mechanistic/slitting.hpp"

namespace battery_twin::process::testing::cell_line {
namespace {

// ---- Slitting ----------------------------------------------------------------------------------------------------

TEST(Slitting, CutsThePresetsWebInto296Electrodes) {
  const Done result = Trial{.type = slitting()}.paced();
  EXPECT_EQ(result["strips"], 296);
  EXPECT_EQ(result.product.cathode.strips, 296);
  EXPECT_NEAR(result["trim_scrap"], 1 - 8 * 0.058 / 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(result["width_final"], 0.058);
  EXPECT_DOUBLE_EQ(result["final_thickness"], 63.9e-6) << "the calendered coating, not the dried one";
  EXPECT_EQ(result.steps.size(), 50u) << "100 m at 0.1 m/s in steps of 20 s";
  EXPECT_EQ(result.steps.front()[output(slitting(), "strips")], 0);
}

TEST(Slitting, RaisesTheBurrThatTheFormulaGives) {
  EXPECT_DOUBLE_EQ(burr_height(1, 10e-6, 1, 100), 4e-6);
  const Done cathode = Trial{.type = slitting()}.paced();
  const double expected = 4e-6 * (1 + 100 / 20e3) * std::sqrt(1.5) * std::pow(0.1, 0.2) * std::pow(0.5, 0.3);
  EXPECT_NEAR(cathode["burr_height"], expected, 1e-15);
  EXPECT_NEAR(cathode["burr_height"], 2.52e-6, 0.005e-6);
  EXPECT_NEAR(cathode["burr_factor"], cathode["burr_height"] / 5e-6, 1e-12);
  const Done anode = Trial{.type = slitting(), .line = Line::anode}.paced();
  EXPECT_NEAR(cathode["burr_height"] / anode["burr_height"], std::sqrt(1.5), 1e-12) << "thicker foil";
}

TEST(Slitting, WearsTheBladeWithTheLengthCut) {
  const Done result = Trial{.type = slitting()}.paced();
  const std::size_t burr = output(slitting(), "burr_height"),
                    sharpness = output(slitting(), "blade_sharpness_effective");
  for (std::size_t t = 1; t < result.steps.size(); ++t) {
    EXPECT_GT(result.steps[t][burr], result.steps[t - 1][burr]);
    EXPECT_LT(result.steps[t][sharpness], result.steps[t - 1][sharpness]);
  }
  Trial long_web{.type = slitting()};
  long_web.design.coated_length = 10'000;
  EXPECT_NEAR(long_web.paced()["blade_sharpness_effective"], 1 / 1.5, 1e-12);
}

TEST(Slitting, ScrapsAWebThatGivesNoStrip) {
  const Done wide = Trial{.type = slitting()}.with("target_width", 0.6).paced();
  EXPECT_EQ(wide["no_strip"], 1);
  EXPECT_EQ(wide.outcome(), Outcome::scrap);
  EXPECT_DOUBLE_EQ(wide["width_final"], 0.5);
  EXPECT_TRUE(mentions(wide.remarks, "too narrow"));
  Trial short_web{.type = slitting()};
  short_web.design.coated_length = 2;
  EXPECT_TRUE(mentions(short_web.paced().remarks, "too short"));
  EXPECT_EQ(short_web.paced()["no_strip"], 1);
}

TEST(Slitting, AnExactMultipleOfTheWidthLosesNoLane) {
  const Done result = Trial{.type = slitting()}.with("target_width", 0.1).paced();
  EXPECT_EQ(result["strips"], 5 * 37);
  EXPECT_NEAR(result["trim_scrap"], 0, 1e-12);
}

TEST(Slitting, WarnsOfHighBurrsAndScrapsThoseThatReachThroughTheSeparator) {
  const Done high = Trial{.type = slitting()}.with("blade_sharpness", 0.22).paced();
  EXPECT_GT(high["burr_height"], 10e-6);
  EXPECT_EQ(high["defect_risk"], 1);
  EXPECT_EQ(high["burr_through"], 0);
  EXPECT_EQ(high.outcome(), Outcome::pass);
  const Done through = Trial{.type = slitting()}.with("blade_sharpness", 0.1).paced();
  EXPECT_EQ(through["burr_through"], 1);
  EXPECT_EQ(through.outcome(), Outcome::scrap);
  EXPECT_TRUE(mentions(through.remarks, "pierces the separator"));
}

TEST(Slitting, RemarksThatTheFoilIsOverstretched) {
  // 150 N on 0.5 m of 15 µm: 20 MPa.
  EXPECT_FALSE(mentions(Trial{.type = slitting()}.with("slitting_tension", 149).paced().remarks, "in the foil"));
  EXPECT_TRUE(mentions(Trial{.type = slitting()}.with("slitting_tension", 151).paced().remarks, "in the foil"));
}

TEST(Slitting, ScattersFromCellToCellAndFromBatchToBatch) {
  double squares = 0, logs = 0;
  constexpr int kBatches = 500;
  for (int seed = 0; seed < kBatches; ++seed) {
    for (const Done& cell : Trial{.type = slitting(), .seed = seed * 10}.block(false, true)) {
      squares += cell["epsilon_width"] * cell["epsilon_width"];
      logs += std::pow(std::log(cell["burr_height"] / 2.52e-6), 2);
    }
  }
  EXPECT_NEAR(std::sqrt(squares / (kBatches * kLanes)), 0.0707e-3, 0.004e-3) << "0.05 mm twice";
  EXPECT_NEAR(std::sqrt(logs / (kBatches * kLanes)), 0.2, 0.01);
}

// ---- Inspection --------------------------------------------------------------------------------------------------

TEST(Inspection, SeesHalfOfTheDefectsOf80Micrometres) {
  EXPECT_DOUBLE_EQ(detection_probability(80e-6), 0.5);
  EXPECT_GT(detection_probability(100e-6), detection_probability(60e-6));
  // The probit approximation of the same mean, μ/√(1 + πs²/8) as the logit, is good to a few thousandths.
  const double logit = std::log(100 / 80.0) / 0.3 / std::sqrt(1 + std::numbers::pi / 8 * std::pow(0.5 / 0.3, 2));
  EXPECT_NEAR(mean_detection_probability(), 1 / (1 + std::exp(-logit)), 5e-3);
}

TEST(Inspection, TestsEachLimit) {
  struct Case {
    std::string_view field, test;
    double limit;
    double Web::*property;
    double value;
  };
  const double area = 0.058 * 2.666;
  for (const Case& c : {Case{"epsilon_width_max", "Pass_width", 0.2e-3, &Web::epsilon_width, -0.3e-3},
                        Case{"epsilon_thickness_max", "Pass_thickness", 2.5e-6, &Web::thickness, 63.9e-6 + 3e-6},
                        Case{"B_max", "Pass_burr", 2, &Web::burr_height, 11e-6},
                        Case{"D_surface_max", "Pass_surface", 0.5, &Web::defect_density, 2 / area}}) {
    Trial run{.type = inspection()};
    EXPECT_EQ(run.values[inspection().index_of(c.field).value()], c.limit);
    run.upstream.cathode.*c.property = c.value;
    const Done fails = run.paced();
    EXPECT_EQ(fails[c.test], 0) << c.field;
    EXPECT_EQ(fails["Overall"], 0);
    EXPECT_EQ(fails.outcome(), Outcome::scrap);
    EXPECT_EQ(std::count(fails.properties.begin() + 7, fails.properties.begin() + 11, 0.0), 1) << "that test alone";
    EXPECT_FALSE(fails.remarks.empty());
    const Done passes = Trial(run).with(c.field, c.limit * 10).paced();
    EXPECT_EQ(passes[c.test], 1) << c.field;
    EXPECT_EQ(passes.outcome(), Outcome::pass);
  }
}

TEST(Inspection, CountsGrowWithTheStripInspected) {
  Trial run{.type = inspection()};
  run.upstream.cathode.defect_density = 100;
  const Done result = run.paced();
  ASSERT_EQ(result.steps.size(), 10u);
  const std::size_t found = output(inspection(), "D_detected"), escapes = output(inspection(), "escapes");
  for (std::size_t t = 1; t < 10; ++t) EXPECT_GE(result.steps[t][found], result.steps[t - 1][found]);
  EXPECT_LT(result.steps[0][found], result["D_detected"]);
  EXPECT_EQ(result["true_defects"], result["D_detected"] + result["escapes"]) << "no false alarm without noise";
  EXPECT_EQ(result.product.cathode.escapes, result.steps.back()[escapes]);
  EXPECT_GT(result.product.cathode.escapes, 0);
}

TEST(Inspection, SeenAndMissedDefectsAreThinnedPoissonNumbers) {
  Trial run{.type = inspection()};
  run.upstream.cathode.defect_density = 2 / (0.058 * 2.666);  // two on a strip
  double seen = 0, missed = 0, alarms = 0, both = 0;
  constexpr int kBlocks = 1000;
  for (int block = 0; block < kBlocks; ++block) {
    run.seed = block * 10;
    for (const Done& cell : run.block(false, true)) {
      const double detected = cell["D_detected"] - cell["false_alarms"];
      seen += detected;
      missed += cell["escapes"];
      both += detected * cell["escapes"];
      alarms += cell["false_alarms"];
    }
  }
  const double cells = kBlocks * kLanes, probability = mean_detection_probability();
  EXPECT_NEAR(seen / cells, 2 * probability, 4 * std::sqrt(2 * probability / cells));
  EXPECT_NEAR(missed / cells, 2 * (1 - probability), 4 * std::sqrt(2 * (1 - probability) / cells));
  EXPECT_NEAR(alarms / cells, 0.002 * 2.666, 4 * std::sqrt(0.002 * 2.666 / cells));
  EXPECT_NEAR(both / cells - seen / cells * (missed / cells), 0, 0.05) << "independent of each other";
}

TEST(Inspection, MeasuresWithGaugesThatScatter) {
  double width = 0, thickness = 0, loading = 0;
  constexpr int kBlocks = 500;
  for (int block = 0; block < kBlocks; ++block) {
    for (const Done& cell : Trial{.type = inspection(), .seed = block * 10}.block(false, true)) {
      width += std::pow(cell["final_width"] - cell["true_width"], 2);
      thickness += std::pow(cell["final_thickness"] - cell["true_thickness"], 2);
      loading += std::pow(cell["loading_measured"] / cell["true_loading"] - 1, 2);
      EXPECT_NEAR(cell["epsilon_width"], cell["final_width"] - 0.058, 1e-12);
      EXPECT_NEAR(cell["epsilon_thickness"], cell["final_thickness"] - 63.9e-6, 1e-15);
    }
  }
  EXPECT_NEAR(std::sqrt(width / (kBlocks * kLanes)), 20e-6, 1e-6);
  EXPECT_NEAR(std::sqrt(thickness / (kBlocks * kLanes)), 0.5e-6, 0.025e-6);
  EXPECT_NEAR(std::sqrt(loading / (kBlocks * kLanes)), 0.003, 0.00015);
}

TEST(Inspection, SaysWhichTestsCannotFail) {
  const auto remarks = [](const Values& values) {
    std::vector<std::string> found;
    mechanistic(inspection()).remarks(values, cell_designs().front(), found);
    return found;
  };
  EXPECT_TRUE(remarks(inspection().defaults(ModelSet::mechanistic, Line::anode)).empty());
  const std::vector<std::string> found = remarks(inspection().defaults(ModelSet::reference, Line::anode));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], "epsilon_width_max 0.1 m: this test cannot fail");
  EXPECT_EQ(found[1], "epsilon_thickness_max 1e-05 m: this test cannot fail");
  EXPECT_EQ(found[2], "D_surface_max 3: electrodes with more than 10 defects per m2 pass");
}

}  // namespace
}  // namespace battery_twin::process::testing::cell_line
