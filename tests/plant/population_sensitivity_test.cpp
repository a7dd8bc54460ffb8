// What each parameter does to the cells of the mechanistic plant, and how much.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "battery_twin/plant/statistics.hpp"
#include "battery_twin/process/mixing.hpp"
#include "population_testing.hpp"

namespace battery_twin::plant::testing::populations {
namespace {

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

}  // namespace
}  // namespace battery_twin::plant::testing::populations
