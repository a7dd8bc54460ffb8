// Mixing and coating of the mechanistic plant, and what holds for all of its electrode line: the numbers of the 5 Ah
// pouch, computed independently of this code, and what the equations say beside it. Tolerances are half of the last
// digit given.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "electrode_testing.hpp"
#include "mechanistic/coating.hpp"
#include "mechanistic/mixing.hpp"

namespace battery_twin::process::testing {
namespace {

const std::array<Machine, 8>& machines() {
  static const std::array<Machine, 8> all{mixer(Line::anode),    mixer(Line::cathode),   coater(Line::anode),
                                          coater(Line::cathode), dryer(Line::anode),     dryer(Line::cathode),
                                          calender(Line::anode), calender(Line::cathode)};
  return all;
}

// ---- What holds for all four -------------------------------------------------------------------------------------

TEST(ElectrodeLine, PublishesThePythonNamesFirst) {
  for (const Machine& machine : machines()) {
    const auto reference = machine.type.model(ModelSet::reference).outputs;
    const auto outputs = mechanistic(machine.type).outputs;
    ASSERT_GT(outputs.size(), reference.size());
    for (std::size_t i = 0; i < reference.size(); ++i) EXPECT_EQ(outputs[i].name, reference[i].name);
    EXPECT_EQ(outputs.back().name, kMachineEnergy);
    for (const Output& o : outputs) EXPECT_EQ(o.kind == Kind::boolean, o.verdict != Verdict::none) << o.name;
  }
}

TEST(ElectrodeLine, DefaultsMakeGoodElectrodesWithoutRemarks) {
  for (const Machine& machine : machines()) {
    const Done done = machine.paced();
    EXPECT_EQ(done.outcome(), Outcome::pass) << machine.type.name;
    EXPECT_TRUE(done.remarks.empty()) << machine.type.name << ": " << done.remarks.front();
    EXPECT_GT(done[kMachineEnergy], 0) << machine.type.name;
    for (std::size_t i = 0; i < done.properties.size(); ++i)
      EXPECT_FALSE(mechanistic(machine.type).outputs[i].is_defect(done.properties[i]))
          << machine.type.name << ' ' << mechanistic(machine.type).outputs[i].name;
  }
}

TEST(ElectrodeLine, StepsAndTheWayInOneGoEndInTheSameState) {
  for (Machine machine : machines()) {
    // Mixing is integrated: its wide steps are good to 2e-4. The others have closed forms.
    const double tolerance = &machine.type == &mixing() ? 2e-4 : 1e-12;
    expect_same(machine.paced(), machine.block().front(), tolerance);
    expect_same(machine.paced(), machine.block(true).front(), 1e-12);
    for (machine.seed = 1; *machine.seed <= 20; ++*machine.seed) {
      const auto stepped = machine.block(true), at_once = machine.block(false);
      for (std::size_t i = 0; i < kLanes; ++i) expect_same(stepped[i], at_once[i], tolerance);
      expect_same(machine.paced(), machine.block(true, true, false).front(), 1e-12);
    }
  }
}

TEST(ElectrodeLine, UpToDryingTheCellsOfABatchAreAlike) {
  for (Machine machine : machines()) {
    EXPECT_EQ(mechanistic(machine.type).per_batch, &machine.type != &calendaring());
    if (&machine.type == &calendaring()) continue;
    machine.seed = 7;
    const auto cells = machine.block();
    for (const Done& cell : cells) EXPECT_EQ(cell.properties, cells.front().properties) << machine.type.name;
  }
}

// ---- Mixing ------------------------------------------------------------------------------------------------------

TEST(Mixing, ThePouchsAnodeSlurry) {
  const Done slurry = mixer(Line::anode).paced();
  EXPECT_NEAR(slurry["density"], 1370.3, 0.05);
  EXPECT_NEAR(slurry["packing"], 0.295, 0.0005);
  EXPECT_NEAR(slurry["viscosity"], 0.344, 0.0005);
  EXPECT_NEAR(slurry["yield_stress"], 3.37, 0.005);
  EXPECT_NEAR(slurry["agglomerates"], 0.197, 0.0005);
  EXPECT_NEAR(slurry["temperature"] - kZeroCelsius, 27.7, 0.05);
  EXPECT_NEAR(slurry["solid_content"], 0.5, 1e-12);
  EXPECT_NEAR(slurry.product.anode.solid_density, 2190.5, 0.05);
}

TEST(Mixing, ThePouchsCathodeSlurry) {
  const Done slurry = mixer(Line::cathode).paced();
  EXPECT_NEAR(slurry["density"], 2101.3, 0.05);
  EXPECT_NEAR(slurry["packing"], 0.300, 0.0005);
  EXPECT_NEAR(slurry["viscosity"], 0.729, 0.0005);
  EXPECT_NEAR(slurry["yield_stress"], 3.14, 0.005);
  EXPECT_NEAR(slurry["agglomerates"], 0.042, 0.0005);
  EXPECT_NEAR(slurry["temperature"] - kZeroCelsius, 30.2, 0.05);
  EXPECT_NEAR(slurry["solid_content"], 0.669, 1e-12);
  EXPECT_NEAR(slurry.product.cathode.solid_density, 4346.6, 0.05);
}

// The viscosity once more, from what is published beside it.
double viscosity_of(Line line, const Done& slurry, double temperature) {
  const bool anode = line == Line::anode;
  const double binder = slurry["PVDF"] * (anode ? 1.0 / 3 : 1), c = binder / (binder + slurry["solvent"]);
  const double medium = (anode ? 0.89e-3 : 1.65e-3) * (1 + c / 0.005 + std::pow(c / (anode ? 0.0015 : 0.008), 2.5)) *
                        std::exp(16e3 / kGasConstant * (1 / temperature - 1 / 298.15));
  const double effective = slurry["packing"] * (1 + 0.15 * slurry["agglomerates"]);
  return medium * std::pow(1 - effective / 0.60, -1.8);
}

TEST(Mixing, ViscosityFollowsKriegerAndDoughertyAndFallsWithTemperature) {
  for (const Line line : kElectrodes) {
    const Done slurry = mixer(line).paced();
    EXPECT_NEAR(slurry["viscosity"], viscosity_of(line, slurry, slurry["temperature"]), 1e-9);
    EXPECT_GT(viscosity_of(line, slurry, 298.15), slurry["viscosity"]);
  }
  // Held at 25 °C the slurries have .364 and .812 Pa·s; the colder, stiffer paste also loses a few more agglomerates.
  EXPECT_NEAR(viscosity_of(Line::anode, mixer(Line::anode).paced(), 298.15), 0.364, 0.003);
  EXPECT_NEAR(viscosity_of(Line::cathode, mixer(Line::cathode).paced(), 298.15), 0.812, 0.003);
}

TEST(Mixing, ThePythonPlantsRatiosAreStiffButNoPowder) {
  const Done anode = mixer(Line::anode, 0.495, 0.045, 0.05, 0.41).paced();
  const Done cathode = mixer(Line::cathode, 0.513, 0.039, 0.098, 0.35).paced();
  // At 25 °C. So stiff a paste warms its mixer, by 53 and 65 K here, and is thinner then.
  EXPECT_NEAR(viscosity_of(Line::anode, anode, 298.15), 14.9, 0.05);
  EXPECT_NEAR(viscosity_of(Line::cathode, cathode, 298.15), 16.9, 0.05);
  EXPECT_NEAR(anode["packing"], 0.348, 0.0005);
  EXPECT_NEAR(cathode["packing"], 0.245, 0.0005);
  EXPECT_NEAR(anode["density"], 1435, 0.5);
  EXPECT_NEAR(cathode["density"], 1907, 0.5);
  for (const Done* slurry : {&anode, &cathode}) {
    EXPECT_EQ((*slurry)["not_coatable"], 0);
    EXPECT_GT((*slurry)["viscosity"], 5);
    EXPECT_GT((*slurry)["temperature"], 345);
  }
  // Binder 8.5 and 15 % of the solids.
  std::vector<std::string> remarks;
  mechanistic(mixing()).remarks({0.495, 0.045, 0.05, 0.41}, cell_designs().front(), remarks);
  EXPECT_TRUE(mentions(remarks, "binder 8.47 % of the solids"));
  remarks.clear();
  mechanistic(mixing()).remarks({0.513, 0.039, 0.098, 0.35}, cell_designs().front(), remarks);
  EXPECT_TRUE(mentions(remarks, "binder 15.08 % of the solids"));
}

TEST(Mixing, TheReadmesRatiosAreDampPowder) {
  for (const Done& slurry :
       {mixer(Line::anode, 0.8, 0.1, 0.05, 0.05).paced(), mixer(Line::cathode, 0.9, 0.05, 0.03, 0.02).paced(),
        mixer(Line::anode, 0.85, 0.08, 0.04, 0.03).paced()}) {
    // 9e4 Pa·s and more at 25 °C; hot as the mixer makes it still too much for any die.
    EXPECT_GT(slurry["viscosity"], 1e4);
    EXPECT_GT(slurry["viscosity"] * std::exp(16e3 / kGasConstant * (1 / 298.15 - 1 / slurry["temperature"])), 9e4);
    EXPECT_EQ(slurry["not_coatable"], 1);
    EXPECT_EQ(slurry.outcome(), Outcome::scrap);
    EXPECT_TRUE(slurry.remarks_on("damp powder"));
    EXPECT_TRUE(not_finite(slurry).empty());
  }
}

TEST(Mixing, TheTankHoldsTheDesignsVolumeAndWhatWasDosed) {
  const Machine anode = mixer(Line::anode);
  const Done slurry = anode.paced();
  EXPECT_EQ(slurry.steps.size(), 261u) << "130 minutes in steps of 30 s, and the solvent before";
  EXPECT_NEAR(slurry["total_volume"], anode.design.slurry_volume, 1e-15);
  EXPECT_NEAR(slurry["AM_volume"] + slurry["CA_volume"] + slurry["PVDF_volume"] + slurry["H2O_volume"],
              anode.design.slurry_volume, 1e-15);
  EXPECT_NEAR(slurry["AM_volume"] * 2260 / (anode.design.slurry_volume * slurry["density"]), 0.475, 1e-12);
  // Solvent first, then binder, carbon and active material.
  EXPECT_GT(slurry.at(0, "H2O_volume"), 0);
  EXPECT_EQ(slurry.at(0, "PVDF_volume"), 0);
  EXPECT_EQ(slurry.at(80, "CA_volume"), 0);
  EXPECT_NEAR(slurry.at(80, "PVDF_volume"), slurry["PVDF_volume"], 1e-15);
  EXPECT_EQ(slurry.at(160, "AM_volume"), 0);
  EXPECT_NEAR(slurry.at(160, "CA_volume"), slurry["CA_volume"], 1e-15);
}

TEST(Mixing, CarbonDispersesWithTheWorkPutIn) {
  const Done slurry = mixer(Line::cathode).paced();
  for (std::size_t t = 1; t < slurry.steps.size(); ++t) {
    EXPECT_GT(slurry.at(t, "mixing_work"), slurry.at(t - 1, "mixing_work"));
    EXPECT_LE(slurry.at(t, "agglomerates"), slurry.at(t - 1, "agglomerates"));
  }
  EXPECT_EQ(slurry.at(80, "agglomerates"), 1) << "until carbon comes";
  // dA/dE = −(A − .02)/5e6 J/m³ from there on.
  const double work = slurry["mixing_work"] - slurry.at(80, "mixing_work");
  EXPECT_NEAR(slurry["agglomerates"], 0.02 + 0.98 * std::exp(-work / 5e6), 1e-9);
}

TEST(Mixing, NoiseIsInDosingTemperatureAndViscometer) {
  std::array<double, 4> sum{}, squares{};
  constexpr int kBatches = 400;
  const std::array<std::string_view, 4> fields{"AM", "CA", "PVDF", "solvent"};
  double temperature = 0, viscosity = 0;
  Machine machine = mixer(Line::cathode);
  for (machine.seed = 0; *machine.seed < kBatches; ++*machine.seed) {
    const Done slurry = machine.block().front();
    double total = 0;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const double relative = slurry[fields[i]] / mixer(Line::cathode).values[i].value() - 1;
      sum[i] += relative;
      squares[i] += relative * relative;
      total += slurry[fields[i]];
    }
    EXPECT_NEAR(total, 1, 1e-14);
    temperature += std::pow(slurry["temperature"] - (30.2 + kZeroCelsius), 2);
    viscosity += std::pow(slurry["viscosity"] / slurry.product.cathode.viscosity - 1, 2);
  }
  // Each ±.2 %, less its own share in the sum: √((1 − w)² + Σ w_j²)·.2 %.
  const std::array weights{0.630, 0.0195, 0.0195, 0.331};
  for (std::size_t i = 0; i < 4; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < 4; ++j) others += j == i ? 0 : weights[j] * weights[j];
    const double expected = 0.002 * std::sqrt(std::pow(1 - weights[i], 2) + others);
    EXPECT_NEAR(std::sqrt(squares[i] / kBatches), expected, 0.12 * expected) << fields[i];
    EXPECT_NEAR(sum[i] / kBatches, 0, 4 * expected / std::sqrt(kBatches)) << fields[i];
  }
  EXPECT_NEAR(std::sqrt(temperature / kBatches), 0.5, 0.06);
  EXPECT_NEAR(std::sqrt(viscosity / kBatches), 0.03, 0.003);
}

