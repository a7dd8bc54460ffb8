// The forms of the Python server's front end, whose fields have labels and whose values may be texts.
#include <array>

#include "compat_under_test.hpp"

namespace battery_twin::api {
namespace {

class CompatForms : public CompatTest {};

// As the Python server's front end has them.
struct Label {
  const char* stage;
  const char* label;
  const char* process;
  const char* field;        // of the plant
  const char* shown_field;  // of this layer
  double value;             // that any machine takes
};
constexpr auto kLabels = std::to_array<Label>({
    {"Anode Coating", "Coating Speed", "coating_anode", "coating_speed", "coating_speed", 0.1},
    {"Cathode Coating", "Gap Height", "coating_cathode", "gap_height", "gap_height", 2e-4},
    {"Anode Coating", "Flow Rate", "coating_anode", "flow_rate", "flow_rate", 5e-6},
    {"Anode Coating", "Coating Width", "coating_anode", "coating_width", "coating_width", 0.4},
    {"Anode Drying", "Web Speed", "drying_anode", "web_speed", "web_speed", 0.04},
    {"Anode Calendaring", "Roll Gap", "calendaring_anode", "roll_gap", "roll_gap", 9e-5},
    {"Cathode Calendaring", "Roll Pressure", "calendaring_cathode", "roll_pressure", "roll_pressure", 3e6},
    {"Anode Calendaring", "Temperature", "calendaring_anode", "temperature", "temperature", 70},
    {"Anode Calendaring", "Roll Speed", "calendaring_anode", "roll_speed", "roll_speed", 0.9},
    {"Anode Calendaring", "Dry Thickness", "calendaring_anode", "dry_thickness", "dry_thickness", 1e-4},
    {"Anode Calendaring", "Initial Porosity", "calendaring_anode", "initial_porosity", "initial_porosity", 0.5},
    {"Anode Slitting", "Blade Sharpness", "slitting_anode", "blade_sharpness", "blade_sharpness", 7},
    {"Anode Slitting", "Slitting Speed", "slitting_anode", "slitting_speed", "slitting_speed", 1.2},
    {"Anode Slitting", "Target Width", "slitting_anode", "target_width", "target_width", 0.05},
    {"Anode Slitting", "Slitting Tension", "slitting_anode", "slitting_tension", "slitting_tension", 120},
    {"Anode Inspection", "Width Tolerance", "inspection_anode", "epsilon_width_max", "epsilon_width_max", 2e-4},
    {"Cathode Inspection", "Thickness Tolerance", "inspection_cathode", "epsilon_thickness_max",
     "epsilon_thickness_max", 2e-5},
    {"Anode Inspection", "B Max", "inspection_anode", "B_max", "B_max", 1.5},
    {"Anode Inspection", "Defects Allowed", "inspection_anode", "D_surface_max", "D_surface_max", 4},
    {"Rewinding", "Rewinding Speed", "rewinding_cell", "rewinding_speed", "rewinding_speed", 0.6},
    {"Rewinding", "Initial Tension", "rewinding_cell", "initial_tension", "initial_tension", 90},
    {"Rewinding", "Tapering Steps", "rewinding_cell", "tapering_steps", "tapering_steps", 0.4},
    {"Rewinding", "Environment Humidity", "rewinding_cell", "environment_humidity", "environment_humidity", 20},
    {"Electrolyte Filling", "Vacuum Level", "electrolyte_filling_cell", "vacuum_level", "vacuum_level", 90},
    {"Electrolyte Filling", "Vacuum Filling", "electrolyte_filling_cell", "vacuum_filling", "vacuum_filling", 80},
    {"Electrolyte Filling", "Soaking Time", "electrolyte_filling_cell", "soaking_time", "soaking_time", 30},
    {"Formation Cycling", "Charge Current", "formation_cycling_cell", "charge_current_A", "charge_current_A", 0.06},
    {"Formation Cycling", "Voltage", "formation_cycling_cell", "charge_voltage_limit_V", "charge_voltage_limit_V", 4.1},
    {"Formation Cycling", "Initial Voltage", "formation_cycling_cell", "initial_voltage", "initial_voltage", 0.1},
    {"Aging", "Leak Rate", "aging_cell", "k_leak", "k_leak", 2e-8},
    {"Aging", "Temperature", "aging_cell", "temperature", "temperature", 35},
    {"Aging", "Aging Days", "aging_cell", "aging_time_days", "aging_time_days", 12},
});

TEST_P(CompatForms, EveryLabelOfTheFrontEndSetsItsField) {
  for (const Label& label : kLabels) {
    for (const bool as_text : {true, false}) {
      const Json form{{"stage", label.stage},
                      {"parameters",
                       {{label.label, as_text ? Json(" " + process::to_text(label.value) + " ") : Json(label.value)},
                        {"Unknown", "x"}}}};
      const Json verdict = post("/api/parameters/validate", form);
      EXPECT_EQ(verdict.at("success"), true) << verdict;
      EXPECT_EQ(verdict.at("data").at("valid"), true);
      const Json answer = post("/api/parameters/update", form);
      EXPECT_EQ(answer.at("data").at("stage"), label.stage);
      EXPECT_EQ(answer.at("data").at("updated_parameters"), Json::array({label.shown_field}));
      const double shift = std::string_view(label.label) == "Temperature" ? 273.15 : 0;
      EXPECT_NEAR(value(label.process, label.field).value(), label.value + shift, 1e-9 * (label.value + shift));
    }
    const Json current = twin_.get("/api/parameters/current/" + std::string(label.stage)).at("data");
    EXPECT_EQ(current.at("stage"), label.stage);
    EXPECT_NEAR(current.at("parameters").at(label.shown_field).get<double>(), label.value, 1e-9 * label.value);
    EXPECT_EQ(current.at("parameters"), current.at("status").at("machine_parameters"));
    EXPECT_EQ(current.at("status").at("process"), label.process);
    EXPECT_EQ(current.at("status").at("process"),
              current.at("machine_id").get<std::string>() + "_" + current.at("line_type").get<std::string>());
  }
}

TEST_P(CompatForms, MixingHasTheElectrodeInItsLabels) {
  for (const std::string electrode : {"Anode", "Cathode"}) {
    const Json form{{"stage", electrode + " Mixing"},
                    {"parameters",
                     {{electrode + " PVDF", "0.02"},
                      {electrode + " CA", "3e-2"},
                      {electrode + " AM", 0.5},
                      {electrode + " Solvent", "+0.45"}}}};
    const Json answer = post("/api/parameters/update", form);
    EXPECT_EQ(answer.at("data").at("updated_parameters"),
              (Json{"PVDF_ratio", "CA_ratio", "AM_ratio", "solvent_ratio"}));
    const std::string process = electrode == "Anode" ? "mixing_anode" : "mixing_cathode";
    EXPECT_EQ(value(process, "AM"), 0.5);
    EXPECT_EQ(value(process, "CA"), 0.03);
    EXPECT_EQ(value(process, "solvent"), 0.45);
  }
  const Json foreign{{"stage", "Anode Mixing"}, {"parameters", {{"Cathode AM", 0.9}}}};
  EXPECT_EQ(post("/api/parameters/update", foreign).at("data").at("updated_parameters"), Json::array())
      << "unknown there";
}

TEST_P(CompatForms, FormsWithNothingInThemAreValidAndChangeNothing) {
  const auto changes = [this] { return twin_.plant().changes(*layout().find_process("aging_cell")); };
  const std::uint64_t before = changes();
  for (const char* parameters :
       {R"({"stage": "Aging"})", R"({"stage": "Aging", "parameters": {}})", R"({"stage": "Aging", "parameters": null})",
        R"({"stage": "Aging", "parameters": {"Temperature": "", "Aging Days": null, "Leak Rate": "  ", "x": []}})"}) {
    EXPECT_EQ(ask("POST", "/api/parameters/validate", parameters, 200).at("success"), true) << parameters;
    EXPECT_EQ(ask("POST", "/api/parameters/update", parameters, 200).at("data").at("updated_parameters"),
              Json::array());
  }
  EXPECT_EQ(changes(), before);
}

TEST_P(CompatForms, TheMessageSaysWhatWasIgnored) {
  const auto messages = [this](const Json& form) {
    const std::string verdict = post("/api/parameters/validate", form).at("message");
    return verdict + "\n" + post("/api/parameters/update", form).at("message").get<std::string>();
  };
  const std::string has = "; Aging has Leak Rate, Temperature, Aging Days";
  EXPECT_EQ(messages({{"stage", "Aging"}, {"parameters", {{"Aging Days", 9}}}}),
            "The parameters are valid\nParameters of Aging were updated");
  EXPECT_EQ(
      messages({{"stage", "Aging"}, {"aging_time_days", 9}}),
      "Nothing was checked: there are no parameters" + has + "\nNothing was updated: there are no parameters" + has);
  const std::string names = "; ignored, there are no such labels: aging_days, k_leak" + has;
  EXPECT_EQ(messages({{"stage", "Aging"}, {"parameters", {{"aging_days", 9}, {"k_leak", 1e-8}}}}),
            "Nothing was checked" + names + "\nNothing was updated" + names);
  EXPECT_EQ(messages({{"stage", "Aging"}, {"parameters", {{"aging_days", 9}, {"Aging Days", 9}}}}),
            "The parameters are valid; ignored, there are no such labels: aging_days" + has +
                "\nParameters of Aging were updated; ignored, there are no such labels: aging_days" + has);
  EXPECT_EQ(messages({{"stage", "Aging"}, {"parameters", {{"Aging Days", ""}}}}),
            "Nothing was checked: no value is given\nNothing was updated: no value is given");
  Json many = Json::object();
  for (int i = 0; i < 100; ++i) many["label " + std::to_string(i)] = i;
  many[std::string(1000, 'x')] = 1;
  const std::string said = messages({{"stage", "Aging"}, {"parameters", many}});
  EXPECT_NE(said.find("label 9 and 91 more"), std::string::npos) << said;
  EXPECT_EQ(said.find("xxx"), std::string::npos) << said;
}

TEST_P(CompatForms, ATemperatureThatLooksLikeKelvinIsAskedFor) {
  const Json hot{{"stage", "Aging"}, {"parameters", {{"Temperature", 298.15}}}};
  for (const char* route : {"/api/parameters/validate", "/api/parameters/update"}) {
    const std::string said = post(route, hot).at("message");
    EXPECT_NE(said.find("Temperature 298.15 was taken as degrees Celsius: is it kelvin?"), std::string::npos) << said;
  }
  const auto patch = [this](double temperature) {
    const Json body{{"k_leak", 1e-8}, {"temperature", temperature}, {"aging_time_days", 10}};
    return ask("PATCH", "/api/machine/cell/aging/parameters", body.dump(), 200).at("message").get<std::string>();
  };
  EXPECT_EQ(patch(298.15),
            "Parameters of aging_cell were updated. temperature 298.15 was taken as degrees Celsius: is it kelvin?");
  EXPECT_EQ(patch(60), "Parameters of aging_cell were updated");
}

TEST_P(CompatForms, FormsThatAreNotValid) {
  struct Case {
    const char* body;
    const char* code;   // of an update
    const char* error;  // a part of what is said
  };
  for (const Case& one : std::to_array<Case>({
           {R"({})", "MISSING_STAGE", "one of Anode Mixing, Anode Coating"},
           {R"({"stage": null})", "MISSING_STAGE", "one of Anode Mixing, Anode Coating"},
           {R"({"stage": ""})", "MISSING_STAGE", "one of Anode Mixing, Anode Coating"},
           {R"({"stage": 1})", "VALIDATION_FAILED", "stage: there is no such one, but Anode Mixing"},
           {R"({"stage": "aging"})", "VALIDATION_FAILED", "stage: there is no such one, but Anode Mixing"},
           {R"({"stage": "Aging", "parameters": []})", "VALIDATION_FAILED", "parameters"},
           {R"({"stage": "Aging", "parameters": {"Aging Days": -1}})", "VALIDATION_FAILED", "Aging Days: "},
           {R"({"stage": "Aging", "parameters": {"Temperature": 999}})", "VALIDATION_FAILED", "326.85"},
           {R"({"stage": "Anode Mixing", "parameters": {"Anode AM": "0.99"}})", "VALIDATION_FAILED", "sum to 1"},
           {R"({"stage": "Aging", "parameters": {"Aging Days": "ten"}})", "PARAMETER_VALUE_ERROR", "Aging Days: "},
           {R"({"stage": "Aging", "parameters": {"Aging Days": "1e999"}})", "PARAMETER_VALUE_ERROR", "Aging Days: "},
           {R"({"stage": "Aging", "parameters": {"Aging Days": "nan"}})", "PARAMETER_VALUE_ERROR", "Aging Days: "},
           {R"({"stage": "Aging", "parameters": {"Aging Days": "10 days"}})", "PARAMETER_VALUE_ERROR", "Aging"},
           {R"({"stage": "Aging", "parameters": {"Aging Days": "+-1"}})", "PARAMETER_VALUE_ERROR", "Aging"},
           {R"({"stage": "Aging", "parameters": {"Aging Days": true}})", "PARAMETER_VALUE_ERROR", "Aging Days: "},
           {R"({"stage": "Aging", "parameters": {"Aging Days": [1]}})", "PARAMETER_VALUE_ERROR", "Aging Days: "},
       })) {
    const process::Values before = twin_.plant().parameters(*layout().find_process("aging_cell"));
    const Json verdict = ask("POST", "/api/parameters/validate", one.body, 200);
    EXPECT_EQ(verdict.at("success"), false) << one.body;
    EXPECT_EQ(verdict.at("error_code"), "VALIDATION_FAILED");
    EXPECT_NE(verdict.at("errors").get<std::string>().find(one.error), std::string::npos) << verdict;
    const Json detail = refused("POST", "/api/parameters/update", one.body, one.code);
    EXPECT_NE(detail.at("message").get<std::string>().find(one.error), std::string::npos) << detail;
    EXPECT_EQ(detail.contains("errors"), detail.at("error_code") == "VALIDATION_FAILED");
    EXPECT_EQ(twin_.plant().parameters(*layout().find_process("aging_cell")), before);
  }
  const Json verdict = ask("POST", "/api/parameters/validate", R"({"parameters": {"Aging Days": 1}})", 200);
  EXPECT_NE(verdict.at("message").get<std::string>().find("stage: Field required, one of "), std::string::npos)
      << verdict;
  refused("GET", "/api/parameters/current/Anode Aging", "", "INVALID_STAGE");
  refused("GET", "/api/parameters/current/x", "", "INVALID_STAGE");
  const Json detail = Json::parse(twin_.ask("GET", "/api/parameters/current/x").body).at("detail");
  EXPECT_TRUE(detail.at("message").get<std::string>().starts_with("There is no such stage, but Anode Mixing, "))
      << detail;
}

INSTANTIATE_TEST_SUITE_P(Models, CompatForms, ::testing::ValuesIn(process::kModelSets), models_of);

}  // namespace
}  // namespace battery_twin::api
