#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mechanistic/drying.hpp"
#include "mechanistic_testing.hpp"

// What must hold of the mechanistic models whatever the recipe: properties over random valid inputs, the ends of what
// is allowed among them. The seed is fixed; RC_PARAMS in the environment takes its place.

namespace battery_twin::process::testing {
namespace {

[[maybe_unused]] const bool kSeeded = ::setenv("RC_PARAMS", "seed=20260 max_success=200", 0) == 0;

// ---- Random valid inputs -----------------------------------------------------------------------------------------

constexpr std::uint32_t kMostSteps = 1000;

int pick(int choices) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, choices)); }
double unit() { return pick(1 << 24) * 0x1p-24; }
double between(double low, double high) { return low + (high - low) * unit(); }
double log_between(double low, double high) { return low * std::pow(high / low, unit()); }
Line any_electrode() { return pick(2) == 0 ? Line::anode : Line::cathode; }

// A value that the field's hard range holds, near the default or far from it or at an end.
std::optional<double> within(const FieldInfo& field, Line line) {
  if (field.optional && pick(2) == 0) return std::nullopt;
  constexpr double kMost = std::numeric_limits<double>::max();
  const double low = field.hard.above ? std::nextafter(*field.hard.above, kMost) : field.hard.at_least.value_or(-kMost);
  const double high = field.hard.below ? std::nextafter(*field.hard.below, 0.0) : field.hard.at_most.value_or(kMost);
  const double usual = field.mechanistic.of(line).value_or(field.reference.of(line).value_or((low + high) / 2));
  switch (pick(10)) {
    case 0:
      return low;
    case 1:
      return high;
    case 2:
      return std::clamp(log_between(1e-9, 1e9), low, high);
    default:
      return std::clamp(usual * log_between(0.1, 10), low, high);
  }
}

// Mass fractions that sum to 1.
Values any_ratios() {
  std::array<double, 4> parts{};
  double sum = 0;
  for (double& part : parts) sum += part = pick(10) == 0 ? 1e-300 : log_between(1e-4, 1);
  Values values;
  for (const double part : parts) values.emplace_back(part / sum);
  return values;
}

Values any_values(const MachineType& type, Line line, const CellDesign& design) {
  Values values;
  for (const FieldInfo& field : type.fields) values.push_back(within(field, line));
  if (&type == &mixing()) values = any_ratios();
  // What takes too long here goes at the highest speed or for the usual time.
  const std::string_view steps = mechanistic(type).steps_field;
  if (!type.violations(ModelSet::mechanistic, values, kMostSteps, design).empty() && !steps.empty()) {
    const std::size_t i = field(type, steps);
    const bool is_speed = type.fields[i].unit == "m/s";
    values[i] = is_speed ? type.fields[i].hard.at_most : type.defaults(ModelSet::mechanistic, line)[i];
  }
  RC_PRE(type.violations(ModelSet::mechanistic, values, kMostSteps, design).empty());
  return values;
}

CellDesign any_design() {
  CellDesign design = cell_designs()[static_cast<std::size_t>(pick(2))];
  if (pick(2) == 0) return design;
  const auto fields = cell_design_fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const double value = within(fields[i], Line::anode).value();
    cell_design_value(design, i) = fields[i].hard.above ? std::max(value, 1e-9) : value;  // a nanometre of foil
  }
  return design;
}

// A recipe that a die can coat.
Values usual_ratios(Line line) {
  Values values = mixing().defaults(ModelSet::mechanistic, line);
  for (auto& value : values) *value *= between(0.85, 1.15);
  double sum = 0;
  for (const auto& value : values) sum += *value;
  for (auto& value : values) *value /= sum;
  return values;
}

// A machine with parameters a factor around the defaults, behind those before it.
Machine usual(const MachineType& type, Line line, const Product& upstream = {}) {
  Machine machine{.type = type, .line = line, .upstream = upstream};
  for (auto& value : machine.values) {
    if (value) *value *= between(0.8, 1.25);
  }
  if (&type == &mixing()) machine.values = usual_ratios(line);
  return machine;
}