// ---- Coating -----------------------------------------------------------------------------------------------------

TEST(Coating, ThePouchsWetFilms) {
  const Done anode = coater(Line::anode).paced();
  EXPECT_NEAR(anode["wet_thickness"], 159.2e-6, 0.05e-6);
  EXPECT_NEAR(anode["solid_loading"], 109.076e-3, 0.0005e-3);
  EXPECT_NEAR(anode["solvent_loading"], 109.1e-3, 0.05e-3);
  EXPECT_NEAR(anode["gap_ratio"], 0.64, 0.005);
  EXPECT_NEAR(anode["capillary_number"], 0.255, 0.0005);
  EXPECT_NEAR(anode["bead_pressure"], 402, 0.5);
  EXPECT_NEAR(anode["dry_thickness"], 103.7e-6, 0.05e-6);
  const Done cathode = coater(Line::cathode).paced();
  EXPECT_NEAR(cathode["wet_thickness"], 142.0e-6, 0.05e-6);
  EXPECT_NEAR(cathode["solid_loading"], 199.619e-3, 0.0005e-3);
  EXPECT_NEAR(cathode["solvent_loading"], 98.8e-3, 0.05e-3);
  EXPECT_NEAR(cathode["gap_ratio"], 0.57, 0.005);
  EXPECT_NEAR(cathode["capillary_number"], 0.79, 0.005);
  EXPECT_NEAR(cathode["bead_pressure"], 410, 0.5);
  EXPECT_NEAR(cathode["dry_thickness"], 88.3e-6, 0.05e-6);
  EXPECT_EQ(cathode.steps.size(), 100u) << "100 m at 0.05 m/s in steps of 20 s";
  for (std::size_t t = 0; t < 100; ++t) EXPECT_NEAR(cathode.at(t, "coated_length"), static_cast<double>(t + 1), 1e-9);
}

