// The whole chain of the mechanistic plant, from mixing to aging, as populations of cells: what they are like.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <string>

#include "battery_twin/plant/statistics.hpp"
#include "population_testing.hpp"

namespace battery_twin::plant::testing::populations {
namespace {

// ---- Plausible cells ---------------------------------------------------------------------------------------------

// What a mature line makes. Cell to cell: 0.2 to 0.3 % in capacity and 0.7 to 3.8 % in impedance are published for
// commercial cells.
struct Band {
  std::optional<double> EndOfLine::*figure;
  double low, high;
};

void expect_within(const EndOfLine& figures, std::span<const Band> bands) {
  for (const Band& band : bands) {
    const auto* known = std::ranges::find(kFigures, band.figure, &process::Figure::member);
    ASSERT_NE(known, kFigures.end());
    ASSERT_TRUE((figures.*band.figure).has_value()) << known->name;
    EXPECT_GE(*(figures.*band.figure), band.low) << known->name;
    EXPECT_LE(*(figures.*band.figure), band.high) << known->name;
  }
}

constexpr std::array kPouchBands{Band{&EndOfLine::capacity_Ah, 4.9, 5.25},
                                 Band{&EndOfLine::energy_Wh, 18.3, 19.6},
                                 Band{&EndOfLine::internal_resistance_mOhm, 12, 30},
                                 Band{&EndOfLine::first_cycle_efficiency, 0.87, 0.93},
                                 Band{&EndOfLine::self_discharge_mV_per_day, 0.02, 0.15},
                                 Band{&EndOfLine::electrolyte_g_per_Ah, 1.3, 2.6},
                                 Band{&EndOfLine::np_ratio, 1.03, 1.20},
                                 Band{&EndOfLine::mass_g, 60, 110}};
constexpr std::array kRoundBands{Band{&EndOfLine::capacity_Ah, 2.0, 2.8},
                                 Band{&EndOfLine::energy_Wh, 7.4, 10.4},
                                 Band{&EndOfLine::internal_resistance_mOhm, 25, 60},
                                 Band{&EndOfLine::first_cycle_efficiency, 0.87, 0.93},
                                 Band{&EndOfLine::self_discharge_mV_per_day, 0.02, 0.15},
                                 Band{&EndOfLine::electrolyte_g_per_Ah, 1.3, 2.6},
                                 Band{&EndOfLine::np_ratio, 1.03, 1.20},
                                 Band{&EndOfLine::mass_g, 35, 55}};

TEST(Population, ThePouchIsACellThatIsMadeToday) {
  Moments yield, spread;
  for (const BatchFigures& batch : run(default_recipe(), seeds_from(1, 32))) {
    const EndOfLine& figures = batch.figures;
    expect_within(figures, kPouchBands);
    EXPECT_EQ(figures.cells_started, 296);
    EXPECT_NEAR(*figures.cells_good, *figures.yield * 296, 1e-9);
    // A single cell that wets slowly, and so holds less, widens the spread of its batch.
    spread.add(*figures.capacity_deviation_Ah / *figures.capacity_Ah);
    EXPECT_GE(*figures.energy_Wh / *figures.capacity_Ah, 3.70);
    EXPECT_LE(*figures.energy_Wh / *figures.capacity_Ah, 3.76);
    double lost = 0;
    for (const auto& [cause, cells] : *figures.scrap_causes) lost += cells;
    EXPECT_NEAR(lost, 296 - *figures.cells_good, 1e-9) << "every lost cell has one cause";
    yield.add(*figures.yield);
  }
  EXPECT_GE(spread.mean, 0.0015);
  EXPECT_LE(spread.mean, 0.0035);
  EXPECT_GE(spread.least, 0.0010);
  EXPECT_LE(spread.most, 0.006);
  EXPECT_GE(yield.mean, 0.90);
  EXPECT_LE(yield.mean, 0.98);
}

TEST(Population, CellsScatterAsMuchAsMadeOnesDo) {
  Moments capacity, resistance;
  std::set<std::pair<std::uint64_t, std::uint32_t>> told;
  const Population population(standard_layout(), {}, default_recipe());
  const auto seeds = seeds_from(100, 8);
  tell_cells(population, seeds, [&](const CellBlock& block) {
    ASSERT_GE(block.count, 1u);
    for (std::size_t lane = 0; lane < block.count; ++lane) {
      EXPECT_EQ(block.seeds[lane], seeds[block.batch[lane]]);
      EXPECT_TRUE(told.emplace(block.seeds[lane], block.cells[lane]).second) << "told twice";
      if (block.cause[lane] >= 0) continue;
      capacity.add(block.figures[0].lane[lane]);
      resistance.add(block.figures[2].lane[lane]);
    }
  });
  EXPECT_EQ(told.size(), 8u * 296);
  EXPECT_GE(capacity.deviation() / capacity.mean, 0.0015);
  EXPECT_LE(capacity.deviation() / capacity.mean, 0.0035);
  EXPECT_GE(resistance.deviation() / resistance.mean, 0.003);
  EXPECT_LE(resistance.deviation() / resistance.mean, 0.02);
}

TEST(Population, TheRoundCellIsOneTooAndFitsItsCan) {
  for (const BatchFigures& batch : run(default_recipe(), seeds_from(1, 8), {.design = round_cell()})) {
    expect_within(batch.figures, kRoundBands);
    EXPECT_GE(*batch.figures.yield, 0.85);
    EXPECT_EQ(batch.figures.cells_started, 8 * 71);
    EXPECT_EQ(batch.figures.scrap_causes->count("rewinding_cell does_not_fit"), 0u);
  }
}

TEST(Population, WithoutNoiseTheDefaultBatchHasNoDefectAtAll) {
  const BatchFigures batch = run(default_recipe(), {1}, {.noise = false}).front();
  EXPECT_TRUE(batch.defects.empty()) << batch.defects.front();
  EXPECT_EQ(batch.figures.yield, 1.0);
  EXPECT_LT(*batch.figures.capacity_deviation_Ah, 1e-12);
  EXPECT_TRUE(batch.figures.scrap_causes->empty());
  // By hand: 0.15463 m² with a little gas left in the pores, and ten days in the store.
  const double area = 0.058 * 2.666 * (1 - 0.1 * 20 / 1013.25 * std::exp(-9400.0 / 43'200));
  EXPECT_NEAR(*batch.figures.np_ratio, 1.1025, 0.0005);
  EXPECT_NEAR(*batch.figures.capacity_Ah, 5.1080 * area / 0.1546 * (1 - 0.0016), 0.001);
}

TEST(Population, EnergyIsCountedForEveryMachine) {
  const EndOfLine figures = run(default_recipe(), {1}).front().figures;
  ASSERT_EQ(figures.machine_energy_kWh->size(), standard_layout().stations().size());
  std::set<std::string_view> counted;
  for (const EndOfLine::MachineEnergy& energy : *figures.machine_energy_kWh) {
    EXPECT_TRUE(counted.insert(energy.process).second) << energy.process;
    EXPECT_NE(standard_layout().find_process(energy.process), nullptr) << energy.process;
    EXPECT_GT(energy.value, 0) << energy.process;
  }
}

// ---- Recipes of the Python plant ---------------------------------------------------------------------------------

TEST(Population, ThePythonPlantsDefaultsRunAndGiveNoGoodCell) {
  const Recipe recipe = default_recipe(ModelSet::reference);
  for (const CellDesign& design : process::cell_designs()) {
    const BatchOutcome outcome = run_batch(standard_layout(), ModelSet::mechanistic, {.design = design}, 7, recipe);
    EXPECT_EQ(outcome.error, "");
    EXPECT_FALSE(outcome.passed);
    EXPECT_EQ(outcome.figures.cells_good, 0);
    // What a real line would complain of: the die weeps, nothing is wet after ten seconds, nothing is formed in 200.
    EXPECT_TRUE(has(outcome.defects, "coating_anode: weeping"));
    EXPECT_TRUE(has(outcome.defects, "coating_cathode: weeping"));
    EXPECT_TRUE(has(outcome.defects, "electrolyte_filling_cell: dry_area"));
    EXPECT_TRUE(has(outcome.defects, "formation_cycling_cell: incomplete"));
    EXPECT_TRUE(has(outcome.defects, "rewinding_cell: moist"));
    EXPECT_NEAR(*nominal(recipe, design).np_ratio, 1.45, 0.02);
  }
}

TEST(Population, TheReadmesRecipesRunAndGiveNoGoodCell) {
  for (const Recipe& recipe : readme_recipes()) {
    const BatchOutcome outcome = run_batch(standard_layout(), ModelSet::mechanistic, {}, 7, recipe);
    EXPECT_EQ(outcome.error, "");
    EXPECT_FALSE(outcome.passed);
    EXPECT_EQ(outcome.figures.cells_good, 0);
    EXPECT_EQ(outcome.figures.yield, 0.0);
    EXPECT_TRUE(has(outcome.defects, "mixing_anode: not_coatable"));
    EXPECT_TRUE(has(outcome.defects, "mixing_cathode: not_coatable"));
    ASSERT_EQ(outcome.figures.scrap_causes->size(), 1u);
    EXPECT_EQ(outcome.figures.scrap_causes->begin()->first, "mixing_anode not_coatable") << "the first cause counts";
    for (const process::Figure& figure : kFigures) {
      if ((outcome.figures.*figure.member).has_value()) {
        EXPECT_TRUE(std::isfinite(*(outcome.figures.*figure.member))) << figure.name;
      }
    }
  }
}

TEST(Population, SomeCellsStandForAll) {
  const EndOfLine some = run(default_recipe(), {9}, {.cells = 40}).front().figures;
  const EndOfLine all = run(default_recipe(), {9}).front().figures;
  EXPECT_EQ(some.cells_started, 296);
  EXPECT_NEAR(*some.cells_good, *some.yield * 296, 1e-9);
  EXPECT_NEAR(*some.capacity_Ah, *all.capacity_Ah, 4 * *all.capacity_deviation_Ah / std::sqrt(40));
  const EndOfLine one = run(default_recipe(), {9}, {.cells = 1}).front().figures;
  EXPECT_EQ(one.cells_started, 296);
  EXPECT_FALSE(one.capacity_deviation_Ah.has_value());
}

TEST(Population, TakesOneToEightBatches) {
  const Population population(standard_layout(), {}, {});
  EXPECT_THROW(tell_cells(population, {}, {}), std::invalid_argument);
  EXPECT_THROW(tell_cells(population, seeds_from(1, 9), {}), std::invalid_argument);
}

}  // namespace
}  // namespace battery_twin::plant::testing::populations