// Electrodes from such machines, up to and with `last`.
Product usual_electrodes(const MachineType& last) {
  Product product;
  for (const Line line : {Line::anode, Line::cathode}) {
    for (const MachineType* type : electrode_types()) {
      product = usual(*type, line, product).block().front().product;
      if (type == &last) break;
    }
  }
  return product;
}

Product usual_cell(const MachineType& last) {
  Product product = usual_electrodes(inspection());
  for (const MachineType* type : cell_types()) {
    product = usual(*type, Line::cell, product).block().front().product;
    if (type == &last) break;
  }
  return product;
}

bool close(double a, double b, double relative) {
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

std::string described(const Machine& machine) {
  std::string text = std::string(machine.type.name) + " on the " + std::string(to_string(machine.line)) + " line";
  for (std::size_t i = 0; i < machine.values.size(); ++i)
    text += ", " + std::string(machine.type.fields[i].name) + " " +
            (machine.values[i] ? to_text(*machine.values[i]) : "null");
  return text;
}

// ---- The whole plant ---------------------------------------------------------------------------------------------

void expect_finite_through_the_plant(bool stepped) {
  const CellDesign design = any_design();
  const std::optional<std::uint64_t> seed =
      pick(2) == 0 ? std::nullopt : std::optional<std::uint64_t>(static_cast<std::uint64_t>(pick(1000)));
  std::string before;
  for (std::size_t i = 0; i < cell_design_fields().size(); ++i) {
    CellDesign copy = design;
    before += std::string(cell_design_fields()[i].name) + " " + to_text(cell_design_value(copy, i)) + "\n";
  }
  Product product;
  for (const auto& [line, type] : all_machines()) {
    Machine machine{.type = *type, .line = line, .upstream = product, .design = design, .seed = seed};
    machine.values = any_values(*type, line, design);
    const std::vector<Done> cells = stepped ? std::vector{machine.paced()} : machine.block(pick(4) == 0);
    before += described(machine) + "\n";
    for (const Done& cell : cells) {
      const std::string wrong = not_finite(cell);
      if (!wrong.empty()) RC_FAIL(wrong + " is no number\n" + before);
    }
    product = cells[static_cast<std::size_t>(pick(static_cast<int>(cells.size())))].product;
  }
}

RC_GTEST_PROP(AnyInput, GivesNumbersStepByStep, ()) { expect_finite_through_the_plant(true); }
RC_GTEST_PROP(AnyInput, GivesNumbersInBlocks, ()) { expect_finite_through_the_plant(false); }

RC_GTEST_PROP(AnyInput, TheSameSeedGivesTheSameBatchAndNoiseOffTheSameBits, ()) {
  const auto machines = all_machines();
  const auto& [line, type] = machines[static_cast<std::size_t>(pick(static_cast<int>(machines.size())))];
  const Product product = line == Line::cell ? usual_cell(electrolyte_filling()) : usual_electrodes(calendaring());
  Machine machine = usual(*type, line, product);
  for (const bool noisy : {false, true}) {
    if (noisy) machine.seed = static_cast<std::uint64_t>(pick(1 << 20));
    const auto once = machine.block(), again = machine.block();
    for (std::size_t i = 0; i < kLanes; ++i) {
      RC_ASSERT(once[i].properties == again[i].properties);
      RC_ASSERT(numbers_of(once[i].product) == numbers_of(again[i].product));
    }
    RC_ASSERT(machine.paced().properties == machine.paced().properties);
  }
}

RC_GTEST_PROP(AnyInput, SolidsAreConservedFromTheDieToTheCell, ()) {
  Product product;
  std::array<double, 2> loadings{};
  for (const Line line : {Line::anode, Line::cathode}) {
    double& loading = loadings[line == Line::anode ? 0 : 1];
    for (const MachineType* type : electrode_types()) {
      Machine machine{.type = *type, .line = line, .upstream = product};
      machine.values = type == &mixing() ? usual_ratios(line) : any_values(*type, line, machine.design);
      if (type == &drying() || type == &calendaring()) {
        for (std::size_t i = 0; i < type->fields.size(); ++i) {
          if (type->fields[i].optional) machine.values[i].reset();
        }
      }
      const Done done = machine.block().front();
      product = done.product;
      const Web& web = product.web(line);
      if (type == &coating()) loading = done["solid_loading"];
      if (type == &coating() || type == &drying() || type == &calendaring())
        RC_ASSERT(close(done["solid_loading"], loading, 1e-12));
      if (type == &calendaring())
        RC_ASSERT(close((1 - done["porosity"]) * web.solid_density * done["final_thickness"], loading, 1e-12));
      if (loading > 0) RC_ASSERT(close(web.solid_loading, loading, 1e-12));
    }
  }
  for (const MachineType* type : {&rewinding(), &electrolyte_filling(), &formation_cycling()})
    product = Machine{.type = *type, .line = Line::cell, .upstream = product}.block().front().product;
  const Cell& cell = product.cell;
  const auto held = [&](const Web& web, double loading, double per_kilogram) {
    return cell.area * cell.wetting * loading * web.active_mass / (1 - web.solvent_mass) * per_kilogram;
  };
  RC_ASSERT(close(cell.anode_capacity, held(product.anode, loadings[0], 350), 1e-12));
  RC_ASSERT(close(cell.cathode_capacity, held(product.cathode, loadings[1], 200), 1e-12));
}

RC_GTEST_PROP(AnyInput, ABatchOfTwiceTheSizeIsOfTheSameStuff, ()) {
  Product one, two;
  CellDesign twice = cell_designs().front();
  twice.slurry_volume *= 2;
  twice.coated_length *= 2;
  for (const Line line : {Line::anode, Line::cathode}) {
    for (const MachineType* type : {&mixing(), &coating(), &drying(), &calendaring()}) {
      const Machine small = usual(*type, line, one);
      Machine large{.type = *type, .line = line, .upstream = two, .design = twice};
      large.values = small.values;
      const Done a = small.block().front(), b = large.block().front();
      for (std::size_t i = 0; i < a.properties.size(); ++i) {
        const Output& o = mechanistic(*type).outputs[i];
        const bool extensive = o.unit == "m3" || o.unit == "J" || o.name == "coated_length";
        RC_ASSERT(close(b.properties[i], a.properties[i] * (extensive ? 2 : 1), 1e-12));
      }
      one = a.product;
      two = b.product;
    }
  }
}

// ---- Mixing ------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(AnySlurry, IsStifferWithMoreSolidsAndYieldsNoNegativeStress, ()) {
  const Line line = any_electrode();
  Machine machine{.type = mixing(), .line = line};
  machine.values = any_ratios();
  const auto check = [](const Done& done) {
    for (std::size_t t = 0; t < done.steps.size(); ++t) {
      RC_ASSERT(done.at(t, "yield_stress") >= 0);
      RC_ASSERT(done.at(t, "viscosity") > 0);
      if (t == 0) continue;
      RC_ASSERT(done.at(t, "agglomerates") <= done.at(t - 1, "agglomerates"));
      RC_ASSERT(done.at(t, "mixing_work") >= done.at(t - 1, "mixing_work"));
    }
    RC_ASSERT(done["agglomerates"] >= 0.02);
    RC_ASSERT(done["agglomerates"] <= 1);
  };
  check(machine.paced());

  machine.values = usual_ratios(line);
  const Done thin = machine.block().front();
  // A little solvent becomes active material.
  const double shift = between(0.005, 0.02);
  const Done thick =
      machine.with("AM", *machine.values[0] + shift).with("solvent", *machine.values[3] - shift).block().front();
  RC_ASSERT(thick["packing"] > thin["packing"]);
  RC_ASSERT(thick["viscosity"] > thin["viscosity"]);
  RC_ASSERT(thick["yield_stress"] > thin["yield_stress"]);
  RC_ASSERT(thick["density"] > thin["density"]);
}

