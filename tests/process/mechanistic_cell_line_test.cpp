#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mechanistic/electrolyte_filling.hpp"
#include "mechanistic/inspection.hpp"
#include "mechanistic/rewinding.hpp"
#include "mechanistic/slitting.hpp"

// Slitting, inspection, winding and filling of the mechanistic plant: what a web and a cell go through behind the
// calender.

namespace battery_twin::process {
namespace {

// ---- How a machine is run here -----------------------------------------------------------------------------------

const MachineModel& model_of(const MachineType& type) { return type.model(ModelSet::mechanistic); }

const std::array<const MachineType*, 4>& machines() {
  static const std::array types{&slitting(), &inspection(), &rewinding(), &electrolyte_filling()};
  return types;
}

Line line_of(const MachineType& type) {
  return &type == &slitting() || &type == &inspection() ? Line::cathode : Line::cell;
}

std::size_t output(const MachineType& type, std::string_view name) {
  const auto outputs = model_of(type).outputs;
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const Output& o) { return o.name == name; });
  if (found == outputs.end()) throw std::invalid_argument("no such property: " + std::string(name));
  return static_cast<std::size_t>(found - outputs.begin());
}

// The 5 Ah pouch behind the calender, and wound.
Product preset() {
  Product product;
  for (const Line line : {Line::anode, Line::cathode}) {
    const bool anode = line == Line::anode;
    Web& web = product.web(line);
    web.coated_width = 0.5;
    web.thickness = web.target_thickness = anode ? 74.3e-6 : 63.9e-6;
    web.porosity = anode ? 0.330 : 0.281;
    web.solid_loading = anode ? 0.10907 : 0.19975;
    web.solid_density = anode ? 2190.5 : 4346.6;
    web.width = 0.058;
    web.burr_height = 2.5e-6;
    web.defect_density = 0.2;
  }
  product.cell.width = 0.058;
  product.cell.area = 0.058 * 2.666;
  product.cell.porosity = 0.3222;
  product.cell.thickness = 333.4e-6;
  product.cell.wound_length = 1.333;
  return product;
}

struct Result {
  const MachineType* type;
  std::vector<double> properties;
  std::vector<std::string> remarks;
  Product product;
  std::vector<std::vector<double>> steps;

  double operator[](std::string_view name) const { return properties[output(*type, name)]; }
  [[nodiscard]] Outcome outcome() const { return judge(model_of(*type).outputs, properties); }
};

struct Trial {
  const MachineType& type;
  Line line = line_of(type);
  Values values = type.defaults(ModelSet::mechanistic, line);
  Product upstream = preset();
  CellDesign design = cell_designs().front();
  std::optional<std::uint64_t> seed{};

  Trial with(std::string_view field, double value) && {
    values[type.index_of(field).value()] = value;
    return *this;
  }

  // As the paced plant does.
  [[nodiscard]] Result paced() const {
    const auto run = model_of(type).start({.line = line,
                                           .upstream = upstream,
                                           .parameters = values,
                                           .design = design,
                                           .noise = Noise(seed.value_or(0), type.name, seed.has_value())});
    Result result{.type = &type, .product = upstream};
    result.properties.assign(model_of(type).outputs.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::uint32_t t = 0, planned = run->planned_steps(); t < planned; ++t) {
      run->step();
      run->properties(result.properties);
      result.steps.push_back(result.properties);
    }
    result.remarks = run->remarks();
    run->hand_on(result.product);
    return result;
  }

  // As studies do: eight cells that differ by their noise.
  [[nodiscard]] std::vector<Result> block(bool literal, bool noise) const {
    const auto parameters = model_of(type).prepare(values);
    ProductBlock block{};
    for (std::size_t i = 0; i < kLanes; ++i) set_cell(block, i, upstream);
    CellPack unset;
    unset.lane.fill(std::numeric_limits<double>::quiet_NaN());
    std::vector<CellPack> properties(model_of(type).outputs.size(), unset);
    model_of(type).run_block({.line = line,
                              .parameters = parameters.get(),
                              .design = design,
                              .stream = stream_of(type.name),
                              .seeds = seeds(),
                              .cells = cells(),
                              .batch_noise = noise,
                              .cell_noise = noise,
                              .literal = literal},
                             block, properties);
    std::vector<Result> results;
    for (std::size_t i = 0; i < kLanes; ++i) {
      Result result{.type = &type, .product = cell_of(block, i)};
      for (const CellPack& pack : properties) result.properties.push_back(pack.lane[i]);
      results.push_back(std::move(result));
    }
    return results;
  }

