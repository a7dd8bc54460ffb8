#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "process_testing.hpp"

namespace battery_twin::process::testing {
namespace {

constexpr std::uint32_t kMaxSteps = 1'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();

double just_above(double value) { return std::nextafter(value, kInfinity); }
double just_below(double value) { return std::nextafter(value, -kInfinity); }

enum class Bound { above, at_least, below, at_most };

// http-api.md section 2, once more and independently of the tables it tests.
struct Row {
  const MachineType& (*type)();
  const char* field;
  Bound bound;
  double limit;
};

const Row kBounds[] = {
    {mixing, "AM", Bound::above, 0},
    {mixing, "CA", Bound::above, 0},
    {mixing, "PVDF", Bound::above, 0},
    {mixing, "solvent", Bound::above, 0},
    {coating, "coating_speed", Bound::above, 0},
    {coating, "coating_speed", Bound::at_most, 10},
    {coating, "gap_height", Bound::above, 0},
    {coating, "gap_height", Bound::at_most, 0.01},
    {coating, "flow_rate", Bound::above, 0},
    {coating, "coating_width", Bound::above, 0},
    {coating, "coating_width", Bound::at_most, 10},
    {drying, "web_speed", Bound::above, 0},
    {drying, "web_speed", Bound::at_most, 10},
    {drying, "wet_thickness", Bound::above, 0},
    {drying, "wet_thickness", Bound::at_most, 0.01},
    {drying, "solid_content", Bound::above, 0},
    {drying, "solid_content", Bound::below, 1},
    {calendaring, "roll_gap", Bound::above, 0},
    {calendaring, "roll_gap", Bound::at_most, 0.01},
    {calendaring, "roll_pressure", Bound::above, 0},
    {calendaring, "roll_pressure", Bound::at_most, 1e10},
    {calendaring, "temperature", Bound::at_least, 200},
    {calendaring, "temperature", Bound::at_most, 600},
    {calendaring, "roll_speed", Bound::above, 0},
    {calendaring, "roll_speed", Bound::at_most, 10},
    {calendaring, "dry_thickness", Bound::above, 0},
    {calendaring, "dry_thickness", Bound::at_most, 0.01},
    {calendaring, "initial_porosity", Bound::above, 0},
    {calendaring, "initial_porosity", Bound::below, 1},
    {slitting, "blade_sharpness", Bound::above, 0},
    {slitting, "slitting_speed", Bound::above, 0},
    {slitting, "slitting_speed", Bound::at_most, 10},
    {slitting, "target_width", Bound::above, 0},
    {slitting, "target_width", Bound::at_most, 10},
    {slitting, "slitting_tension", Bound::above, 0},
    {slitting, "slitting_tension", Bound::at_most, 1e5},
    {inspection, "epsilon_width_max", Bound::above, 0},
    {inspection, "epsilon_width_max", Bound::at_most, 10},
    {inspection, "epsilon_thickness_max", Bound::above, 0},
    {inspection, "epsilon_thickness_max", Bound::at_most, 0.01},
    {inspection, "B_max", Bound::above, 0},
    {inspection, "D_surface_max", Bound::above, 0},
    {rewinding, "rewinding_speed", Bound::above, 0},
    {rewinding, "rewinding_speed", Bound::at_most, 10},
    {rewinding, "initial_tension", Bound::above, 0},
    {rewinding, "initial_tension", Bound::at_most, 1e5},
    {rewinding, "tapering_steps", Bound::at_least, 0},
    {rewinding, "environment_humidity", Bound::at_least, 0},
    {rewinding, "environment_humidity", Bound::at_most, 100},
    {electrolyte_filling, "vacuum_level", Bound::above, 0},
    {electrolyte_filling, "vacuum_level", Bound::at_most, 1e8},
    {electrolyte_filling, "vacuum_filling", Bound::above, 0},
    {electrolyte_filling, "vacuum_filling", Bound::at_most, 1e8},
    {electrolyte_filling, "soaking_time", Bound::at_least, 1},
    {formation_cycling, "charge_current_A", Bound::above, 0},
    {formation_cycling, "charge_current_A", Bound::at_most, 1e3},
    {formation_cycling, "charge_voltage_limit_V", Bound::above, 0},
    {formation_cycling, "charge_voltage_limit_V", Bound::at_most, 10},
    {formation_cycling, "initial_voltage", Bound::above, 0},
    {formation_cycling, "initial_voltage", Bound::at_most, 10},
    {formation_cycling, "formation_duration_s", Bound::above, 0},
    {aging, "k_leak", Bound::above, 0},
    {aging, "temperature", Bound::at_least, 200},
    {aging, "temperature", Bound::at_most, 600},
    {aging, "aging_time_days", Bound::at_least, 1.0 / 24},
};

struct Words {
  const char* type;
  const char* limit_name;
  const char* message;
};

Words words(Bound bound) {
  switch (bound) {
    case Bound::above:
      return {"greater_than", "gt", "Input should be greater than "};
    case Bound::at_least:
      return {"greater_than_equal", "ge", "Input should be greater than or equal to "};
    case Bound::below:
      return {"less_than", "lt", "Input should be less than "};
    case Bound::at_most:
      break;
  }
  return {"less_than_equal", "le", "Input should be less than or equal to "};
}

// What the field alone has to say: neither the sum of the ratios nor the number of steps matters here.
std::vector<Violation> field_violations(const Row& row, std::optional<double> value) {
  const MachineType& type = row.type();
  std::vector<Violation> found = violations(type, defaults_with(type, row.field, value), kMaxSteps);
  std::erase_if(found, [](const Violation& violation) { return violation.type == "value_error"; });
  return found;
}

TEST(HardRange, AcceptsUpToTheBoundAndRefusesBeyond) {
  for (const Row& row : kBounds) {
    SCOPED_TRACE(std::string(row.type().name) + "." + row.field + " " + words(row.bound).limit_name);
    const bool lower = row.bound == Bound::above || row.bound == Bound::at_least;
    const bool inclusive = row.bound == Bound::at_least || row.bound == Bound::at_most;
    const double inside = lower ? just_above(row.limit) : just_below(row.limit);
    const double outside = lower ? just_below(row.limit) : just_above(row.limit);
    EXPECT_TRUE(field_violations(row, inside).empty());
    EXPECT_EQ(field_violations(row, row.limit).empty(), inclusive);
    const std::vector<Violation> found = field_violations(row, outside);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].field, row.field);
    EXPECT_EQ(found[0].type, words(row.bound).type);
    EXPECT_EQ(found[0].limit_name, words(row.bound).limit_name);
    EXPECT_EQ(found[0].limit, row.limit);
    EXPECT_EQ(found[0].input, outside);
    EXPECT_TRUE(found[0].message.starts_with(words(row.bound).message + to_text(row.limit))) << found[0].message;
  }
}