RC_GTEST_PROP(AnySlurry, LosesAgglomeratesWithTheWorkDoneOnItsCarbon, ()) {
  Machine machine{.type = mixing(), .line = any_electrode()};
  machine.values = usual_ratios(machine.line);
  const Done done = machine.paced();
  for (std::size_t t = 80; t < done.steps.size(); t += 20) {
    const double work = done.at(t, "mixing_work") - done.at(80, "mixing_work");
    RC_ASSERT(close(done.at(t, "agglomerates"), 0.02 + 0.98 * std::exp(-work / 5e6), 1e-6));
  }
  // More carbon and less binder: other work, other dispersion. What is fed first is worked longest.
  RC_ASSERT(done.at(160, "agglomerates") < 1);
}

// ---- Coating -----------------------------------------------------------------------------------------------------

RC_GTEST_PROP(AnyFilm, IsPremetered, ()) {
  const Line line = any_electrode();
  const Machine machine = usual(coating(), line, usual_electrodes(mixing()));
  const Done film = machine.block().front();
  const auto scaled = [&](std::string_view name, double factor) {
    return machine.with(name, *machine.values[field(coating(), name)] * factor).block().front();
  };
  const double factor = log_between(0.5, 2);
  RC_ASSERT(close(scaled("flow_rate", factor)["wet_thickness"], film["wet_thickness"] * factor, 1e-12));
  RC_ASSERT(close(scaled("coating_speed", factor)["wet_thickness"], film["wet_thickness"] / factor, 1e-12));
  RC_ASSERT(close(scaled("coating_width", factor)["wet_thickness"], film["wet_thickness"] / factor, 1e-12));
  // The low-flow limit rises with speed while the slurry gets thinner with shear.
  const double faster = between(1.05, 2);
  const Done fast = scaled("coating_speed", faster);
  RC_ASSERT(fast["least_wet_thickness"] > film["least_wet_thickness"] ||
            fast["least_wet_thickness"] >= 0.6 * machine.values[1].value() * (1 - 1e-12));
  RC_ASSERT(fast["capillary_number"] / faster < film["capillary_number"]);
  RC_ASSERT(film["least_wet_thickness"] <= 0.6 * machine.values[1].value() * (1 + 1e-12));
}

