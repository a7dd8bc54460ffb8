#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "process_testing.hpp"

namespace battery_twin::process::testing {
namespace {

using Json = nlohmann::json;

Json golden(const std::string& name) {
  std::ifstream file(BATTERY_TWIN_TEST_DATA "/" + name);
  return Json::parse(file);
}

// The golden files are in the Python server's units: temperatures in degrees Celsius.
Values golden_values(const MachineType& type, const Json& parameters) {
  Values values(type.fields.size());
  for (const auto& [name, value] : parameters.items()) {
    const std::size_t i = field(type, name);
    values[i] = value.get<double>() + (type.fields[i].unit == "K" ? 273.15 : 0.0);
  }
  return values;
}

std::string difference(const Output& output, const Json& expected, double found) {
  const double wanted = expected.is_boolean() ? (expected.get<bool>() ? 1.0 : 0.0) : expected.get<double>();
  const bool exact = output.kind != Kind::number;
  if (expected.is_boolean() != (output.kind == Kind::boolean)) return "is of another kind";
  if (exact ? found == wanted : std::abs(found - wanted) <= 1e-9 * std::abs(wanted)) return {};
  return "is " + to_text(found) + " instead of " + to_text(wanted);
}

void expect_step(const MachineType& type, Line line, const Json& expected, const std::vector<double>& found) {
  const auto outputs = reference(type).outputs;
  EXPECT_EQ(expected.size(), outputs.size() + 1) << "properties and t";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string name{outputs[i].name_on(line)};
    ASSERT_TRUE(expected.contains(name)) << name;
    EXPECT_EQ(difference(outputs[i], expected[name], found[i]), "") << name << " at t=" << expected["t"];
  }
}

class GoldenFile : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenFile, EveryPropertyOfEveryStepOfEveryMachineMatches) {
  const Json file = golden(GetParam());
  Product product;
  std::size_t machines = 0;
  for (const auto& [line, type] : all_machines()) {
    const std::string key = std::string(to_string(line)) + "." + std::string(type->name);
    SCOPED_TRACE(key);
    const Values values = golden_values(*type, file["parameters"].at(key));
    EXPECT_TRUE(violations(*type, values, 1'000'000).empty());
    const Trace trace = run(*type, line, product, values);
    const Json& expected = file["steps"].at(key);
    EXPECT_EQ(trace.planned, expected["planned"].get<std::uint32_t>());
    ASSERT_EQ(trace.steps.size(), expected["ran"].get<std::size_t>());
    ASSERT_EQ(trace.steps.size(), expected["trace"].size());
    for (std::size_t t = 0; t < trace.steps.size(); ++t) {
      ASSERT_EQ(expected["trace"][t]["t"], t);
      expect_step(*type, line, expected["trace"][t], trace.steps[t]);
    }
    ++machines;
  }
  EXPECT_EQ(machines, file["steps"].size());
}

INSTANTIATE_TEST_SUITE_P(Reference, GoldenFile, ::testing::Values("reference_default.json", "reference_variant.json"),
                         [](const auto& file) { return file.index == 0 ? "Default" : "Variant"; });

TEST(ReferenceDefaults, AreThoseOfThePythonPlant) {
  const Json file = golden("reference_default.json");
  for (const auto& [line, type] : all_machines()) {
    const std::string key = std::string(to_string(line)) + "." + std::string(type->name);
    const Values expected = golden_values(*type, file["parameters"].at(key));
    EXPECT_EQ(type->defaults(ModelSet::reference, line), expected) << key;
  }
}

TEST(ReferenceMixing, EverythingIsZeroBeforeTheFirstStep) {
  Product product;
  const Trace trace = run(mixing(), Line::anode, product, mixing().defaults(ModelSet::reference, Line::anode));
  EXPECT_EQ(trace.initial, std::vector<double>(reference(mixing()).outputs.size(), 0.0));
}

TEST(ReferenceMixing, ViscosityIsClampedAtTheMaximumPackingAlsoOnTheAnode) {
  const auto viscosity = [](double am, double solvent) {
    Product product;
    run(mixing(), Line::anode, product, {am, 0.05, 0.05, solvent});
    return product.anode.viscosity;
  };
  EXPECT_NEAR(viscosity(0.55, 0.35), 3320.4929, 1e-3);
  EXPECT_EQ(viscosity(0.55, 0.35), viscosity(0.80, 0.10));
  EXPECT_LT(viscosity(0.52, 0.38), viscosity(0.55, 0.35));
}

