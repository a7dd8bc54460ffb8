// Slitting, inspection, winding and filling of the mechanistic plant: what holds for all four.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cell_line_testing.hpp"
#include "mechanistic/electrolyte_filling.hpp"
#include "mechanistic/inspection.hpp"
#include "mechanistic/rewinding.hpp"
#include "mechanistic/slitting.hpp"

namespace battery_twin::process::testing::cell_line {
namespace {

const std::array<const MachineType*, 4>& machines() {
  static const std::array types{&slitting(), &inspection(), &rewinding(), &electrolyte_filling()};
  return types;
}

// One cell with all its noise, to the end in one go.
template <template <class> class Model, class P>
Done one_cell(const Trial& run, std::size_t lane) {
  std::array<double, sizeof(P) / sizeof(double)> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = run.values[i].value();
  const P parameters = std::bit_cast<P>(numbers);
  Model<double> model(Setting<double, P>{
      .line = run.line,
      .upstream = run.upstream,
      .parameters = parameters,
      .design = run.design,
      .draws = Draws<double>({run.seeds()[lane]}, {run.cells()[lane]}, stream_of(run.type.name), true, true)});
  model.run();
  Done result{.type = &run.type, .properties = {}, .product = run.upstream};
  result.properties.resize(mechanistic(run.type).outputs.size());
  model.properties(result.properties);
  model.hand_on(result.product);
  return result;
}

Done one_cell(const Trial& run, std::size_t lane) {
  if (&run.type == &slitting()) return one_cell<MechanisticSlitting, SlittingParameters>(run, lane);
  if (&run.type == &inspection()) return one_cell<MechanisticInspection, InspectionParameters>(run, lane);
  if (&run.type == &rewinding()) return one_cell<MechanisticRewinding, RewindingParameters>(run, lane);
  return one_cell<MechanisticElectrolyteFilling, ElectrolyteFillingParameters>(run, lane);
}

// Valid inputs, ordinary ones and the ends of what is allowed.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  double unit() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  double log_between(double low, double high) { return low * std::pow(high / low, unit()); }

  double within(const FieldInfo& field, Line line) {
    const double low = field.hard.above.value_or(field.hard.at_least.value_or(0));
    const double high = field.hard.at_most.value_or(field.hard.below.value_or(1e300));
    const double choice = unit();
    if (choice < 0.15) return field.hard.above ? std::nextafter(low, high) : low;
    if (choice < 0.3) return field.hard.below ? std::nextafter(high, low) : high;
    const double usual = field.mechanistic.of(line).value();
    if (choice < 0.7) return std::clamp(usual * log_between(0.1, 10), low, high);
    return std::clamp(log_between(1e-9, 1e9), low, high);
  }

  Values values(const MachineType& type, Line line) {
    Values values;
    for (const FieldInfo& field : type.fields) values.push_back(within(field, line));
    return values;
  }

  CellDesign design() {
    CellDesign design;
    const auto fields = cell_design_fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const FieldInfo& field = fields[i];
      const double low = field.hard.at_least.value_or(1e-9);
      const double high = field.hard.at_most.value();
      const double usual = field.reference.anode.value();
      const double choice = unit();
      cell_design_value(design, i) = choice < 0.1   ? low
                                     : choice < 0.2 ? high
                                                    : std::clamp(usual * log_between(0.3, 3), low, high);
    }
    return design;
  }

  Product product() {
    Product product = preset();
    for (const Line line : {Line::anode, Line::cathode}) {
      Web& web = product.web(line);
      web.coated_width = log_between(1e-3, 3);
      web.thickness = log_between(1e-9, 1e-2);
      web.target_thickness = log_between(1e-9, 1e-2);
      web.porosity = unit();
      web.solid_loading = log_between(1e-6, 10);
      web.width = log_between(1e-6, 10);
      web.epsilon_width = web.width * (unit() - 0.5);
      web.burr_height = log_between(1e-9, 1e3);
      web.defect_density = unit() < 0.2 ? 0 : log_between(1e-6, 1e9);
    }
    product.cell.width = log_between(1e-6, 10);
    product.cell.area = unit() < 0.1 ? 0 : log_between(1e-9, 1e4);
    product.cell.porosity = unit();
    return product;
  }

