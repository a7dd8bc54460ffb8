#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include "../lanes.hpp"

/// Potentials of graphite and NMC against lithium, without current, at 25 °C.
///
/// Both are fits by Mohtat, Lee, Sulzer, Siegel, Stefanopoulou: "Differential expansion and voltage model for Li-ion
/// batteries at practical charging rates", J. Electrochem. Soc. 167 (2020) 110561, as PyBaMM's Mohtat2020 has them.
namespace battery_twin::process {
namespace {

// Graphite: U = c + e·exp(−k(x + s)) − Σ height·tanh((x − centre)/width), V. x is the share of the sites that hold
// lithium. The steps are the graphite's stages; the last one drops away where it is full.
inline constexpr double kGraphiteOffset = 0.063, kGraphiteHeight = 0.8, kGraphiteDecay = 75, kGraphiteShift = 0.001;
struct GraphiteStage {
  double height, centre, width;
};
inline constexpr std::array<GraphiteStage, 6> kGraphiteStages{{{0.012, 0.127, 0.016},
                                                               {0.0118, 0.155, 0.016},
                                                               {0.0035, 0.22, 0.02},
                                                               {0.0095, 0.19, 0.013},
                                                               {0.0145, 0.49, 0.02},
                                                               {0.08, 1.03, 0.055}}};

// Below x = 0.03 all stages are at their upper end, and the potential is this and the exponential.
inline constexpr double kGraphiteFloor = [] {
  double floor = kGraphiteOffset;
  for (const GraphiteStage& stage : kGraphiteStages) floor += stage.height;
  return floor;
}();

// NMC: U = Σ cₙyⁿ − e·exp(ky − s), V.
inline constexpr std::array<double, 6> kNmcPolynomial{4.3452, -1.6518, 1.6225, -2.0843, 3.5146, -2.2166};
inline constexpr double kNmcHeight = 0.5623e-4, kNmcGrowth = 109.451, kNmcShift = 100.006;

/// V.
[[maybe_unused]] inline double graphite_potential(double x) {
  double u = kGraphiteOffset + kGraphiteHeight * std::exp(-kGraphiteDecay * (x + kGraphiteShift));
  for (const auto& [height, centre, width] : kGraphiteStages) u -= height * std::tanh((x - centre) / width);
  return u;
}

/// x of nearly empty graphite, by how much its potential is above kGraphiteFloor, V; good from 0.1 V on.
template <class L>
[[gnu::always_inline]] inline L nearly_empty_graphite(const L& above) {
  return log(kGraphiteHeight / max(above, 1e-3)) * (1 / kGraphiteDecay) - kGraphiteShift;
}

/// V per unit of x.
[[maybe_unused]] inline double graphite_slope(double x) {
  double slope = -kGraphiteDecay * kGraphiteHeight * std::exp(-kGraphiteDecay * (x + kGraphiteShift));
  for (const auto& [height, centre, width] : kGraphiteStages) {
    const double t = std::tanh((x - centre) / width);
    slope -= height / width * (1 - t * t);
  }
  return slope;
}

/// An integral of the potential over x, V.
[[maybe_unused]] inline double graphite_integral(double x) {
  double integral =
      kGraphiteOffset * x - kGraphiteHeight / kGraphiteDecay * std::exp(-kGraphiteDecay * (x + kGraphiteShift));
  for (const auto& [height, centre, width] : kGraphiteStages) {
    const double z = std::abs((x - centre) / width);
    integral -= height * width * (z + std::log1p(std::exp(-2 * z)));  // ln cosh, but for a constant
  }
  return integral;
}

/// V.
[[maybe_unused]] inline double nmc_potential(double y) {
  double u = 0;
  for (std::size_t n = kNmcPolynomial.size(); n-- > 0;) u = u * y + kNmcPolynomial[n];
  return u - kNmcHeight * std::exp(kNmcGrowth * y - kNmcShift);
}

/// V per unit of y.
[[maybe_unused]] inline double nmc_slope(double y) {
  double slope = 0;
  for (std::size_t n = kNmcPolynomial.size(); n-- > 1;) slope = slope * y + static_cast<double>(n) * kNmcPolynomial[n];
  return slope - kNmcHeight * kNmcGrowth * std::exp(kNmcGrowth * y - kNmcShift);
}

/// An integral of the potential over y, V.
[[maybe_unused]] inline double nmc_integral(double y) {
  double integral = 0;
  for (std::size_t n = kNmcPolynomial.size(); n-- > 0;) {
    integral = integral * y + kNmcPolynomial[n] / static_cast<double>(n + 1);
  }
  return integral * y - kNmcHeight / kNmcGrowth * std::exp(kNmcGrowth * y - kNmcShift);
}

/// The same as tables: a sixth of the cost, within 4e-6 V. They reach beyond [0, 1] by a sixty-fourth, where the
/// graphite rises to 2.6 V and the NMC falls below zero: no cell discharges past either with a voltage of use.
/// Still further out they keep their last value.
struct OpenCircuitTables {
  static constexpr double kLowest = -1.0 / 64, kHighest = 1 + 1.0 / 64;

  CubicTable graphite{kLowest, kHighest, graphite_potential, graphite_slope};
  CubicTable nmc{kLowest, kHighest, nmc_potential, nmc_slope};
  CubicTable graphite_area{kLowest, kHighest, graphite_integral, graphite_potential};
  CubicTable nmc_area{kLowest, kHighest, nmc_integral, nmc_potential};
};

[[maybe_unused]] inline const OpenCircuitTables& open_circuit_tables() {
  static const OpenCircuitTables tables;
  return tables;
}

}  // namespace
}  // namespace battery_twin::process