// ---- Drying ------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(AnyDryer, TakesSolventAndGivesNone, ()) {
  const Line line = any_electrode();
  Machine machine{.type = drying(), .line = line, .upstream = usual_electrodes(coating())};
  machine.values = any_values(drying(), line, machine.design);
  const Done film = machine.paced();
  double before = std::numeric_limits<double>::max();
  for (std::size_t t = 0; t < film.steps.size(); ++t) {
    RC_ASSERT(film.at(t, "M_solvent") >= 0);
    RC_ASSERT(film.at(t, "M_solvent") <= before);
    RC_ASSERT(film.at(t, "residual_solvent") <= 1);
    before = film.at(t, "M_solvent");
  }
  // A slower web is longer in the dryer.
  const double slower = *machine.values[0] * between(0.5, 0.99);
  RC_PRE(10 / slower < 1000.0);
  RC_ASSERT(machine.with("web_speed", slower).block().front()["residual_solvent"] <= film["residual_solvent"]);
}

RC_GTEST_PROP(AnyDryer, KeepsItsHeatBalance, ()) {
  const Line line = any_electrode();
  DryerAir air{.temperature = between(40, 200) + kZeroCelsius, .heat_transfer = log_between(5, 500)};
  const Evaporation dry = evaporation(line, air);
  const double taken = dry.rate * heat_of_evaporation(line);
  const double given = 2 * air.heat_transfer * (air.temperature - dry.film_temperature);
  RC_ASSERT(close(taken, given, 1e-6));
  RC_ASSERT(dry.film_temperature < air.temperature);
  const double boiling = line == Line::anode ? 373.15 : 475.15;
  RC_ASSERT(dry.film_temperature < boiling);
  RC_ASSERT(saturation_pressure(line, dry.film_temperature) < kAtmosphere);
  DryerAir hotter = air;
  hotter.temperature += between(1, 20);
  RC_ASSERT(evaporation(line, hotter).rate > dry.rate);
  DryerAir windy = air;
  windy.heat_transfer *= between(1.01, 2);
  RC_ASSERT(close(evaporation(line, windy).rate / dry.rate, windy.heat_transfer / air.heat_transfer, 1e-6));
  DryerAir humid = air;
  humid.vapour_pressure = between(0, 0.9) * saturation_pressure(line, dry.film_temperature);
  RC_ASSERT(evaporation(line, humid).rate <= dry.rate);
}

// ---- Calendering -------------------------------------------------------------------------------------------------