TEST(HardRange, EveryFieldHasItsRowsAndNoOtherBounds) {
  for (const auto& [line, type] : all_machines()) {
    for (const FieldInfo& info : type->fields) {
      std::size_t rows = 0;
      for (const Row& row : kBounds) rows += &row.type() == type && row.field == info.name ? 1 : 0;
      const Range& hard = info.hard;
      const int bounds =
          hard.above.has_value() + hard.at_least.has_value() + hard.below.has_value() + hard.at_most.has_value();
      EXPECT_GT(rows, 0u) << type->name << "." << info.name;
      EXPECT_EQ(static_cast<std::size_t>(bounds), rows) << type->name << "." << info.name;
    }
  }
}

TEST(Fields, MustBeFinite) {
  for (const Row& row : kBounds) {
    for (const double value : {std::nan(""), kInfinity, -kInfinity}) {
      const std::vector<Violation> found = field_violations(row, value);
      ASSERT_EQ(found.size(), 1u) << row.field << " " << value;
      EXPECT_EQ(found[0].field, row.field);
      EXPECT_EQ(found[0].type, "finite_number");
      EXPECT_EQ(found[0].message, "Input should be a finite number");
    }
  }
}

TEST(Fields, MayBeAbsentOnlyWhereTheyAreOptional) {
  const std::vector<std::string> optional{"wet_thickness", "solid_content", "dry_thickness", "initial_porosity"};
  for (const auto& [line, type] : all_machines()) {
    for (const FieldInfo& info : type->fields) {
      const auto found = violations(*type, defaults_with(*type, info.name, std::nullopt), kMaxSteps);
      const bool may_be_absent = std::ranges::find(optional, info.name) != optional.end();
      ASSERT_EQ(found.size(), may_be_absent ? 0u : 1u) << type->name << "." << info.name;
      if (may_be_absent) continue;
      EXPECT_EQ(found[0].field, info.name);
      EXPECT_EQ(found[0].type, "missing");
      EXPECT_EQ(found[0].message, "Field required");
    }
  }
}