TEST(ReferenceCoating, KnowsTheSlurryBeforeTheFirstStep) {
  Product product;
  product.anode = {.viscosity = 3.14159, .am_volume = 50, .ca_volume = 5, .pvdf_volume = 5, .solvent_volume = 40};
  const Trace trace = run(coating(), Line::anode, product, coating().defaults(ModelSet::reference, Line::anode));
  EXPECT_DOUBLE_EQ(trace.before("solid_content"), 0.6);
  EXPECT_DOUBLE_EQ(trace.before("viscosity"), 3.1416);
  EXPECT_EQ(trace.before("wet_thickness"), 0.0);
  EXPECT_EQ(trace.before("dry_thickness"), 0.0);
  EXPECT_EQ(trace.before("defect_risk"), 0.0);
}

TEST(ReferenceCoating, HandsOnTheUnroundedFilm) {
  Product product;
  product.anode = {.viscosity = 3, .am_volume = 50, .ca_volume = 5, .pvdf_volume = 5, .solvent_volume = 40};
  const Trace trace = run(coating(), Line::anode, product, defaults_with(coating(), "flow_rate", 4.321e-6));
  EXPECT_DOUBLE_EQ(trace.last("wet_thickness"), 2e-4);
  EXPECT_DOUBLE_EQ(product.anode.wet_thickness, 4.321e-6 / (0.05 * 0.5));
  EXPECT_DOUBLE_EQ(product.anode.solid_content, 0.6);
}

TEST(ReferenceCoating, TellsShearRateAndUniformity) {
  Product product;
  product.anode = {.viscosity = 3, .am_volume = 50, .solvent_volume = 50};
  const Values values = coating().defaults(ModelSet::reference, Line::anode);
  const auto machine = reference(coating()).start({.line = Line::anode,
                                                   .upstream = product,
                                                   .parameters = values,
                                                   .design = cell_designs().front(),
                                                   .noise = Noise(0, "coating_anode", false)});
  machine->step();
  std::vector<double> specifics(reference(coating()).specifics.size());
  machine->specifics(specifics);
  ASSERT_EQ(specifics.size(), 2u);
  EXPECT_DOUBLE_EQ(specifics[0], 250);
  EXPECT_DOUBLE_EQ(specifics[1], 0.005);
}

TEST(ReferenceDrying, AFilmThatRanDryIsRefilled) {
  Product product;
  product.anode = {.wet_thickness = 10e-9, .solid_content = 0.59};
  const Trace trace = run(drying(), Line::anode, product, drying().defaults(ModelSet::reference, Line::anode));
  ASSERT_EQ(trace.steps.size(), 200u);
  for (std::size_t t = 0; t < trace.steps.size(); ++t) {
    if (t % 2 == 0) {
      EXPECT_NEAR(trace.at(t, "M_solvent"), 1.15e-6, 1e-18) << t;
    } else {
      EXPECT_EQ(trace.at(t, "M_solvent"), 0.0) << t;
    }
  }
}

TEST(ReferenceDrying, StepsAreTheTimeInTheDryerRoundedDown) {
  const auto planned = [](double speed) {
    Product product;
    return run(drying(), Line::anode, product, defaults_with(drying(), "web_speed", speed)).planned;
  };
  EXPECT_EQ(planned(0.3), 33u);
  EXPECT_EQ(planned(0.7), 14u);
  EXPECT_EQ(planned(1.0 / 3), 30u);
  EXPECT_EQ(planned(10), 1u);
}

TEST(ReferenceDrying, OptionalFieldsReplaceWhatCoatingDelivered) {
  Product product;
  product.anode = {.wet_thickness = 200e-6, .solid_content = 0.5};
  const Trace as_coated = run(drying(), Line::anode, product, drying().defaults(ModelSet::reference, Line::anode));
  EXPECT_EQ(as_coated.before("wet_thickness"), 200e-6);
  EXPECT_EQ(as_coated.before("solid_content"), 0.5);
  EXPECT_EQ(as_coated.before("temperature"), 0.0);
  EXPECT_DOUBLE_EQ(product.anode.dry_thickness, 100e-6);

  const Trace replaced = run(drying(), Line::anode, product, {0.05, 300e-6, 0.6});
  EXPECT_EQ(replaced.last("wet_thickness"), 300e-6);
  EXPECT_EQ(replaced.last("solid_content"), 0.6);
  EXPECT_DOUBLE_EQ(product.anode.dry_thickness, 180e-6);
}