RC_GTEST_PROP(AnyCalender, KeepsPorosityAShareAndMakesNoFilmThicker, ()) {
  const Line line = any_electrode();
  Machine machine{.type = calendaring(), .line = line, .upstream = usual_electrodes(drying())};
  machine.values = any_values(calendaring(), line, machine.design);
  if (pick(2) == 0) machine.seed = static_cast<std::uint64_t>(pick(1000));
  for (const Done& film : machine.block()) {
    const double loading = film["solid_loading"], density = machine.upstream.web(line).solid_density;
    RC_ASSERT(film["porosity"] > 0);
    RC_ASSERT(film["porosity"] < 1);
    double incoming = machine.upstream.web(line).porosity;
    if (machine.values[4]) incoming = std::clamp(1 - loading / (density * *machine.values[4]), 0.02, 0.98);
    if (machine.values[5]) incoming = *machine.values[5];
    RC_ASSERT(film["final_thickness"] <= loading / (density * (1 - incoming)) * (1 + 1e-9));
    RC_ASSERT(film["line_load"] >= 0);
    RC_ASSERT(film["line_load"] <= film["highest_load"] * (1 + 1e-12));
  }
}

RC_GTEST_PROP(AnyCalender, PressesFurtherWithLoadAndWarmth, ()) {
  const Line line = any_electrode();
  const double least = line == Line::anode ? 0.20 : 0.18;
  // A gap so narrow that the force decides.
  const Machine machine = usual(calendaring(), line, usual_electrodes(drying()))
                              .with("roll_gap", 1e-6)
                              .with("temperature", between(290, 390));
  const double pressure = log_between(1e5, 1e7), temperature = *machine.values[2];
  const auto porosity = [&](double p, double t) {
    const Done film = machine.with("roll_pressure", p).with("temperature", t).block().front();
    RC_ASSERT(film["force_limited"] == 1);
    return film["porosity"];
  };
  const double usual_porosity = porosity(pressure, temperature);
  RC_ASSERT(porosity(pressure * between(1.05, 3), temperature) < usual_porosity);
  RC_ASSERT(porosity(pressure, temperature + between(1, 30)) < usual_porosity);
  RC_ASSERT(usual_porosity > least);
  RC_ASSERT(close(porosity(1e10, temperature), least, 1e-9));
  // A wider gap leaves more pores.
  const auto through = [&](double gap) {
    return machine.with("roll_gap", gap).with("roll_pressure", 1e8).block().front()["porosity"];
  };
  const double gap = between(20e-6, 120e-6);
  RC_ASSERT(through(gap) <= through(gap * between(1.01, 1.5)) * (1 + 1e-12));
}

// ---- Winding and filling -----------------------------------------------------------------------------------------

RC_GTEST_PROP(AnyRoll, GrowsByItsAreaAndIsHardestAtItsCore, ()) {
  Machine machine{.type = rewinding(), .line = Line::cell, .upstream = usual_electrodes(inspection())};
  machine.values = any_values(rewinding(), Line::cell, machine.design);
  const double core = machine.design.core_diameter;
  const Done roll = machine.paced();
  for (std::size_t t = 0; t < roll.steps.size(); ++t) {
    const double diameter = roll.at(t, "roll_diameter");
    const double area = 4 / std::numbers::pi * roll.at(t, "wound_length") * roll.at(t, "final_thickness");
    RC_ASSERT(std::abs(diameter * diameter - core * core - area) <= 1e-12 * diameter * diameter);
    RC_ASSERT(roll.at(t, "roll_hardness") >= 0);
    RC_ASSERT(roll.at(t, "core_pressure") >= roll.at(t, "roll_hardness"));
  }
}