TEST(Fields, AreAllMissingFromAnEmptySet) {
  for (const auto& [line, type] : all_machines()) {
    std::size_t required = 0;
    for (const FieldInfo& info : type->fields) required += info.optional ? 0 : 1;
    const auto found = violations(*type, {}, kMaxSteps);
    EXPECT_EQ(found.size(), required) << type->name;
    for (const Violation& violation : found) EXPECT_EQ(violation.type, "missing") << type->name;
  }
}

TEST(Fields, ReportEveryViolationInDeclarationOrder) {
  const auto found = violations(coating(), {-1, 0.02, std::nan(""), std::nullopt}, kMaxSteps);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].type, "greater_than");
  EXPECT_EQ(found[1].type, "less_than_equal");
  EXPECT_EQ(found[2].type, "finite_number");
  EXPECT_EQ(found[3].type, "missing");
}

TEST(Defaults, AreValidOnEveryMachine) {
  for (const auto& [line, type] : all_machines()) {
    for (const ModelSet models : kModelSets) {
      for (const CellDesign& design : cell_designs()) {
        EXPECT_TRUE(type->violations(models, type->defaults(models, line), kMaxSteps, design).empty())
            << to_string(models) << " " << type->name << " " << design.name;
      }
    }
  }
}

TEST(Ratios, SumToOneWithinAMillionth) {
  const auto accepted = [](double excess) {
    return violations(mixing(), {0.5 + excess, 0.05, 0.05, 0.4}, kMaxSteps).empty();
  };
  EXPECT_TRUE(accepted(0));
  EXPECT_TRUE(accepted(1e-6));
  EXPECT_TRUE(accepted(-1e-6));
  EXPECT_FALSE(accepted(1.001e-6));
  EXPECT_FALSE(accepted(-1.001e-6));
}

TEST(Ratios, AFailedSumIsAboutTheSetAndGivesTheSum) {
  const auto found = violations(mixing(), {0.5, 0.25, 0.25, 0.25}, kMaxSteps);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field, "");
  EXPECT_EQ(found[0].type, "value_error");
  EXPECT_NE(found[0].message.find("1.25"), std::string::npos) << found[0].message;
}

TEST(Ratios, ABadRatioAndABadSumAreBothReported) {
  const auto found = violations(mixing(), {0.5, 0, 0.25, 0.5}, kMaxSteps);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].field, "CA");
  EXPECT_EQ(found[1].type, "value_error");
}

TEST(Ratios, TheSumIsNotJudgedWhileOneIsUnknown) {
  for (const std::optional<double> unknown : {std::optional<double>(), std::optional(std::nan(""))}) {
    const auto found = violations(mixing(), {0.5, unknown, 0.25, 0.5}, kMaxSteps);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].field, "CA");
  }
}

TEST(StepLimit, NamesTheFieldThatSetsTheSteps) {
  struct Case {
    const MachineType& (*type)();
    const char* field;
    double longest;   // 100 steps, by the models' own rounding down
    double too_long;  // 101 steps
  };
  for (const Case& c : {Case{drying, "web_speed", 0.0995, 0.099}, Case{electrolyte_filling, "soaking_time", 100.9, 101},
                        Case{formation_cycling, "formation_duration_s", 99.9, 100},
                        Case{aging, "aging_time_days", 100.9 / 24, 101.1 / 24}}) {
    const MachineType& type = c.type();
    EXPECT_TRUE(violations(type, defaults_with(type, c.field, c.longest), 100).empty()) << c.field;
    const auto found = violations(type, defaults_with(type, c.field, c.too_long), 100);
    ASSERT_EQ(found.size(), 1u) << c.field;
    EXPECT_EQ(found[0].field, c.field);
    EXPECT_EQ(found[0].type, "value_error");
    EXPECT_EQ(found[0].input, c.too_long);
    EXPECT_NE(found[0].message.find("100 steps"), std::string::npos) << found[0].message;
  }
}