  [[nodiscard]] std::array<std::uint64_t, kLanes> seeds() const {
    std::array<std::uint64_t, kLanes> seeds{};
    for (std::size_t i = 0; i < kLanes; ++i) seeds[i] = seed.value_or(1) + i / 4;
    return seeds;
  }
  [[nodiscard]] static std::array<std::uint32_t, kLanes> cells() { return {0, 1, 2, 3, 4, 5, 6, 1000}; }
};

// One cell with all its noise, to the end in one go.
template <template <class> class Model, class P>
Result one_cell(const Trial& run, std::size_t lane) {
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
  Result result{.type = &run.type, .product = run.upstream};
  result.properties.resize(model_of(run.type).outputs.size());
  model.properties(result.properties);
  model.hand_on(result.product);
  return result;
}

Result one_cell(const Trial& run, std::size_t lane) {
  if (&run.type == &slitting()) return one_cell<MechanisticSlitting, SlittingParameters>(run, lane);
  if (&run.type == &inspection()) return one_cell<MechanisticInspection, InspectionParameters>(run, lane);
  if (&run.type == &rewinding()) return one_cell<MechanisticRewinding, RewindingParameters>(run, lane);
  return one_cell<MechanisticElectrolyteFilling, ElectrolyteFillingParameters>(run, lane);
}

using Numbers = std::array<double, sizeof(Product) / sizeof(double)>;
Numbers numbers(const Product& product) { return std::bit_cast<Numbers>(product); }

void expect_same(const Result& a, const Result& b, double tolerance) {
  const auto close = [&](double x, double y) { return std::abs(x - y) <= tolerance * std::abs(x) + 1e-18; };
  for (std::size_t i = 0; i < a.properties.size(); ++i)
    EXPECT_TRUE(close(a.properties[i], b.properties[i])) << a.type->name << ' ' << model_of(*a.type).outputs[i].name
                                                         << ": " << a.properties[i] << " and " << b.properties[i];
  const Numbers left = numbers(a.product), right = numbers(b.product);
  for (std::size_t i = 0; i < left.size(); ++i)
    EXPECT_TRUE(close(left[i], right[i])) << a.type->name << " product, number " << i;
}

bool mentions(const std::vector<std::string>& remarks, std::string_view text) {
  return std::any_of(remarks.begin(), remarks.end(),
                     [&](const std::string& remark) { return remark.find(text) != std::string::npos; });
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

// ---- What holds for all four -------------------------------------------------------------------------------------

TEST(CellLine, PublishesThePythonNamesFirst) {
  for (const MachineType* type : machines()) {
    const auto reference = type->model(ModelSet::reference).outputs;
    const auto outputs = model_of(*type).outputs;
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
      const Result result = run.paced();
      EXPECT_EQ(result.outcome(), Outcome::pass) << type->name;
      EXPECT_TRUE(result.remarks.empty()) << type->name << ": " << result.remarks.front();
      EXPECT_GT(result[kMachineEnergy], 0) << type->name;
    }
  }
}

TEST(CellLine, StepsAndTheWayInOneGoEndInTheSameState) {
  for (const MachineType* type : machines()) {
    for (const Trial& run : random_runs(*type, 40)) {
      const std::vector<Result> stepped = run.block(true, true), at_once = run.block(false, true);
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
      const std::vector<Result> lanes = run.block(false, true);
      for (std::size_t i = 0; i < kLanes; ++i) expect_same(one_cell(run, i), lanes[i], 1e-12);
    }
  }
}

