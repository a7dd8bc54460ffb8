#include "battery_twin/plant/population.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/plant/run.hpp"
#include "battery_twin/plant/statistics.hpp"
#include "battery_twin/plant/study.hpp"
#include "battery_twin/process/mixing.hpp"
#include "plant_testing.hpp"

// The whole chain of the mechanistic plant, from mixing to aging, as populations of cells.

namespace battery_twin::plant::testing {
namespace {

using process::CellDesign;
using process::EndOfLine;
using process::kCellFigures;
using process::kFigures;
using process::Line;
using process::ModelSet;
using process::Values;

using Recipe = std::vector<std::optional<Values>>;

const CellDesign& pouch() { return process::cell_designs()[0]; }
const CellDesign& round_cell() { return process::cell_designs()[1]; }

// The default recipe of the mechanistic plant, to be changed.
Recipe default_recipe(ModelSet models = ModelSet::mechanistic) {
  Recipe recipe;
  for (const Station& station : standard_layout().stations())
    recipe.emplace_back(station.type->defaults(models, station.line));
  return recipe;
}

std::optional<double>& value_of(Recipe& recipe, std::string_view process_name, std::string_view field) {
  const Station* station = standard_layout().find_process(process_name);
  if (station == nullptr) throw std::invalid_argument("no such station: " + std::string(process_name));
  return recipe[station->index].value()[station->type->index_of(field).value()];
}

Recipe with(Recipe recipe, std::string_view process_name, std::string_view field, double value) {
  value_of(recipe, process_name, field) = value;
  return recipe;
}

Recipe scaled(Recipe recipe, std::string_view process_name, std::string_view field, double factor) {
  value_of(recipe, process_name, field).value() *= factor;
  return recipe;
}

void set_ratios(Recipe& recipe, std::string_view process_name, const std::array<double, 4>& ratios) {
  recipe[standard_layout().find_process(process_name)->index] = Values(ratios.begin(), ratios.end());
}

// The first example of the README, and the third with it.
std::array<Recipe, 2> readme_recipes() {
  std::array recipes{default_recipe(), default_recipe()};
  for (Recipe& recipe : recipes) {
    set_ratios(recipe, "mixing_anode", {0.8, 0.1, 0.05, 0.05});
    set_ratios(recipe, "mixing_cathode", {0.9, 0.05, 0.03, 0.02});
  }
  set_ratios(recipes[1], "mixing_anode", {0.85, 0.08, 0.04, 0.03});
  recipes[1] = with(recipes[1], "coating_anode", "coating_speed", 0.1);
  recipes[1] = with(recipes[1], "coating_anode", "gap_height", 0.0002);
  recipes[1] = with(recipes[1], "coating_anode", "flow_rate", 0.000005);
  return recipes;
}

std::vector<BatchFigures> run(const Recipe& recipe, std::vector<std::uint64_t> seeds, PopulationConfig config = {}) {
  const Population population(standard_layout(), std::move(config), recipe);
  std::vector<BatchFigures> results;
  for (std::size_t i = 0; i < seeds.size(); i += Population::kBatches) {
    const std::size_t count = std::min(Population::kBatches, seeds.size() - i);
    for (BatchFigures& result : population.run(std::span(seeds).subspan(i, count)))
      results.push_back(std::move(result));
  }
  return results;
}

std::vector<std::uint64_t> seeds_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> seeds(count);
  for (std::size_t i = 0; i < count; ++i) seeds[i] = first + i;
  return seeds;
}

void tell_cells(const Population& population, std::span<const std::uint64_t> seeds,
                const std::function<void(const CellBlock&)>& tell) {
  static_cast<void>(population.run(seeds, tell));
}

// The figures of a batch's nominal cell, good or not.
EndOfLine nominal_of(const Recipe& recipe, std::uint64_t seed, PopulationConfig config) {
  config.cells = 1;
  EndOfLine figures;
  tell_cells(Population(standard_layout(), std::move(config), recipe), std::array{seed}, [&](const CellBlock& block) {
    for (std::size_t i = 0; i < kCellFigures.size(); ++i) figures.*kCellFigures[i].mean = block.figures[i].lane[0];
  });
  return figures;
}

// Without noise.
EndOfLine nominal(const Recipe& recipe, const CellDesign& design = pouch()) {
  return nominal_of(recipe, 1, {.design = design, .noise = false});
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

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

// ---- Every parameter does something ------------------------------------------------------------------------------

struct Effect {
  std::string_view station, field;
  double value;               // instead of the default, which is the other end
  std::string_view observed;  // a figure of the batch, or "station property" of the nominal cell
  int sign;                   // of the change in what is observed
};

// What the parameter's value does in a plant: all else at the defaults.
const std::vector<Effect>& effects() {
  static const std::vector<Effect> all{
      // Less solvent, or more of a component: the others' shares give way in proportion.
      {"mixing_cathode", "AM", 0.65, "mixing_cathode viscosity", +1},
      {"mixing_cathode", "AM", 0.65, "capacity_Ah", +1},
      {"mixing_cathode", "CA", 0.03, "mixing_cathode yield_stress", +1},
      {"mixing_cathode", "CA", 0.03, "capacity_Ah", -1},
      {"mixing_cathode", "PVDF", 0.03, "mixing_cathode viscosity", +1},
      {"mixing_cathode", "PVDF", 0.03, "drying_cathode adhesion", +1},
      {"mixing_anode", "PVDF", 0.02, "drying_anode adhesion", +1},
      {"mixing_cathode", "solvent", 0.36, "mixing_cathode viscosity", -1},
      {"mixing_cathode", "solvent", 0.36, "drying_cathode time_to_dry", +1},
      {"coating_cathode", "coating_speed", 0.0505, "coating_cathode wet_thickness", -1},
      {"coating_cathode", "coating_speed", 0.0505, "capacity_Ah", -1},
      {"coating_anode", "gap_height", 300e-6, "coating_anode bead_pressure", -1},
      {"coating_anode", "gap_height", 150e-6, "coating_anode weeping", +1},
      {"coating_cathode", "flow_rate", 3.6e-6, "capacity_Ah", +1},
      {"coating_cathode", "flow_rate", 3.6e-6, "np_ratio", -1},
      {"coating_anode", "flow_rate", 4.1e-6, "np_ratio", +1},
      {"coating_cathode", "coating_width", 0.51, "coating_cathode solid_loading", -1},
      {"coating_cathode", "coating_width", 0.48, "slitting_cathode trim_scrap", -1},
      {"drying_cathode", "web_speed", 0.12, "drying_cathode residual_solvent", +1},
      {"drying_cathode", "web_speed", 0.3, "cells_good", -1},
      {"drying_cathode", "wet_thickness", 145e-6, "capacity_Ah", +1},
      {"drying_cathode", "solid_content", 0.66, "capacity_Ah", -1},
      {"calendaring_cathode", "roll_gap", 64e-6, "calendaring_cathode porosity", +1},
      {"calendaring_cathode", "roll_gap", 64e-6, "internal_resistance_mOhm", -1},
      {"calendaring_anode", "roll_gap", 73e-6, "internal_resistance_mOhm", -1},
      {"calendaring_cathode", "roll_pressure", 1e6, "calendaring_cathode porosity", +1},
      {"calendaring_cathode", "temperature", 373.15, "calendaring_cathode line_load", -1},
      {"calendaring_cathode", "roll_speed", 0.5, "calendaring_cathode line_load", +1},
      {"calendaring_cathode", "dry_thickness", 95e-6, "calendaring_cathode line_load", +1},
      {"calendaring_cathode", "initial_porosity", 0.40, "calendaring_cathode line_load", -1},
      {"slitting_anode", "blade_sharpness", 0.5, "slitting_anode burr_height", +1},
      {"slitting_anode", "slitting_speed", 0.5, "slitting_anode burr_height", +1},
      {"slitting_anode", "slitting_tension", 100, "slitting_anode burr_height", +1},
      {"slitting_cathode", "target_width", 0.0582, "capacity_Ah", +1},
      {"slitting_cathode", "target_width", 0.0582, "rewinding_cell overhang", -1},
      {"slitting_cathode", "target_width", 0.07, "cells_started", -1},
      {"inspection_anode", "epsilon_width_max", 0.05e-3, "yield", -1},
      {"inspection_anode", "epsilon_thickness_max", 0.5e-6, "yield", -1},
      {"inspection_anode", "B_max", 0.4, "yield", -1},
      {"inspection_anode", "D_surface_max", 5.5, "yield", +1},
      {"rewinding_cell", "rewinding_speed", 0.005, "rewinding_cell moisture", +1},
      {"rewinding_cell", "rewinding_speed", 0.005, "self_discharge_mV_per_day", +1},
      {"rewinding_cell", "initial_tension", 40, "rewinding_cell roll_hardness", +1},
      {"rewinding_cell", "tapering_steps", 1, "rewinding_cell web_tension", -1},
      {"rewinding_cell", "environment_humidity", 30, "self_discharge_mV_per_day", +1},
      {"electrolyte_filling_cell", "vacuum_level", 800, "electrolyte_filling_cell eta_wetting", -1},
      {"electrolyte_filling_cell", "vacuum_level", 800, "capacity_Ah", -1},
      {"electrolyte_filling_cell", "vacuum_filling", 800, "electrolyte_filling_cell time_to_wet", +1},
      {"electrolyte_filling_cell", "soaking_time", 2000, "electrolyte_filling_cell eta_wetting", -1},
      {"electrolyte_filling_cell", "soaking_time", 2000, "cells_good", -1},
      {"formation_cycling_cell", "charge_current_A", 2.0, "first_cycle_efficiency", +1},
      {"formation_cycling_cell", "charge_voltage_limit_V", 4.1, "capacity_Ah", -1},
      {"formation_cycling_cell", "initial_voltage", 3.3, "first_cycle_efficiency", -1},
      {"formation_cycling_cell", "formation_duration_s", 30'000, "formation_cycling_cell incomplete", +1},
      {"formation_cycling_cell", "formation_duration_s", 30'000, "capacity_Ah", -1},
      {"aging_cell", "k_leak", 1e-8, "self_discharge_mV_per_day", +1},
      {"aging_cell", "temperature", 318.15, "self_discharge_mV_per_day", +1},
      {"aging_cell", "temperature", 318.15, "capacity_Ah", -1},
      {"aging_cell", "aging_time_days", 30, "capacity_Ah", -1},
      {"aging_cell", "aging_time_days", 30, "internal_resistance_mOhm", +1},
  };
  return all;
}

TEST(Parameters, EachOfThe39HasAnEffectThatIsTested) {
  std::set<std::pair<std::string_view, std::string_view>> tested;
  for (const Effect& effect : effects()) {
    const Station* station = standard_layout().find_process(effect.station);
    ASSERT_NE(station, nullptr) << effect.station;
    ASSERT_TRUE(station->type->index_of(effect.field).has_value()) << effect.station << ' ' << effect.field;
    tested.emplace(station->type->name, effect.field);
  }
  std::size_t fields = 0;
  std::set<const process::MachineType*> types;
  for (const Station& station : standard_layout().stations()) {
    if (!types.insert(station.type).second) continue;
    for (const process::FieldInfo& field : station.type->fields) {
      ++fields;
      EXPECT_TRUE(tested.contains({station.type->name, field.name}))
          << station.type->name << ' ' << field.name << ": no effect of it is tested";
    }
  }
  EXPECT_EQ(fields, 39u);
}

double observe(const Recipe& recipe, std::string_view what) {
  const auto space = what.find(' ');
  if (space == std::string_view::npos) {
    const auto* figure = std::ranges::find(kFigures, what, &process::Figure::name);
    if (figure == kFigures.end()) throw std::invalid_argument("no such figure: " + std::string(what));
    if (figure->member != &EndOfLine::yield && figure->member != &EndOfLine::cells_good &&
        figure->member != &EndOfLine::cells_started)
      return (nominal(recipe).*figure->member).value();
    return (run(recipe, {4}).front().figures.*figure->member).value();  // what needs noise and many cells
  }
  const Station* station = standard_layout().find_process(what.substr(0, space));
  const auto outputs = station->type->model(ModelSet::mechanistic).outputs;
  const auto output = std::ranges::find(outputs, what.substr(space + 1), &process::Output::name);
  if (output == outputs.end()) throw std::invalid_argument("no such property: " + std::string(what));
  process::Product product;
  for (const Station& each : standard_layout().stations()) {
    StationRun at(each, ModelSet::mechanistic, pouch(), product, recipe[each.index].value(), 1, false);
    at.finish();
    if (&each == station) return at.properties()[static_cast<std::size_t>(output - outputs.begin())];
    at.hand_on(product);
  }
  throw std::logic_error("unreachable");
}

class Effects : public ::testing::TestWithParam<Effect> {};

TEST_P(Effects, HaveTheirSign) {
  const Effect& effect = GetParam();
  Recipe changed = default_recipe();
  const Station* station = standard_layout().find_process(effect.station);
  Values& values = changed[station->index].value();
  const std::size_t index = station->type->index_of(effect.field).value();
  const std::optional<double> before = values[index];
  values[index] = effect.value;
  if (station->type == &process::mixing()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != index) *values[i] *= (1 - effect.value) / (1 - *before);
    }
  }
  EXPECT_TRUE(station->type->violations(ModelSet::mechanistic, values, 1'000'000, pouch()).empty());
  const double usual = observe(default_recipe(), effect.observed), other = observe(changed, effect.observed);
  EXPECT_GT((other - usual) * effect.sign, 0) << effect.observed << " is " << usual << " and then " << other;
}

INSTANTIATE_TEST_SUITE_P(Parameters, Effects, ::testing::ValuesIn(effects()), [](const auto& tested) {
  std::string name = std::string(tested.param.station) + "_" + std::string(tested.param.field) + "_" +
                     std::string(tested.param.observed);
  std::ranges::replace(name, ' ', '_');
  return name;
});

// ---- Sensitivities -----------------------------------------------------------------------------------------------

using Figure = std::optional<double> EndOfLine::*;

// Relative change of a figure over that of a parameter.
double sensitivity(Figure figure, const Recipe& base,
                   const std::vector<std::pair<std::string_view, std::string_view>>& fields, double change = 0.005) {
  Recipe up = base, down = base;
  for (const auto& [station, field] : fields) {
    up = scaled(up, station, field, 1 + change);
    down = scaled(down, station, field, 1 - change);
  }
  return (*(nominal(up).*figure) / *(nominal(down).*figure) - 1) / (2 * change);
}

constexpr Figure kCapacity = &EndOfLine::capacity_Ah, kBalance = &EndOfLine::np_ratio,
                 kResistance = &EndOfLine::internal_resistance_mOhm, kEfficiency = &EndOfLine::first_cycle_efficiency;

TEST(Sensitivities, CapacityFollowsTheCathodesLoading) {
  const Recipe base = default_recipe();
  EXPECT_NEAR(sensitivity(kCapacity, base, {{"coating_cathode", "flow_rate"}}), 1, 0.15);
  EXPECT_NEAR(sensitivity(kBalance, base, {{"coating_cathode", "flow_rate"}}), -1, 0.02);
  EXPECT_NEAR(sensitivity(kCapacity, base, {{"coating_cathode", "coating_speed"}}), -1, 0.15);
  EXPECT_NEAR(sensitivity(kCapacity, base, {{"coating_anode", "flow_rate"}}), 0, 0.15);
  EXPECT_NEAR(sensitivity(kBalance, base, {{"coating_anode", "flow_rate"}}), 1, 0.02);
  EXPECT_GT(sensitivity(kResistance, base, {{"coating_anode", "flow_rate"}}), 0) << "denser at the same gap";
  // Both: more of the same cell. At the same current it charges more slowly, which costs some lithium.
  const std::vector<std::pair<std::string_view, std::string_view>> both{{"coating_cathode", "flow_rate"},
                                                                        {"coating_anode", "flow_rate"}};
  EXPECT_NEAR(sensitivity(kCapacity, base, both), 1, 0.02);
  auto all = both;
  all.insert(all.end(), {{"formation_cycling_cell", "charge_current_A"},
                         {"calendaring_anode", "roll_gap"},
                         {"calendaring_cathode", "roll_gap"}});
  EXPECT_NEAR(sensitivity(kCapacity, base, all), 1, 0.005);
}

TEST(Sensitivities, GapsTouchResistanceAndNotCapacity) {
  for (const std::string_view station : {"calendaring_anode", "calendaring_cathode"}) {
    const Recipe base = default_recipe();
    Recipe wider = base;
    *value_of(wider, station, "roll_gap") += 5e-6;
    const EndOfLine a = nominal(base), b = nominal(wider);
    EXPECT_NEAR(*b.capacity_Ah / *a.capacity_Ah, 1, 5e-4) << station;
    const double change = *b.internal_resistance_mOhm / *a.internal_resistance_mOhm - 1;
    EXPECT_LT(change, -0.01) << station;
    EXPECT_GT(change, -0.04) << station;
    // The electrodes' pores are a share of the resistance, which goes with about the square of the porosity.
    EXPECT_EQ(*a.np_ratio, *b.np_ratio);
  }
}

TEST(Sensitivities, AnAnodeFarBelowBalanceCostsCapacityAndPlates) {
  const Recipe starved = scaled(default_recipe(), "coating_anode", "flow_rate", 0.8);
  const EndOfLine a = nominal(default_recipe()), b = nominal(starved);
  ASSERT_LT(*b.np_ratio, 1);
  const double deficit = 1 - *b.np_ratio, lost = 1 - *b.capacity_Ah / *a.capacity_Ah;
  EXPECT_GT(lost, 0.4 * deficit);
  EXPECT_LT(lost, 1.2 * deficit);
  EXPECT_TRUE(
      has(run(starved, {1}, {.noise = false, .cells = 1}).front().defects, "formation_cycling_cell: plating_risk"));
  // Little anode lost while it is still in excess costs next to nothing.
  EXPECT_NEAR(sensitivity(kCapacity, scaled(default_recipe(), "coating_anode", "flow_rate", 1.05),
                          {{"coating_anode", "flow_rate"}}),
              0, 0.15);
}

TEST(Sensitivities, DryAreaIsLost) {
  const EndOfLine a = nominal(default_recipe());
  const EndOfLine b = nominal(with(default_recipe(), "electrolyte_filling_cell", "soaking_time", 3000));
  double wetted = 0, full = 0;
  for (auto [recipe, where] :
       {std::pair{with(default_recipe(), "electrolyte_filling_cell", "soaking_time", 3000), &wetted},
        std::pair{default_recipe(), &full}})
    *where = observe(recipe, "electrolyte_filling_cell eta_wetting");
  ASSERT_LT(wetted, 0.9);
  EXPECT_NEAR(*b.capacity_Ah / *a.capacity_Ah, wetted / full, 0.01);
}

TEST(Sensitivities, MoreSeiCostsEfficiencyAndCapacityTogether) {
  // Slower charging grows more of it.
  const EndOfLine a = nominal(with(default_recipe(), "formation_cycling_cell", "formation_duration_s", 200'000));
  Recipe slow = with(default_recipe(), "formation_cycling_cell", "formation_duration_s", 200'000);
  const EndOfLine b = nominal(with(slow, "formation_cycling_cell", "charge_current_A", 0.5));
  EXPECT_LT(*b.first_cycle_efficiency, *a.first_cycle_efficiency);
  EXPECT_LT(*b.capacity_Ah, *a.capacity_Ah);
  // Lithium lost: 1 to 1.5 times the share of the cathode's useful lithium.
  const double efficiency = *b.first_cycle_efficiency / *a.first_cycle_efficiency - 1;
  const double capacity = *b.capacity_Ah / *a.capacity_Ah - 1;
  EXPECT_NEAR(capacity / efficiency, 1, 0.5);
  EXPECT_LT(sensitivity(kEfficiency, default_recipe(), {{"coating_anode", "flow_rate"}}), 0) << "more surface";
}

TEST(Sensitivities, PorosityScattersWithTheGapAndCapacityWithTheLoading) {
  // First order: δε = (1 − ε)(δh/h − δM/M).
  const double before = observe(default_recipe(), "calendaring_anode porosity");
  const double gap =
      observe(scaled(default_recipe(), "calendaring_anode", "roll_gap", 1.001), "calendaring_anode porosity");
  const double loading =
      observe(scaled(default_recipe(), "coating_anode", "flow_rate", 1.001), "calendaring_anode porosity");
  EXPECT_NEAR((gap - before) / 0.001, 1 - before, 0.002);
  EXPECT_NEAR((loading - before) / 0.001, -(1 - before), 0.002);
}

// Recipes whose flows and gaps scatter from batch to batch; noise off beside that.
struct Scatter {
  double capacity, resistance, anode_porosity, cathode_porosity;  // relative, relative, absolute, absolute
};
Scatter scatter(double flow, double gap) {
  constexpr int kBatches = 1000;
  std::mt19937_64 engine(20260);
  std::normal_distribution<double> normal;
  const auto slurries = [] {
    process::Product product;
    for (const std::string_view name : {"mixing_anode", "mixing_cathode"}) {
      const Station& station = *standard_layout().find_process(name);
      StationRun at(station, ModelSet::mechanistic, pouch(), product,
                    station.type->defaults(ModelSet::mechanistic, station.line), 1, false);
      at.finish();
      at.hand_on(product);
    }
    return product;
  }();
  Moments capacity, resistance, anode, cathode;
  for (int i = 0; i < kBatches; ++i) {
    Recipe recipe = default_recipe();
    for (const std::string_view line : {"anode", "cathode"}) {
      *value_of(recipe, "coating_" + std::string(line), "flow_rate") *= 1 + flow * normal(engine);
      *value_of(recipe, "calendaring_" + std::string(line), "roll_gap") += gap * normal(engine);
    }
    const EndOfLine cell = nominal(recipe);
    capacity.add(*cell.capacity_Ah);
    resistance.add(*cell.internal_resistance_mOhm);
    process::Product product = slurries;
    for (const std::string_view name : {"coating_anode", "drying_anode", "calendaring_anode", "coating_cathode",
                                        "drying_cathode", "calendaring_cathode"}) {
      const Station& station = *standard_layout().find_process(name);
      StationRun at(station, ModelSet::mechanistic, pouch(), product, recipe[station.index].value(), 1, false);
      at.finish();
      at.hand_on(product);
    }
    anode.add(product.anode.porosity);
    cathode.add(product.cathode.porosity);
  }
  return {capacity.deviation() / capacity.mean, resistance.deviation() / resistance.mean, anode.deviation(),
          cathode.deviation()};
}

TEST(Sensitivities, AMonteCarloStudyGivesTheSpreadsComputedIndependently) {
  // Flow ±1 % on each line, gaps ±0.7 µm. A sample of 1000 knows its deviation to 2.2 %.
  const Scatter rough = scatter(0.01, 0.7e-6);
  EXPECT_NEAR(rough.capacity, 0.0097, 0.0008);
  EXPECT_NEAR(rough.resistance, 0.0078, 0.0008);
  EXPECT_NEAR(rough.anode_porosity, 0.0095, 0.0008);
  EXPECT_NEAR(rough.cathode_porosity, 0.0107, 0.0009);
  // A mature line's.
  const Scatter mature = scatter(0.00175, 0.3e-6);
  EXPECT_NEAR(mature.capacity, 0.0016, 0.0003);
  EXPECT_NEAR(mature.resistance, 0.0029, 0.0004);
}

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
}  // namespace battery_twin::plant::testing