RC_GTEST_PROP(AnyCell, GetsWetWithTimeAndVacuum, ()) {
  const Product wound = usual_cell(rewinding());
  Machine machine{.type = electrolyte_filling(), .line = Line::cell, .upstream = wound};
  machine.values = any_values(electrolyte_filling(), Line::cell, machine.design);
  if (pick(2) == 0) machine.seed = static_cast<std::uint64_t>(pick(1000));
  const Done cell = machine.block().front();
  RC_ASSERT(cell["eta_wetting"] >= 0);
  RC_ASSERT(cell["eta_wetting"] <= 1);
  const auto scaled = [&](std::string_view name, double factor) {
    const double value = *machine.values[field(electrolyte_filling(), name)] * factor;
    return machine.with(name, value).block().front()["eta_wetting"];
  };
  RC_ASSERT(scaled("soaking_time", between(1, 4)) >= cell["eta_wetting"]);
  RC_ASSERT(scaled("vacuum_filling", between(0.1, 1)) >= cell["eta_wetting"]);
  RC_ASSERT(scaled("vacuum_level", between(0.1, 1)) >= cell["eta_wetting"]);
  Machine wide = machine;
  const double factor = between(1.1, 3);
  wide.upstream.cell.width *= factor;
  RC_ASSERT(close(wide.block().front()["time_to_wet"], cell["time_to_wet"] * factor * factor, 1e-9));
}

// ---- Formation and aging -----------------------------------------------------------------------------------------

RC_GTEST_PROP(AnyCell, BalancesItsLithium, ()) {
  const Machine machine =
      Machine{.type = formation_cycling(), .line = Line::cell, .upstream = usual_cell(electrolyte_filling())}
          .with("charge_current_A", log_between(0.1, 10))
          .with("charge_voltage_limit_V", between(3.6, 4.4))
          .with("initial_voltage", between(0.5, 4))
          .with("formation_duration_s", log_between(60, 59'000));
  for (const Done& done : {machine.paced(), machine.block().front()}) {
    const Cell& cell = done.product.cell;
    const double in = done["charge_in_Ah"], net = in - cell.capacity;
    RC_ASSERT(std::abs(cell.cathode_capacity * (0.99 - cell.cathode_full) - in) < 1e-9);
    RC_ASSERT(std::abs(cell.cathode_capacity * (0.99 - cell.cathode_empty) - net) < 1e-9);
    RC_ASSERT(std::abs(cell.anode_capacity * (cell.anode_empty - 0.001) + cell.sei_charge - net) < 1e-9);
    RC_ASSERT(cell.sei_efficiency >= 0);
    RC_ASSERT(cell.sei_efficiency < 1);
    RC_ASSERT(done["Voltage_V"] <= std::max(*machine.values[1], 4.4));
  }
  const Done stepped = machine.paced();
  for (std::size_t t = 0; t < stepped.steps.size(); ++t) {
    if (stepped.at(t, "Current_A") > 0) RC_ASSERT(stepped.at(t, "Voltage_V") <= *machine.values[1] + 1e-3);
  }
}

RC_GTEST_PROP(AnyCell, LosesChargeInTheStoreFasterWhereItIsWarm, ()) {
  Machine stocked{.type = aging(), .line = Line::cell, .upstream = usual_cell(formation_cycling())};
  stocked.design.aging_charge = between(0.2, 1);
  const Machine machine = stocked.with("k_leak", log_between(1e-12, 1e-7))
                              .with("temperature", between(275, 330))
                              .with("aging_time_days", between(0.1, 20));
  const Done stored = machine.paced();
  double before = machine.design.aging_charge;
  for (std::size_t t = 0; t < stored.steps.size(); ++t) {
    RC_ASSERT(stored.at(t, "SOC") < before);
    before = stored.at(t, "SOC");
  }
  RC_ASSERT(stored["SOC"] >= 0);
  const double warmer = *machine.values[1] + between(1, 20);
  const Done warm = machine.with("temperature", warmer).paced();
  RC_ASSERT(warm["Leakage_Current_A"] > stored["Leakage_Current_A"] ||
            stored["SOC"] < 0.9 * machine.design.aging_charge);
  RC_ASSERT(warm["SOC"] < stored["SOC"]);
  if (warm.product.cell.open_circuit_voltage > 3.4) RC_ASSERT(warm["capacity_loss"] > stored["capacity_loss"]);
  // Steps of days instead of hours change next to nothing.
  const Done at_once = machine.block().front();
  for (std::size_t i = 0; i < stored.properties.size(); ++i)
    RC_ASSERT(std::abs(at_once.properties[i] - stored.properties[i]) <= 2e-3 * std::abs(stored.properties[i]) + 1e-12);
}

}  // namespace
}  // namespace battery_twin::process::testing