 private:
  std::mt19937 random_;
};

std::vector<Trial> random_runs(const MachineType& type, int count) {
  Chance chance(2026);
  std::vector<Trial> runs;
  for (int i = 0; static_cast<int>(runs.size()) < count && i < 100 * count; ++i) {
    Trial run{.type = type,
              .values = chance.values(type, line_of(type)),
              .upstream = chance.product(),
              .design = i % 2 == 0 ? cell_designs().front() : chance.design(),
              .seed = i};
    if (&type == &slitting() || &type == &inspection()) run.line = i % 4 < 2 ? Line::anode : Line::cathode;
    if (type.violations(ModelSet::mechanistic, run.values, 1000, run.design).empty()) runs.push_back(run);
  }
  EXPECT_EQ(runs.size(), static_cast<std::size_t>(count)) << type.name;
  return runs;
}

TEST(CellLine, PublishesThePythonNamesFirst) {
  for (const MachineType* type : machines()) {
    const auto reference = type->model(ModelSet::reference).outputs;
    const auto outputs = mechanistic(*type).outputs;
    ASSERT_GT(outputs.size(), reference.size());
    for (std::size_t i = 0; i < reference.size(); ++i) EXPECT_EQ(outputs[i].name, reference[i].name) << type->name;
    EXPECT_EQ(outputs.back().name, kMachineEnergy);
    for (const Output& o : outputs) {
      EXPECT_FALSE(o.description.empty()) << o.name;
      EXPECT_EQ(o.unit.empty(), o.kind == Kind::boolean) << o.name;
      EXPECT_EQ(o.kind == Kind::boolean, o.verdict != Verdict::none) << o.name;
    }
  }
}

TEST(CellLine, DefaultsMakeAGoodCellWithoutRemarks) {
  for (const MachineType* type : machines()) {
    for (const Line line : {Line::anode, Line::cathode}) {
      Trial run{.type = *type};
      if (run.line != Line::cell) run.line = line;
      const Done result = run.paced();
      EXPECT_EQ(result.outcome(), Outcome::pass) << type->name;
      EXPECT_TRUE(result.remarks.empty()) << type->name << ": " << result.remarks.front();
      EXPECT_GT(result[kMachineEnergy], 0) << type->name;
    }
  }
}

TEST(CellLine, StepsAndTheWayInOneGoEndInTheSameState) {
  for (const MachineType* type : machines()) {
    for (const Trial& run : random_runs(*type, 40)) {
      const std::vector<Done> stepped = run.block(true, true), at_once = run.block(false, true);
      for (std::size_t i = 0; i < kLanes; ++i) expect_same(stepped[i], at_once[i], 1e-12);
      expect_same(run.paced(), run.paced(), 0);
    }
    const Trial quiet{.type = *type};
    expect_same(quiet.paced(), quiet.block(false, false).front(), 1e-12);
  }
}

TEST(CellLine, EightCellsSideBySideAreEightCells) {
  for (const MachineType* type : machines()) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Trial run{.type = *type, .seed = seed};
      const std::vector<Done> lanes = run.block(false, true);
      for (std::size_t i = 0; i < kLanes; ++i) expect_same(one_cell(run, i), lanes[i], 1e-12);
    }
  }
}

TEST(CellLine, EveryNumberIsFiniteWhateverTheInput) {
  const auto finite = [](const Done& result) {
    for (std::size_t i = 0; i < result.properties.size(); ++i)
      ASSERT_TRUE(std::isfinite(result.properties[i]))
          << result.type->name << ' ' << mechanistic(*result.type).outputs[i].name;
    for (const double number : numbers_of(result.product)) ASSERT_TRUE(std::isfinite(number)) << result.type->name;
  };
  for (const MachineType* type : machines()) {
    for (const Trial& run : random_runs(*type, 1000)) {
      finite(run.paced());
      for (const Done& result : run.block(false, true)) finite(result);
    }
  }
}

