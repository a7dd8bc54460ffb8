#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "process_testing.hpp"

namespace battery_twin::process::testing {
namespace {

TEST(NoiseInModels, SlittingRedrawsTheWidthEveryStepAndHandsOnTheLast) {
  std::set<double> widths;
  double squares = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Product product;
    const Trace trace =
        run(slitting(), Line::anode, product, slitting().defaults(ModelSet::reference, Line::anode), seed);
    for (std::size_t t = 0; t < trace.steps.size(); ++t) {
      const double deviation = trace.at(t, "epsilon_width");
      EXPECT_EQ(trace.at(t, "width_final") - 0.5, deviation);
      EXPECT_EQ(trace.at(t, "defect_risk"), std::abs(deviation) > 0.1 ? 1.0 : 0.0);
      widths.insert(trace.at(t, "width_final"));
      squares += deviation * deviation;
    }
    EXPECT_EQ(product.anode.width, trace.last("width_final"));
  }
  EXPECT_EQ(widths.size(), 3000u);
  EXPECT_NEAR(std::sqrt(squares / 3000), 0.05, 0.005);
}

TEST(NoiseInModels, InspectionFindsUpToTwoDefectsAndNoThicknessFault) {
  std::set<double> defects;
  Product product;
  product.anode.dry_thickness = 118e-6;
  const Values values = inspection().defaults(ModelSet::reference, Line::anode);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Trace trace = run(inspection(), Line::anode, product, values, seed);
    for (std::size_t t = 0; t < trace.steps.size(); ++t) {
      defects.insert(trace.at(t, "D_detected"));
      EXPECT_LE(std::abs(trace.at(t, "epsilon_thickness")), 118e-12);
      EXPECT_EQ(trace.at(t, "Pass_thickness"), 1.0);
    }
  }
  EXPECT_EQ(defects, (std::set<double>{0, 1, 2}));
}

TEST(NoiseInModels, MixingShowsNoiseButHandsOnTheExactSlurry) {
  const Values values = mixing().defaults(ModelSet::reference, Line::anode);
  Product exact;
  const Trace calm = run(mixing(), Line::anode, exact, values);
  std::set<double> shown;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Product product;
    const Trace trace = run(mixing(), Line::anode, product, values, seed);
    shown.insert(trace.last("viscosity"));
    EXPECT_EQ(product.anode.viscosity, exact.anode.viscosity);
    EXPECT_EQ(trace.last("AM_volume"), calm.last("AM_volume"));
    // k_v is at most 0.3 per kelvin and the slurry within one kelvin of 25 °C.
    EXPECT_LE(std::abs(std::log(trace.last("viscosity") / calm.last("viscosity"))), 0.3001);
    EXPECT_LE(std::abs(trace.last("total_volume") / calm.last("total_volume") - 1), 0.0015);
  }
  EXPECT_EQ(shown.size(), 20u);
}

}  // namespace
}  // namespace battery_twin::process::testing