TEST(ReferenceCalendaring, AGapAboveTheFilmExpandsIt) {
  Product product;
  product.anode.dry_thickness = 118e-6;
  const Trace trace = run(calendaring(), Line::anode, product, defaults_with(calendaring(), "roll_gap", 200e-6));
  EXPECT_EQ(trace.last("final_thickness"), 200e-6);
  EXPECT_NEAR(trace.last("porosity"), 3.217, 5e-4);
  EXPECT_EQ(trace.last("defect_risk"), 1.0);
  EXPECT_EQ(product.anode.dry_thickness, 118e-6) << "the calendered thickness is not handed on";
}

TEST(ReferenceCalendaring, WithoutAnInitialPorosityItIsFourTenths) {
  Product product;
  product.anode.dry_thickness = 118e-6;
  const Trace given =
      run(calendaring(), Line::anode, product, calendaring().defaults(ModelSet::reference, Line::anode));
  const Trace absent = run(calendaring(), Line::anode, product, defaults_with(calendaring(), "initial_porosity", {}));
  EXPECT_EQ(absent.steps, given.steps);
  EXPECT_GT(given.last("porosity"), 0.0);
}

TEST(ReferenceCellLine, InitialPropertiesAreWhatUpstreamDelivered) {
  Product product;
  product.anode = {.dry_thickness = 118e-6, .porosity = 0.25, .width = 0.5};
  product.cathode = {.dry_thickness = 130e-6, .porosity = 0.2, .width = 0.4};
  const auto by_default = [&](const MachineType& type) {
    return run(type, Line::cell, product, type.defaults(ModelSet::reference, Line::cell));
  };
  const Trace wound = by_default(rewinding());
  EXPECT_DOUBLE_EQ(wound.before("final_thickness"), 268e-6);
  EXPECT_DOUBLE_EQ(wound.before("epsilon_width"), 0.1);
  EXPECT_EQ(wound.before("wound_length"), 0.0);
  EXPECT_EQ(wound.before("roll_diameter"), 0.0);
  const Trace filled = by_default(electrolyte_filling());
  EXPECT_EQ(filled.before("wound_length"), wound.last("wound_length"));
  EXPECT_EQ(filled.before("V_max"), 0.0);
  EXPECT_EQ(filled.before("defect_risk"), 0.0);
  const Trace formed = by_default(formation_cycling());
  EXPECT_EQ(formed.before("Eta wetting"), filled.last("eta_wetting"));
  EXPECT_EQ(formed.before("Volume_electrolyte"), filled.last("V_elec_filling"));
  EXPECT_EQ(formed.before("Voltage_V"), 0.0);
  const Trace aged = by_default(aging());
  EXPECT_EQ(aged.before("Initial_SOC"), formed.last("sei_efficiency"));
  EXPECT_EQ(aged.before("Final_OCV_V"), 0.0);
  EXPECT_EQ(aged.before("defect_risk"), 0.0);
}

TEST(ReferenceFormation, StartingAtTheLimitRunsOneStep) {
  Product product;
  product.cell.wetting = 0.9;
  const Trace trace = run(formation_cycling(), Line::cell, product, {0.05, 4.2, 4.2, 200.0});
  EXPECT_EQ(trace.planned, 201u);
  EXPECT_EQ(trace.steps.size(), 1u);
  ASSERT_TRUE(trace.early_end.has_value());
  EXPECT_NE(trace.early_end->find("4.2 V"), std::string::npos);
  EXPECT_EQ(product.cell.sei_efficiency, trace.last("sei_efficiency"));
}

TEST(ReferenceSteps, AreNeverBelowOne) {
  Product product;
  EXPECT_EQ(run(electrolyte_filling(), Line::cell, product, {100, 60, 1.9}).planned, 1u);
  EXPECT_EQ(run(formation_cycling(), Line::cell, product, {1e-9, 4.2, 1.0, 0.5}).planned, 1u);
  EXPECT_EQ(run(aging(), Line::cell, product, {1e-8, 298.15, 1.0 / 24}).planned, 1u);
}

TEST(EndOfLineFigures, ReferenceKnowsTheCapacityOnly) {
  Product product;
  product.cell.capacity = 1.5;
  const EndOfLine figures = reference_end_of_line(product);
  EXPECT_EQ(figures.capacity_Ah, 1.5);
  EXPECT_FALSE(figures.scrap_causes.has_value());
  EXPECT_FALSE(figures.machine_energy_kWh.has_value());
  for (const Figure& figure : kFigures) {
    EXPECT_EQ((figures.*figure.member).has_value(), figure.name == "capacity_Ah") << figure.name;
  }
}

}  // namespace
}  // namespace battery_twin::process::testing