TEST(CellLine, BeforeTheFirstStepAllIsFiniteToo) {
  for (const MachineType* type : machines()) {
    const Trial run{.type = *type};
    const auto started = mechanistic(*type).start({.line = run.line,
                                                   .upstream = run.upstream,
                                                   .parameters = run.values,
                                                   .design = run.design,
                                                   .noise = Noise(0, type->name, false)});
    std::vector<double> properties(mechanistic(*type).outputs.size(), std::numeric_limits<double>::quiet_NaN());
    started->properties(properties);
    for (const double value : properties) EXPECT_TRUE(std::isfinite(value)) << type->name;
  }
}

// Every parameter does what it does in a plant.
struct Effect {
  const MachineType& (*type)();
  std::string_view field;
  double low, high;
  std::string_view output;
  int sign;
};

class Effects : public ::testing::TestWithParam<Effect> {};

TEST_P(Effects, HaveTheirSign) {
  const Effect& effect = GetParam();
  const double low = Trial{.type = effect.type()}.with(effect.field, effect.low).paced()[effect.output];
  const double high = Trial{.type = effect.type()}.with(effect.field, effect.high).paced()[effect.output];
  EXPECT_GT((high - low) * effect.sign, 0) << effect.field << " on " << effect.output << ": " << low << ", " << high;
}

INSTANTIATE_TEST_SUITE_P(CellLine, Effects,
                         ::testing::Values(Effect{slitting, "blade_sharpness", 0.5, 1, "burr_height", -1},
                                           Effect{slitting, "slitting_speed", 0.1, 1, "burr_height", +1},
                                           Effect{slitting, "slitting_speed", 0.1, 1, "machine_energy", -1},
                                           Effect{slitting, "target_width", 0.058, 0.07, "width_final", +1},
                                           Effect{slitting, "target_width", 0.058, 0.07, "strips", -1},
                                           Effect{slitting, "slitting_tension", 50, 100, "burr_factor", +1},
                                           Effect{slitting, "slitting_tension", 50, 100, "machine_energy", +1},
                                           Effect{inspection, "B_max", 0.4, 2, "Pass_burr", +1},
                                           Effect{rewinding, "rewinding_speed", 0.1, 1, "machine_energy", -1},
                                           Effect{rewinding, "rewinding_speed", 1e-3, 1, "moisture", -1},
                                           Effect{rewinding, "initial_tension", 10, 20, "roll_hardness", +1},
                                           Effect{rewinding, "initial_tension", 10, 20, "winding_stress", +1},
                                           Effect{rewinding, "tapering_steps", 0, 0.5, "web_tension", -1},
                                           Effect{rewinding, "tapering_steps", 0, 0.5, "core_pressure", -1},
                                           Effect{rewinding, "environment_humidity", 0.5, 30, "moisture", +1},
                                           Effect{electrolyte_filling, "vacuum_level", 20, 500, "trapped_gas", +1},
                                           Effect{electrolyte_filling, "vacuum_level", 20, 500, "eta_wetting", -1},
                                           Effect{electrolyte_filling, "vacuum_filling", 20, 500, "wetting_rate", -1},
                                           Effect{electrolyte_filling, "vacuum_filling", 20, 500, "time_to_wet", +1},
                                           Effect{electrolyte_filling, "soaking_time", 100, 9400, "eta_wetting", +1},
                                           Effect{electrolyte_filling, "soaking_time", 9400, 90000, "trapped_gas", -1}),
                         [](const ::testing::TestParamInfo<Effect>& tested) {
                           return std::string(tested.param.field) + "_" + std::string(tested.param.output);
                         });

}  // namespace
}  // namespace battery_twin::process::testing::cell_line