TEST(Coating, LowFlowLimitFollowsTheCapillaryNumber) {
  struct Row {
    double capillary, least;  // over the gap
  };
  for (const Row& row : {Row{0.01, 0.030}, Row{0.03, 0.060}, Row{0.1, 0.126}, Row{0.3, 0.230}, Row{1, 0.400}}) {
    Machine machine = coater(Line::cathode);
    Web& slurry = machine.upstream.cathode;
    slurry.yield_stress = 0;
    slurry.consistency = row.capillary * 0.040 / 0.05 * std::pow(0.05 / 250e-6, 0.25);
    const Done film = machine.paced();
    EXPECT_NEAR(film["capillary_number"], row.capillary, 1e-12);
    EXPECT_NEAR(film["least_wet_thickness"] / 250e-6, row.least, 0.0005);
    slurry.consistency *= 1e6;
    EXPECT_NEAR(machine.paced()["least_wet_thickness"] / 250e-6, 0.6, 1e-12) << "levels off";
  }
}

TEST(Coating, OutsideOfTheWindowTheFilmHasDefects) {
  const Machine machine = coater(Line::anode);
  const Done inside = machine.paced();
  EXPECT_NEAR(inside["defect_density"], 0.02 + 0.2 * inside.product.anode.agglomerates, 1e-12);
  const Done thin = machine.with("flow_rate", 1e-6).paced();
  EXPECT_LT(thin["wet_thickness"], thin["least_wet_thickness"]);
  EXPECT_EQ(thin["broken_bead"], 1);
  EXPECT_EQ(thin["defect_risk"], 1);
  EXPECT_EQ(thin.outcome(), Outcome::scrap);
  EXPECT_TRUE(thin.remarks_on("the bead breaks"));
  EXPECT_NEAR(thin["defect_density"], inside["defect_density"] + 2, 1e-12);
  // The Python plant's gap and flow: the wet film fills the whole gap.
  const Done weeping = machine.with("gap_height", 200e-6).with("flow_rate", 5e-6).paced();
  EXPECT_NEAR(weeping["gap_ratio"], 1.0, 1e-12);
  EXPECT_EQ(weeping["weeping"], 1);
  EXPECT_EQ(weeping["broken_bead"], 0);
  EXPECT_EQ(weeping.outcome(), Outcome::pass) << "a warning";
  EXPECT_TRUE(weeping.remarks_on("the die weeps"));
  EXPECT_EQ(machine.with("flow_rate", 2e-5).paced()["broken_bead"], 1) << "more than the gap holds";
}