TEST(StepLimit, HoldsForStepsBeyondAnyInteger) {
  EXPECT_EQ(violations(drying(), defaults_with(drying(), "web_speed", kSmallest), kMaxSteps).size(), 1u);
  EXPECT_EQ(violations(aging(), defaults_with(aging(), "aging_time_days", 1e300), kMaxSteps).size(), 1u);
}

TEST(StepLimit, HoldsForTheModelSetThatRuns) {
  const CellDesign& design = cell_designs().front();
  for (const auto& [line, type] : all_machines()) {
    const MachineModel& model = type->model(ModelSet::mechanistic);
    const Values values = type->defaults(ModelSet::mechanistic, line);
    const auto steps = static_cast<std::uint32_t>(model.steps(values, design));
    EXPECT_TRUE(violations(*type, values, steps, ModelSet::mechanistic).empty()) << type->name;
    const auto found = violations(*type, values, steps - 1, ModelSet::mechanistic);
    ASSERT_EQ(found.size(), model.steps_field.empty() ? 0u : 1u) << type->name;
    if (!found.empty()) {
      EXPECT_EQ(found[0].field, model.steps_field);
    }
  }
}

TEST(Temperature, BelowItsRangeGetsAHintAtKelvin) {
  for (const MachineType* type : {&calendaring(), &aging()}) {
    const auto cold = violations(*type, defaults_with(*type, "temperature", 25), kMaxSteps);
    ASSERT_EQ(cold.size(), 1u);
    EXPECT_NE(cold[0].message.find("kelvin"), std::string::npos) << cold[0].message;
    const auto hot = violations(*type, defaults_with(*type, "temperature", 700), kMaxSteps);
    ASSERT_EQ(hot.size(), 1u);
    EXPECT_EQ(hot[0].message, "Input should be less than or equal to 600");
  }
}

std::optional<std::string> warning(const MachineType& type, std::string_view name, double value) {
  return unusual(type.fields[field(type, name)], value);
}

TEST(UsualRange, AnUnusualValueGivesASentenceWithTheRange) {
  EXPECT_EQ(warning(coating(), "gap_height", 0.01), "gap_height 0.01 m is unusual: usually between 5e-05 and 5e-04 m");
  EXPECT_EQ(warning(rewinding(), "environment_humidity", 30),
            "environment_humidity 30 %RH is unusual: usually at most 1 %RH");
  EXPECT_EQ(warning(slitting(), "blade_sharpness", 0.1), "blade_sharpness 0.1 is unusual: usually between 0.3 and 2");
  const FieldInfo at_least{.name = "purity", .unit = "1", .usual = {.at_least = 0.9}};
  EXPECT_EQ(unusual(at_least, 0.5), "purity 0.5 is unusual: usually at least 0.9");
}

TEST(UsualRange, ItsBoundsAndFieldsWithoutOneAreSilent) {
  EXPECT_EQ(warning(coating(), "gap_height", 50e-6), std::nullopt);
  EXPECT_EQ(warning(coating(), "gap_height", 500e-6), std::nullopt);
  EXPECT_NE(warning(coating(), "gap_height", just_above(500e-6)), std::nullopt);
  EXPECT_EQ(warning(coating(), "flow_rate", 1e9), std::nullopt);
}

TEST(IndexOf, FindsNamesAndAliases) {
  EXPECT_EQ(mixing().index_of("PVDF"), 2u);
  EXPECT_EQ(mixing().index_of("PVDF_ratio"), 2u);
  EXPECT_EQ(mixing().index_of(""), std::nullopt) << "fields without an alias have no empty one";
  EXPECT_EQ(coating().index_of(""), std::nullopt);
  EXPECT_EQ(coating().index_of("Gap_height"), std::nullopt);
}

TEST(Names, OfLinesAndModelSetsReadBack) {
  for (const Line line : kLines) EXPECT_EQ(line_from(to_string(line)), line);
  for (const ModelSet models : kModelSets) EXPECT_EQ(model_set_from(to_string(models)), models);
  EXPECT_EQ(line_from("Anode"), std::nullopt);
  EXPECT_EQ(model_set_from(""), std::nullopt);
}

}  // namespace
}  // namespace battery_twin::process::testing