TEST(CellLine, EveryNumberIsFiniteWhateverTheInput) {
  const auto finite = [](const Result& result) {
    for (std::size_t i = 0; i < result.properties.size(); ++i)
      ASSERT_TRUE(std::isfinite(result.properties[i]))
          << result.type->name << ' ' << model_of(*result.type).outputs[i].name;
    for (const double number : numbers(result.product)) ASSERT_TRUE(std::isfinite(number)) << result.type->name;
  };
  for (const MachineType* type : machines()) {
    for (const Trial& run : random_runs(*type, 1000)) {
      finite(run.paced());
      for (const Result& result : run.block(false, true)) finite(result);
    }
  }
}

TEST(CellLine, BeforeTheFirstStepAllIsFiniteToo) {
  for (const MachineType* type : machines()) {
    const Trial run{.type = *type};
    const auto started = model_of(*type).start({.line = run.line,
                                                .upstream = run.upstream,
                                                .parameters = run.values,
                                                .design = run.design,
                                                .noise = Noise(0, type->name, false)});
    std::vector<double> properties(model_of(*type).outputs.size(), std::numeric_limits<double>::quiet_NaN());
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

// ---- Slitting ----------------------------------------------------------------------------------------------------

TEST(Slitting, CutsThePresetsWebInto296Electrodes) {
  const Result result = Trial{.type = slitting()}.paced();
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
  const Result cathode = Trial{.type = slitting()}.paced();
  const double expected = 4e-6 * (1 + 100 / 20e3) * std::sqrt(1.5) * std::pow(0.1, 0.2) * std::pow(0.5, 0.3);
  EXPECT_NEAR(cathode["burr_height"], expected, 1e-15);
  EXPECT_NEAR(cathode["burr_height"], 2.52e-6, 0.005e-6);
  EXPECT_NEAR(cathode["burr_factor"], cathode["burr_height"] / 5e-6, 1e-12);
  const Result anode = Trial{.type = slitting(), .line = Line::anode}.paced();
  EXPECT_NEAR(cathode["burr_height"] / anode["burr_height"], std::sqrt(1.5), 1e-12) << "thicker foil";
}

TEST(Slitting, WearsTheBladeWithTheLengthCut) {
  const Result result = Trial{.type = slitting()}.paced();
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
  const Result wide = Trial{.type = slitting()}.with("target_width", 0.6).paced();
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
  const Result result = Trial{.type = slitting()}.with("target_width", 0.1).paced();
  EXPECT_EQ(result["strips"], 5 * 37);
  EXPECT_NEAR(result["trim_scrap"], 0, 1e-12);
}

TEST(Slitting, WarnsOfHighBurrsAndScrapsThoseThatReachThroughTheSeparator) {
  const Result high = Trial{.type = slitting()}.with("blade_sharpness", 0.22).paced();
  EXPECT_GT(high["burr_height"], 10e-6);
  EXPECT_EQ(high["defect_risk"], 1);
  EXPECT_EQ(high["burr_through"], 0);
  EXPECT_EQ(high.outcome(), Outcome::pass);
  const Result through = Trial{.type = slitting()}.with("blade_sharpness", 0.1).paced();
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
    for (const Result& cell : Trial{.type = slitting(), .seed = seed * 10}.block(false, true)) {
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
    const Result fails = run.paced();
    EXPECT_EQ(fails[c.test], 0) << c.field;
    EXPECT_EQ(fails["Overall"], 0);
    EXPECT_EQ(fails.outcome(), Outcome::scrap);
    EXPECT_EQ(std::count(fails.properties.begin() + 7, fails.properties.begin() + 11, 0.0), 1) << "that test alone";
    EXPECT_FALSE(fails.remarks.empty());
    const Result passes = Trial(run).with(c.field, c.limit * 10).paced();
    EXPECT_EQ(passes[c.test], 1) << c.field;
    EXPECT_EQ(passes.outcome(), Outcome::pass);
  }
}

TEST(Inspection, CountsGrowWithTheStripInspected) {
  Trial run{.type = inspection()};
  run.upstream.cathode.defect_density = 100;
  const Result result = run.paced();
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
    for (const Result& cell : run.block(false, true)) {
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
    for (const Result& cell : Trial{.type = inspection(), .seed = block * 10}.block(false, true)) {
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
    model_of(inspection()).remarks(values, cell_designs().front(), found);
    return found;
  };
  EXPECT_TRUE(remarks(inspection().defaults(ModelSet::mechanistic, Line::anode)).empty());
  const std::vector<std::string> found = remarks(inspection().defaults(ModelSet::reference, Line::anode));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], "epsilon_width_max 0.1 m: this test cannot fail");
  EXPECT_EQ(found[1], "epsilon_thickness_max 1e-05 m: this test cannot fail");
  EXPECT_EQ(found[2], "D_surface_max 3: electrodes with more than 10 defects per m2 pass");
}

// ---- Winding -----------------------------------------------------------------------------------------------------

TEST(Winding, ThePythonPlantsRollHasTheStressAndPressureOfThePage) {
  const double stress = 100 / (0.5 * 268e-6);
  EXPECT_NEAR(stress, 0.75e6, 0.005e6);
  const double diameter = roll_diameter(0.2, 12.0, 268e-6);
  EXPECT_NEAR(radial_pressure(stress, 0.3, 0.1, 0.1, diameter / 2), 36e3, 0.5e3);
}

TEST(Winding, KnowsWhatFitsIntoACan) {
  const double stack = Trial{.type = rewinding()}.paced()["final_thickness"];
  EXPECT_NEAR(stack, 333e-6, 0.5e-6);
  EXPECT_NEAR(length_that_fits(17.5e-3, 2e-3, stack), 0.712, 0.0005);
  EXPECT_NEAR(length_that_fits(20.4e-3, 2e-3, stack), 0.971, 0.0005);
  EXPECT_NEAR(roll_diameter(2e-3, length_that_fits(17.5e-3, 2e-3, stack), stack), 17.5e-3, 1e-12);
}

TEST(Winding, PressureFallsOutwardsAndIsTheIntegralOfTheStress) {
  constexpr double kCore = 0.015, kOuter = 0.02, kStress = 1e6;
  for (const double taper : {0.0, 1e-13, 1e-9, 0.3, 1.0, 5.0}) {
    double integral = 0;
    constexpr int kSlices = 20'000;
    for (int i = 0; i < kSlices; ++i) {
      const double s = kCore + (kOuter - kCore) * (i + 0.5) / kSlices;
      integral += kStress * std::pow(kCore / s, taper) / s * (kOuter - kCore) / kSlices;
    }
    EXPECT_NEAR(radial_pressure(kStress, taper, kCore, kCore, kOuter), integral, 1e-6 * integral) << taper;
    double before = integral * (1 + 1e-6);
    for (double r = kCore; r < kOuter; r += 1e-4) {
      const double p = radial_pressure(kStress, taper, kCore, r, kOuter);
      EXPECT_LT(p, before);
      EXPECT_GE(p, 0);
      before = p;
    }
    EXPECT_NEAR(radial_pressure(kStress, taper, kCore, kOuter, kOuter), 0, 1e-9);
  }
}

TEST(Winding, ThePouchIsWoundAsDesigned) {
  const Result result = Trial{.type = rewinding()}.paced();
  EXPECT_NEAR(result["active_area"], 0.1546, 0.00005);
  EXPECT_NEAR(result["porosity"], 0.322, 0.0005);
  EXPECT_DOUBLE_EQ(result["wound_length"], 1.333);
  EXPECT_DOUBLE_EQ(result["overhang"], 0.75e-3);
  EXPECT_EQ(result.steps.size(), 3u) << "1.333 m at 0.5 m/s in steps of 1 s";
  EXPECT_NEAR(result.steps[0][output(rewinding(), "wound_length")], 0.5, 1e-12);
  EXPECT_EQ(result.product.cell.area, result["active_area"]);
  EXPECT_EQ(result.product.cell.overhang, result["overhang"]);
  const double grown = std::pow(result["roll_diameter"], 2) - 0.03 * 0.03;
  EXPECT_NEAR(grown, 4 * 1.333 * result["final_thickness"] / std::numbers::pi, 1e-15);
}

TEST(Winding, ASingleSidedFoilIsThinnerAndLonger) {
  Trial run{.type = rewinding()};
  run.design.faces = 1;
  const Result result = run.paced();
  EXPECT_DOUBLE_EQ(result["wound_length"], 2.666);
  EXPECT_NEAR(result["final_thickness"], 74.3e-6 + 63.9e-6 + 25e-6 + 32e-6, 1e-15);
}

TEST(Winding, TheAnodeMustOverlapTheCathodeButNotByMuch) {
  Trial run{.type = rewinding()};
  run.upstream.anode.width = 0.056;
  const Result narrow = run.paced();
  EXPECT_NEAR(narrow["overhang"], -0.25e-3, 1e-12);
  EXPECT_EQ(narrow["anode_too_narrow"], 1);
  EXPECT_EQ(narrow.outcome(), Outcome::scrap);
  EXPECT_NEAR(narrow["active_area"], (0.058 - 0.5e-3) * 2.666, 1e-12);
  run.upstream.anode.width = 0.060;
  const Result wide = run.paced();
  EXPECT_EQ(wide["anode_too_wide"], 1);
  EXPECT_EQ(wide.outcome(), Outcome::scrap);
  EXPECT_NEAR(wide["active_area"], 0.058 * 2.666, 1e-12);
}

TEST(Winding, SoftRollsTelescopeAndTightOnesCrushTheCore) {
  const Result soft = Trial{.type = rewinding()}.with("initial_tension", 0.3).paced();
  EXPECT_LT(soft["roll_hardness"], 2e3);
  EXPECT_EQ(soft["telescoping"], 1);
  EXPECT_TRUE(mentions(soft.remarks, "telescope"));
  const Result tight = Trial{.type = rewinding()}.with("initial_tension", 100).paced();
  EXPECT_GT(tight["winding_stress"], 3e6);
  EXPECT_EQ(tight["crushed_core"], 1);
  EXPECT_EQ(tight.outcome(), Outcome::pass) << "a risk, no verdict";
}

TEST(Winding, ARollThatDoesNotFitItsCanIsScrap) {
  Trial run{.type = rewinding(), .design = cell_designs().back()};
  ASSERT_GT(run.design.can_diameter, 0);
  EXPECT_EQ(run.paced()["does_not_fit"], 0);
  run.design.electrode_length = 1.5;
  EXPECT_EQ(run.paced()["does_not_fit"], 1);
  EXPECT_EQ(run.paced().outcome(), Outcome::scrap);
}

TEST(Winding, HumidRoomsWetTheElectrodes) {
  EXPECT_DOUBLE_EQ(moisture_uptake(0, 1e4), 100e-6);
  EXPECT_DOUBLE_EQ(moisture_uptake(0.3, 3600), 700e-6);
  const Result dry = Trial{.type = rewinding()}.paced();
  EXPECT_NEAR(dry["moisture"], 107e-6, 0.5e-6);
  EXPECT_EQ(dry["moist"], 0);
  const Result humid = Trial{.type = rewinding()}.with("environment_humidity", 30).paced();
  EXPECT_EQ(humid["moist"], 1);
  EXPECT_EQ(humid.product.cell.moisture, humid["moisture"]);
  EXPECT_TRUE(mentions(humid.remarks, "ppm of water"));
}

// ---- Filling -----------------------------------------------------------------------------------------------------

TEST(Filling, WetsAsThePageSays) {
  EXPECT_NEAR(time_to_wet(0.30e-3, 0.029) / 3600, 2.6, 0.05);
  EXPECT_NEAR(wetted_share(0.30e-3, 10, 0.029, 0.0), 0.033, 0.0005);
  EXPECT_DOUBLE_EQ(wetted_share(0.30e-3, 1e6, 0.029, 0.01), 0.99);
  EXPECT_NEAR(time_to_wet(0.30e-3, 0.058) / time_to_wet(0.30e-3, 0.029), 4, 1e-12) << "as the width's square";
  EXPECT_DOUBLE_EQ(wetting_at(298.15), 1);
  EXPECT_NEAR(std::pow(wetting_at(308.15), 2), std::exp(15e3 / 8.314462618 * (1 / 298.15 - 1 / 308.15)), 1e-12);
}

TEST(Filling, ThePouchIsWetAndHasItsDose) {
  const Result result = Trial{.type = electrolyte_filling()}.paced();
  EXPECT_GT(result["eta_wetting"], 0.995);
  EXPECT_EQ(result["dry_area"], 0);
  EXPECT_NEAR(result["V_max"], 7.68e-6, 0.005e-6);
  EXPECT_NEAR(result["V_sep"] + result["V_elec"], result["V_max"], 1e-18);
  EXPECT_NEAR(result["electrolyte_volume"], 1.2 * result["V_max"], 1e-18);
  EXPECT_NEAR(result["electrolyte_mass"] * 1e3 / 5, 2.2, 0.05) << "g per nominal Ah";
  EXPECT_EQ(result.product.cell.electrolyte_volume, result["electrolyte_volume"]);
  EXPECT_EQ(result.product.cell.electrolyte_mass, result["electrolyte_mass"]);
  EXPECT_EQ(result.product.cell.wetting, result["eta_wetting"]);
  EXPECT_EQ(result.steps.size(), 157u) << "9400 s in steps of 60 s";
}

TEST(Filling, SlowCellsAreWetTooWithThreeDeviations) {
  const Result result = Trial{.type = electrolyte_filling()}.paced();
  EXPECT_LT(time_to_wet(result["wetting_rate"] * 0.7, 0.029), 9400);
}

TEST(Filling, WettingRisesWithTimeAndStaysAShare) {
  const Result result = Trial{.type = electrolyte_filling()}.with("soaking_time", 40'000).paced();
  const std::size_t wetting = output(electrolyte_filling(), "eta_wetting");
  double before = 0;
  for (const auto& step : result.steps) {
    EXPECT_GT(step[wetting], before);
    EXPECT_LE(step[wetting], 1);
    before = step[wetting];
  }
}

TEST(Filling, TenSecondsAreNotEnough) {
  const Result result = Trial{.type = electrolyte_filling()}.with("soaking_time", 10).paced();
  EXPECT_LT(result["eta_wetting"], 0.06);
  EXPECT_EQ(result["dry_area"], 1);
  EXPECT_EQ(result["defect_risk"], 1);
  EXPECT_EQ(result.outcome(), Outcome::rework);
  EXPECT_TRUE(mentions(result.remarks, "formation must wait"));
}

TEST(Filling, ADoseBelowThePoresLeavesThemDry) {
  Trial run{.type = electrolyte_filling()};
  run.design.electrolyte_factor = 0.7;
  const Result result = run.paced();
  EXPECT_DOUBLE_EQ(result["eta_wetting"], 0.7);
  EXPECT_EQ(result["dry_area"], 1);
  EXPECT_TRUE(mentions(result.remarks, "less than the pores'"));
}

TEST(Filling, OpenPoresWetFasterUpToALimit) {
  const auto rate = [](double porosity) {
    Trial run{.type = electrolyte_filling()};
    run.upstream.cell.porosity = porosity;
    return run.paced()["wetting_rate"];
  };
  EXPECT_NEAR(rate(0.4) / rate(0.2), 8, 1e-9);
  EXPECT_DOUBLE_EQ(rate(0.55), rate(0.8));
  EXPECT_NEAR(rate(0.322), 0.43e-3 * std::sqrt(1 - 0.5 * 2000 / 101325.0), 1e-12);
}

TEST(Filling, ScattersFromCellToCell) {
  double dose = 0, rate = 0;
  const Result nominal = Trial{.type = electrolyte_filling()}.paced();
  constexpr int kBlocks = 500;
  for (int block = 0; block < kBlocks; ++block) {
    for (const Result& cell : Trial{.type = electrolyte_filling(), .seed = block * 10}.block(false, true)) {
      dose += std::pow(cell["electrolyte_volume"] / nominal["electrolyte_volume"] - 1, 2);
      rate += std::pow(cell["wetting_rate"] / nominal["wetting_rate"] - 1, 2);
    }
  }
  EXPECT_NEAR(std::sqrt(dose / (kBlocks * kLanes)), 0.005, 0.00025);
  EXPECT_NEAR(std::sqrt(rate / (kBlocks * kLanes)), 0.1, 0.005);
}

}  // namespace
}  // namespace battery_twin::process
