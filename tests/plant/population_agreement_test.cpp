// However a population is computed, it is the same: in wide steps or the plant's, alone or among others, many or few.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <string>

#include "battery_twin/plant/statistics.hpp"
#include "battery_twin/plant/study.hpp"
#include "population_testing.hpp"

namespace battery_twin::plant::testing::populations {
namespace {

// ---- Wide steps, literal steps, the paced plant ------------------------------------------------------------------

void expect_close(const EndOfLine& a, const EndOfLine& b, double tolerance) {
  for (const process::Figure& figure : kFigures) {
    ASSERT_EQ((a.*figure.member).has_value(), (b.*figure.member).has_value()) << figure.name;
    if (!(a.*figure.member)) continue;
    // The spread between cells is a difference of figures.
    const double scale = figure.member == &EndOfLine::capacity_deviation_Ah ? 5 : std::abs(*(a.*figure.member));
    EXPECT_NEAR(*(b.*figure.member), *(a.*figure.member), tolerance * scale) << figure.name;
  }
  EXPECT_EQ(a.scrap_causes, b.scrap_causes);
}

std::vector<Recipe> some_recipes() {
  Recipe slow = with(default_recipe(), "formation_cycling_cell", "charge_current_A", 0.5);
  slow = with(slow, "formation_cycling_cell", "formation_duration_s", 100'000);
  Recipe starved = scaled(default_recipe(), "coating_anode", "flow_rate", 0.8);
  Recipe half_wet = with(default_recipe(), "electrolyte_filling_cell", "soaking_time", 3000);
  return {default_recipe(), slow, starved, half_wet, default_recipe(ModelSet::reference), readme_recipes()[0]};
}

TEST(WideSteps, GiveWhatThePhysicalOnesGive) {
  for (const CellDesign& design : process::cell_designs()) {
    for (const Recipe& recipe : some_recipes()) {
      for (const bool noise : {false, true}) {
        const auto wide = run(recipe, seeds_from(11, 2), {.design = design, .noise = noise, .cells = 40});
        const auto literal =
            run(recipe, seeds_from(11, 2), {.design = design, .noise = noise, .cells = 40, .literal = true});
        expect_close(nominal_of(recipe, 11, {.design = design, .noise = noise, .literal = true}),
                     nominal_of(recipe, 11, {.design = design, .noise = noise}), 2e-4);
        for (std::size_t i = 0; i < wide.size(); ++i) {
          expect_close(literal[i].figures, wide[i].figures, 2e-4);
          EXPECT_EQ(wide[i].defects, literal[i].defects);
          const EndOfLine &a = wide[i].figures, &b = literal[i].figures;
          if (!a.mass_g) continue;
          EXPECT_NEAR(*a.mass_g, *b.mass_g, 1e-12 * *a.mass_g) << "mass";
          EXPECT_NEAR(*a.np_ratio, *b.np_ratio, 1e-12 * *a.np_ratio) << "what the electrodes hold";
          EXPECT_NEAR(*a.electrolyte_g_per_Ah * *a.capacity_Ah, *b.electrolyte_g_per_Ah * *b.capacity_Ah,
                      2e-4 * *a.electrolyte_g_per_Ah * *a.capacity_Ah);
        }
      }
    }
  }
}

TEST(WideSteps, ThePacedPlantsNominalCellIsThePopulationsFirst) {
  for (const CellDesign& design : process::cell_designs()) {
    for (const Recipe& recipe : some_recipes()) {
      for (const bool noise : {false, true}) {
        constexpr std::uint64_t kSeed = 5;
        process::Product product;
        for (const Station& station : standard_layout().stations()) {
          StationRun at(station, ModelSet::mechanistic, design, product, recipe[station.index].value(), kSeed, noise);
          while (at.step()) {
          }
          at.hand_on(product);
        }
        process::ProductBlock block{};
        process::set_cell(block, 0, product);
        const EndOfLine cell = nominal_of(recipe, kSeed, {.design = design, .noise = noise});
        for (const process::CellFigure& figure : kCellFigures) {
          double paced = (block.cell.*figure.value).lane[0] * figure.scale;
          if (figure.per != nullptr) {
            const double per = (block.cell.*figure.per).lane[0];
            paced = per > 0 ? paced / per : 0;
          }
          EXPECT_NEAR(*(cell.*figure.mean), paced, 2e-4 * std::abs(paced) + 1e-12) << figure.name;
        }
      }
    }
  }
}

TEST(WideSteps, RunBatchIsThePopulationAfterThePacedChain) {
  const BatchOutcome outcome = run_batch(standard_layout(), ModelSet::mechanistic, {}, 42, {});
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.passed);
  EXPECT_GT(outcome.steps, 2000u);
  expect_same_figures(outcome.figures, run(default_recipe(), {42}).front().figures);
  expect_same_figures(outcome.figures, run({}, {42}).front().figures);
}

// ---- Determinism -------------------------------------------------------------------------------------------------

void expect_same(const BatchFigures& a, const BatchFigures& b) {
  expect_same_figures(a.figures, b.figures);
  EXPECT_EQ(a.defects, b.defects);
}

TEST(Determinism, ABatchDoesNotDependOnItsCompanions) {
  const auto seeds = seeds_from(1000, 8);
  const auto together = run(default_recipe(), seeds);
  ASSERT_EQ(together.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) expect_same(together[i], run(default_recipe(), {seeds[i]}).front());
  const std::vector<std::uint64_t> backwards(seeds.rbegin(), seeds.rend());
  const auto reversed = run(default_recipe(), backwards);
  for (std::size_t i = 0; i < 8; ++i) expect_same(together[i], reversed[7 - i]);
  const auto others = run(default_recipe(), {5, seeds[3], 7, 1, 2, seeds[0], 3});
  expect_same(together[3], others[1]);
  expect_same(together[0], others[5]);
}

TEST(Determinism, NorDoesANominalCell) {
  const auto seeds = seeds_from(1000, 8);
  const auto together = run(default_recipe(), seeds, {.cells = 1});
  for (std::size_t i = 0; i < 8; ++i) expect_same(together[i], run(default_recipe(), {seeds[i]}, {.cells = 1}).front());
}

TEST(Determinism, TheSameSeedGivesTheSameBatchAndAnotherOneAnother) {
  expect_same(run(default_recipe(), {3}).front(), run(default_recipe(), {3}).front());
  EXPECT_NE(run(default_recipe(), {3}).front().figures.capacity_Ah,
            run(default_recipe(), {4}).front().figures.capacity_Ah);
  // Two batches of one seed in a call are the same batch.
  const auto twins = run(default_recipe(), {3, 3});
  expect_same(twins[0], twins[1]);
}

TEST(Determinism, WithoutNoiseEveryBatchAndCellIsTheSame) {
  const auto batches = run(default_recipe(), seeds_from(1, 8), {.noise = false});
  for (const BatchFigures& batch : batches) expect_same(batch, batches.front());
  std::set<double> capacities;
  const Population population(standard_layout(), {.noise = false}, default_recipe());
  tell_cells(population, seeds_from(1, 2), [&](const CellBlock& block) {
    for (std::size_t lane = 0; lane < block.count; ++lane) capacities.insert(block.figures[0].lane[lane]);
  });
  EXPECT_EQ(capacities.size(), 1u);
  EXPECT_EQ(*capacities.begin(), nominal(default_recipe()).capacity_Ah);
}

TEST(Determinism, TheFirstCellsAreTheSameHoweverManyAreComputed) {
  const auto cells_of = [](std::uint32_t most) {
    std::map<std::uint32_t, double> capacities;
    const Population population(standard_layout(), {.cells = most}, default_recipe());
    tell_cells(population, std::array<std::uint64_t, 1>{9}, [&](const CellBlock& block) {
      for (std::size_t lane = 0; lane < block.count; ++lane)
        capacities[block.cells[lane]] = block.figures[0].lane[lane];
    });
    return capacities;
  };
  const auto few = cells_of(19), all = cells_of(kMostCells);
  EXPECT_EQ(few.size(), 19u);
  EXPECT_EQ(all.size(), 296u);
  for (const auto& [cell, capacity] : few) EXPECT_EQ(capacity, all.at(cell));
}

// ---- Many batches ------------------------------------------------------------------------------------------------

TEST(ManyBatches, TheirMeanIsTheBatchWithoutNoise) {
  constexpr std::size_t kMany = 800;
  std::array<Moments, kCellFigures.size()> moments;
  const Population population(standard_layout(), {.cells = 1}, default_recipe());
  for (std::uint64_t seed = 1; seed <= kMany; seed += 8) {
    tell_cells(population, seeds_from(seed, 8), [&](const CellBlock& block) {
      for (std::size_t i = 0; i < moments.size(); ++i) {
        for (std::size_t lane = 0; lane < block.count; ++lane) moments[i].add(block.figures[i].lane[lane]);
      }
    });
  }
  const EndOfLine quiet = nominal(default_recipe());
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const double expected = *(quiet.*kCellFigures[i].mean);
    EXPECT_EQ(moments[i].count, kMany);
    // What is curved in the noise moves the mean a little.
    const double convexity = 2e-4 * std::abs(expected);
    EXPECT_NEAR(moments[i].mean, expected, 3 * moments[i].deviation() / std::sqrt(kMany) + convexity)
        << kCellFigures[i].name;
    EXPECT_GT(moments[i].deviation(), 0) << kCellFigures[i].name;
  }
}

TEST(ManyBatches, TheMeanOfAllCellsIsTheNominalCell) {
  const EndOfLine quiet = nominal(default_recipe());
  Moments capacity, resistance;
  const Population population(standard_layout(), {}, default_recipe());
  for (std::uint64_t seed = 1; seed <= 160; seed += 8) {
    tell_cells(population, seeds_from(seed, 8), [&](const CellBlock& block) {
      for (std::size_t lane = 0; lane < block.count; ++lane) {
        capacity.add(block.figures[0].lane[lane]);
        resistance.add(block.figures[2].lane[lane]);
      }
    });
  }
  // Cells of a batch share its noise: 160 batches are the sample.
  const auto error = [](const Moments& m) { return 3 * m.deviation() / std::sqrt(160); };
  EXPECT_NEAR(capacity.mean, *quiet.capacity_Ah, error(capacity) + 2e-4 * capacity.mean);
  EXPECT_NEAR(resistance.mean, *quiet.internal_resistance_mOhm, error(resistance) + 2e-4 * resistance.mean);
}

TEST(ManyBatches, WiderTolerancesNeverLowerTheYield) {
  for (const std::string_view line : {"inspection_anode", "inspection_cathode"}) {
    for (const std::string_view field : {"epsilon_width_max", "epsilon_thickness_max", "B_max", "D_surface_max"}) {
      double before = 0;
      for (const double factor : {0.3, 0.7, 1.0, 1.5, 5.0}) {
        double good = 0;
        for (const BatchFigures& batch : run(scaled(default_recipe(), line, field, factor), seeds_from(1, 4)))
          good += *batch.figures.yield;
        EXPECT_GE(good, before) << line << ' ' << field << " times " << factor;
        before = good;
      }
    }
  }
}

TEST(ManyBatches, TheSpreadsAreTheNoisesThatWereDrawn) {
  const Population population(standard_layout(), {.cells = 60}, default_recipe());
  std::vector<Moments> moments(population.disturbed().size());
  for (std::uint64_t seed = 1; seed <= 160; seed += 8) {
    tell_cells(population, seeds_from(seed, 8), [&](const CellBlock& block) {
      ASSERT_EQ(block.disturbed.size(), moments.size());
      for (std::size_t i = 0; i < moments.size(); ++i) {
        for (std::size_t lane = 0; lane < block.count; ++lane) moments[i].add(block.disturbed[i].lane[lane]);
      }
    });
  }
  const std::map<std::string, double> relative{{"coating_anode flow_rate", 0.8e-3},
                                               {"coating_cathode coating_speed", 0.5e-3},
                                               {"electrolyte_filling_cell electrolyte_factor", 5e-3},
                                               {"electrolyte_filling_cell wetting_variation", 0.1},
                                               {"rewinding_cell initial_tension", 0.01}};
  std::size_t found = 0;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const auto known = relative.find(population.disturbed()[i].name());
    if (known == relative.end()) continue;
    ++found;
    EXPECT_NEAR(moments[i].deviation() / moments[i].mean, known->second, 0.2 * known->second) << known->first;
  }
  EXPECT_EQ(found, relative.size());
}

}  // namespace
}  // namespace battery_twin::plant::testing::populations
