// Machines as the Python server's front end reads and sets them, one by one.
#include <cmath>
#include <map>
#include <set>

#include "compat_under_test.hpp"

namespace battery_twin::api {
namespace {

using process::ModelSet;

class CompatMachines : public CompatTest {};

std::string path_of(const plant::Station& station, std::string_view what) {
  return "/api/machine/" + std::string(to_string(station.line)) + "/" + std::string(station.type->name) + "/" +
         std::string(what);
}

std::set<std::string> names_of(const plant::Station& station) {
  std::set<std::string> names;
  for (const process::FieldInfo& field : station.type->fields) names.emplace(flat_name(*station.type, field));
  return names;
}

TEST_P(CompatMachines, EachMachineIsShownAsThePythonServerShowedIt) {
  const std::map<std::string, std::set<std::string>> fields{
      // of the machines that it had
      {"mixing", {"AM_ratio", "CA_ratio", "PVDF_ratio", "solvent_ratio"}},
      {"coating", {"coating_speed", "gap_height", "flow_rate", "coating_width"}},
      {"drying", {"web_speed"}},
      {"calendaring", {"roll_gap", "roll_pressure", "temperature", "roll_speed", "dry_thickness", "initial_porosity"}},
      {"slitting", {"blade_sharpness", "slitting_speed", "target_width", "slitting_tension"}},
      {"inspection", {"epsilon_width_max", "epsilon_thickness_max", "B_max", "D_surface_max"}},
      {"rewinding", {"rewinding_speed", "initial_tension", "tapering_steps", "environment_humidity"}},
      {"electrolyte_filling", {"vacuum_level", "vacuum_filling", "soaking_time"}},
      {"formation_cycling", {"charge_current_A", "charge_voltage_limit_V", "initial_voltage", "formation_duration_s"}},
      {"aging", {"k_leak", "temperature", "aging_time_days"}}};
  for (const plant::Station& station : layout().stations()) {
    const Json answer = twin_.get(path_of(station, "status"));
    EXPECT_EQ(answer.at("success"), true);
    EXPECT_EQ(answer.at("line_type"), to_string(station.line));
    EXPECT_EQ(answer.at("machine_id"), station.type->name);
    const Json& machine = answer.at("data");
    std::set<std::string> shown;
    for (const auto& [name, content] : machine.items()) shown.insert(name);
    EXPECT_EQ(shown,
              (std::set<std::string>{"timestamp", "process", "state", "machine_parameters", "process_specifics"}));
    EXPECT_EQ(machine.at("process"), station.process_name);
    EXPECT_EQ(machine.at("state"), "Off");
    EXPECT_TRUE(machine.at("process_specifics").is_null());
    std::set<std::string> parameters;
    for (const auto& [name, content] : machine.at("machine_parameters").items()) parameters.insert(name);
    const auto known = fields.find(std::string(station.type->name));
    EXPECT_EQ(parameters, known == fields.end() ? names_of(station) : known->second) << station.process_name;
  }
  const Json aging = twin_.get("/api/machine/cell/aging/status").at("data").at("machine_parameters");
  EXPECT_EQ(aging.at("temperature"), 25.0);
}

TEST_P(CompatMachines, AMachineThatIsOnCountsFromZeroAndHasTheProduct) {
  start();
  Json machine = twin_.get("/api/machine/anode/mixing/status").at("data");
  EXPECT_EQ(machine.at("state"), "On");
  EXPECT_EQ(machine.at("duration"), 0) << "before step 0";
  Json native = twin_.get("/machine/anode/mixing/status");
  EXPECT_EQ(native.at("duration"), 0);
  for (const auto& [name, property] : native.at("battery_model").items()) {
    if (!property.is_number()) {
      EXPECT_EQ(machine.at("battery_model").at(name), property) << name;
      continue;
    }
    const auto expected = property.get<double>();
    const bool is_kelvin = GetParam() == ModelSet::mechanistic && name == "temperature";
    EXPECT_NEAR(machine.at("battery_model").at(name).get<double>(), is_kelvin ? expected - 273.15 : expected, 1e-9)
        << name;
  }
  // One step, then it is held again.
  ASSERT_EQ(twin_.ask("PATCH", "/factory/pacing", R"({"step_interval_ms": 60000, "paused": false})").status, 200);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (twin_.get("/machine/anode/mixing/status").at("duration") == 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  native = twin_.get("/machine/anode/mixing/status");
  machine = twin_.get("/api/machine/anode/mixing/status").at("data");
  EXPECT_EQ(native.at("duration"), 1);
  EXPECT_EQ(machine.at("duration"), 0) << "after step 0";
}

TEST_P(CompatMachines, MachinesThatAreNotThere) {
  for (const char* path : {"/api/machine/anode/aging/", "/api/machine/x/mixing/"}) {
    const std::string begin(path);
    for (const Json& detail : {refused("GET", begin + "status", "", "MACHINE_NOT_FOUND"),
                               refused("PATCH", begin + "parameters", "{}", "MACHINE_NOT_FOUND")}) {
      EXPECT_EQ("/api/machine/" + detail.at("line_type").get<std::string>() + "/" +
                    detail.at("machine_id").get<std::string>() + "/",
                begin);
    }
  }
}

TEST_P(CompatMachines, WhatAMachineShowsMayBeSentBack) {
  for (const plant::Station& station : layout().stations()) {
    const process::Values before = twin_.plant().parameters(station);
    Json shown = twin_.get(path_of(station, "status")).at("data").at("machine_parameters");
    const Json answer = patch(path_of(station, "parameters"), shown);
    EXPECT_EQ(answer.at("line_type"), to_string(station.line));
    EXPECT_EQ(answer.at("machine_id"), station.type->name);
    EXPECT_EQ(answer.at("success"), true);
    EXPECT_EQ(answer.size(), 4u);
    const process::Values after = twin_.plant().parameters(station);
    for (std::size_t i = 0; i < before.size(); ++i) {
      ASSERT_EQ(before[i].has_value(), after[i].has_value()) << station.process_name;
      EXPECT_NEAR(before[i].value_or(0), after[i].value_or(0), 1e-9 * std::abs(before[i].value_or(0)))
          << station.process_name;
    }
  }
}

TEST_P(CompatMachines, AllFieldsAreRequiredButThoseThatMayBeAbsent) {
  std::size_t seen = 0;
  for (const plant::Station& station : layout().stations()) {
    const std::string type(station.type->name);
    const Json whole = twin_.get(path_of(station, "status")).at("data").at("machine_parameters");
    const Json before = whole;
    for (const auto& [name, content] : whole.items()) {
      Json without = whole;
      without.erase(name);
      const bool is_optional = names_.of(station).find_name(name)->field->optional;
      const bool is_good = is_optional || name == "formation_duration_s";  // the Python server had a default for it
      if (is_good) ++seen;
      if (is_good) {
        patch(path_of(station, "parameters"), without);
      } else {
        const Json detail =
            refused("PATCH", path_of(station, "parameters"), dump(without), "MACHINE_PARAMETER_TYPE_ERROR");
        EXPECT_NE(detail.at("message").get<std::string>().find(name + ": Field required"), std::string::npos);
        EXPECT_EQ(detail.at("line_type"), to_string(station.line));
        EXPECT_EQ(detail.at("machine_id"), type);
      }
      for (const Json& wrong : {Json("0.5"), Json(true), Json::array({0.5}), Json::object()}) {
        Json mistyped = whole;
        mistyped[name] = wrong;
        refused("PATCH", path_of(station, "parameters"), dump(mistyped), "MACHINE_PARAMETER_TYPE_ERROR");
      }
      Json below = whole;
      below[name] = -1000;
      refused("PATCH", path_of(station, "parameters"), dump(below), "MACHINE_PARAMETER_VALIDATION_ERROR");
      Json null = whole;
      null[name] = nullptr;
      EXPECT_EQ(twin_.ask("PATCH", path_of(station, "parameters"), dump(null)).status, is_optional ? 200 : 400);
      if (is_optional) patch(path_of(station, "parameters"), whole);
    }
    Json more = whole;
    more["speed"] = 1;
    refused("PATCH", path_of(station, "parameters"), dump(more), "MACHINE_PARAMETER_TYPE_ERROR");
    EXPECT_EQ(twin_.get(path_of(station, "status")).at("data").at("machine_parameters"), before);
  }
  EXPECT_GE(seen, 5u) << "two of each calendaring, one of formation";
}

TEST_P(CompatMachines, RatiosThatDoNotSumToOneAreOutOfRange) {
  const Json detail = refused("PATCH", "/api/machine/anode/mixing/parameters",
                              R"({"AM_ratio": 0.5, "CA_ratio": 0.2, "PVDF_ratio": 0.2, "solvent_ratio": 0.2})",
                              "MACHINE_PARAMETER_VALIDATION_ERROR");
  EXPECT_NE(detail.at("message").get<std::string>().find("must sum to 1"), std::string::npos);
}

TEST_P(CompatMachines, HiddenFieldsAreKeptAndNotTaken) {
  patch("/machine/anode/drying/parameters", {{"wet_thickness", 1e-4}});
  patch("/api/machine/anode/drying/parameters", {{"web_speed", 0.04}});
  EXPECT_EQ(value("drying_anode", "wet_thickness"), 1e-4);
  EXPECT_EQ(value("drying_anode", "web_speed"), 0.04);
  refused("PATCH", "/api/machine/anode/drying/parameters", R"({"web_speed": 0.04, "wet_thickness": 1e-4})",
          "MACHINE_PARAMETER_TYPE_ERROR");
}

TEST_P(CompatMachines, TemperaturesAreCelsius) {
  patch("/api/machine/cell/aging/parameters", {{"k_leak", 1e-8}, {"temperature", 30}, {"aging_time_days", 5}});
  EXPECT_EQ(value("aging_cell", "temperature"), 303.15);
  EXPECT_EQ(twin_.get("/api/machine/cell/aging/status").at("data").at("machine_parameters").at("temperature"), 30.0);
  const Json detail =
      refused("PATCH", "/api/machine/cell/aging/parameters",
              R"({"k_leak": 1e-8, "temperature": -80, "aging_time_days": 5})", "MACHINE_PARAMETER_VALIDATION_ERROR");
  EXPECT_NE(detail.at("message").get<std::string>().find("at least -73.15, at most 326.85"), std::string::npos)
      << detail;
}

INSTANTIATE_TEST_SUITE_P(Models, CompatMachines, ::testing::ValuesIn(process::kModelSets), models_of);

}  // namespace
}  // namespace battery_twin::api