TEST(Coating, FastWebsEntrainAir) {
  const Machine machine = coater(Line::cathode);
  EXPECT_EQ(machine.paced()["air_entrained"], 0);
  const Done fast = machine.with("coating_speed", 1.0).with("flow_rate", 3.55e-6 * 20).paced();
  EXPECT_EQ(fast["air_entrained"], 1);
  EXPECT_TRUE(fast.remarks_on("air is entrained"));
  EXPECT_NEAR(fast["wet_thickness"], 142.0e-6, 0.05e-6);
}

TEST(Coating, NoiseIsInFlowAndSpeed) {
  double flow = 0, speed = 0;
  constexpr int kBatches = 400;
  Machine machine = coater(Line::anode);
  for (machine.seed = 0; *machine.seed < kBatches; ++*machine.seed) {
    const Done film = machine.block().front();
    flow += std::pow(film["flow_rate"] / 3.98e-6 - 1, 2);
    speed += std::pow(film["coating_speed"] / 0.05 - 1, 2);
    EXPECT_NEAR(film["wet_thickness"], film["flow_rate"] / (film["coating_speed"] * 0.5), 1e-18);
  }
  EXPECT_NEAR(std::sqrt(flow / kBatches), MechanisticCoating<double>::kFlowVariation, 0.1e-3);
  EXPECT_NEAR(std::sqrt(speed / kBatches), MechanisticCoating<double>::kSpeedVariation, 0.06e-3);
}

}  // namespace
}  // namespace battery_twin::process::testing
