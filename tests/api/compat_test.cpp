// The routes of the Python server's front end, without a store: every route and every error code, under both model
// sets.
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "api_under_test.hpp"
#include "compat/names.hpp"
#include "routes.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;
using process::ModelSet;

class CompatOf : public ::testing::TestWithParam<ModelSet> {
 protected:
  Json post(std::string_view path, const Json& body, int status = 200) { return ask("POST", path, dump(body), status); }
  Json patch(std::string_view path, const Json& body, int status = 200) {
    return ask("PATCH", path, dump(body), status);
  }
  Json ask(std::string_view method, std::string_view path, std::string_view body, int status) {
    const Response response = twin_.ask(method, path, body);
    EXPECT_EQ(response.status, status) << method << " " << path << " " << body << "\n" << response.body;
    return Json::parse(response.body);
  }
  /// 400 with that code; its detail.
  Json refused(std::string_view method, std::string_view path, std::string_view body, std::string_view code) {
    const Json answer = ask(method, path, body, 400);
    const Json& detail = answer.at("detail");
    EXPECT_EQ(detail.at("success"), false);
    EXPECT_EQ(detail.at("error_code"), code) << body;
    EXPECT_FALSE(detail.at("message").get<std::string>().empty());
    return detail;
  }

  /// Starts a batch and waits until it is in its first machines.
  void start() {
    ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (const char* path : {"/machine/anode/mixing/status", "/machine/cathode/mixing/status"}) {
      while (twin_.get(path).at("state") != "On") {
        ASSERT_LT(std::chrono::steady_clock::now(), end);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  [[nodiscard]] const plant::Layout& layout() { return twin_.plant().layout(); }
  [[nodiscard]] std::optional<double> value(std::string_view process, std::string_view field) {
    const plant::Station& station = *layout().find_process(process);
    return twin_.plant().parameters(station).at(station.type->index_of(field).value());
  }

  ApiUnderTest twin_{GetParam()};
  const compat::Names names_{twin_.plant().layout()};
};

std::string path_of(const plant::Station& station, std::string_view what) {
  return "/api/machine/" + std::string(to_string(station.line)) + "/" + std::string(station.type->name) + "/" +
         std::string(what);
}

TEST_P(CompatOf, EachMachineIsShownAsThePythonServerShowedIt) {
  const std::map<std::string, std::set<std::string>> fields{
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
    EXPECT_EQ(parameters, fields.at(std::string(station.type->name)));
  }
  const Json aging = twin_.get("/api/machine/cell/aging/status").at("data").at("machine_parameters");
  EXPECT_EQ(aging.at("temperature"), 25.0);
}

TEST_P(CompatOf, AMachineThatIsOnCountsFromZeroAndHasTheProduct) {
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

TEST_P(CompatOf, TheStateHasBatchesAndMachines) {
  start();
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  const Json answer = twin_.get("/api/simulation/state");
  EXPECT_EQ(answer.at("success"), true);
  const Json& data = answer.at("data");
  ASSERT_EQ(data.at("running_batches").size(), 1u);
  const Json& running = data.at("running_batches").at(0);
  EXPECT_EQ(running.at("batch_id"), "1");
  EXPECT_EQ(running.at("current_anode_line_model"),
            twin_.get("/api/machine/anode/mixing/status").at("data").at("battery_model"));
  EXPECT_FALSE(running.at("current_cathode_line_model").empty());
  EXPECT_TRUE(running.at("current_cell_line_model").is_null());
  EXPECT_EQ(data.at("batch_requests"), Json::array({{{"batch_id", "2"},
                                                     {"current_anode_line_model", Json::object()},
                                                     {"current_cathode_line_model", Json::object()},
                                                     {"current_cell_line_model", nullptr}}}));
  ASSERT_EQ(data.at("machine_statuses").size(), 16u);
  std::size_t at = 0;
  for (const plant::Station& station : layout().stations())
    EXPECT_EQ(data.at("machine_statuses").at(at++).at("process"), station.process_name);

  for (const char* path : {"/plant/state", "/api/plant/state"}) {
    const Json state = twin_.get(path);
    EXPECT_EQ(state.size(), 3u);
    for (const plant::Station& station : layout().stations()) {
      const Json& machine = state.at(std::string(to_string(station.line))).at(std::string(station.type->name));
      EXPECT_EQ(machine.at("process"), station.process_name);
    }
    EXPECT_EQ(state.at("anode").at("mixing").at("state"), "On");
  }
}

TEST_P(CompatOf, ABatchShowsItsNewestProductOnEachLine) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  ASSERT_EQ(twin_.ask("PATCH", "/factory/pacing", R"({"step_interval_ms": 1, "paused": false})").status, 200);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  Json batch;
  bool had_cell = false;
  while (std::chrono::steady_clock::now() < end && !had_cell) {
    const Json batches = twin_.get("/api/simulation/state").at("data").at("running_batches");
    if (batches.empty()) break;
    batch = batches.at(0);
    had_cell = !batch.at("current_cell_line_model").is_null();
  }
  ASSERT_TRUE(had_cell);
  EXPECT_TRUE(batch.at("current_anode_line_model").contains("Overall")) << "inspection was the last on its line";
  EXPECT_TRUE(batch.at("current_cathode_line_model").contains("Overall"));
}

TEST_P(CompatOf, StartsTakeABatchEachUntilTheQueueIsFull) {
  EXPECT_EQ(ask("POST", "/api/simulation/start", "", 200).at("batch_id"), "1");
  EXPECT_EQ(ask("POST", "/api/simulation/start", "{}", 200).at("batch_id"), "2");
  EXPECT_EQ(ask("POST", "/api/simulation/start", "no JSON", 200).at("batch_id"), "3") << "a body is not looked at";
  EXPECT_EQ(ask("POST", "/api/simulation/mixing/start", "", 200).at("data"),
            (Json{{"batch_id", "4"}, {"electrode_type", nullptr}}));
  EXPECT_EQ(post("/api/simulation/mixing/start", {{"electrode_type", "Anode"}}).at("data"),
            (Json{{"batch_id", "5"}, {"electrode_type", "Anode"}}));
  refused("POST", "/api/simulation/start", "", "BATCH_LIMIT");
  refused("POST", "/api/simulation/mixing/start", "null", "BATCH_LIMIT");
  EXPECT_EQ(twin_.ask("POST", "/plant/batch").status, 503) << "as /factory/start";
  ASSERT_EQ(twin_.ask("POST", "/factory/reset").status, 200);
  const Json accepted = ask("POST", "/plant/batch", "", 200);
  EXPECT_EQ(accepted.at("batch_id"), "6");
  EXPECT_EQ(accepted.at("queue_position"), 0);
  EXPECT_TRUE(accepted.contains("seed"));
}

TEST_P(CompatOf, AResetRestoresDefaultsOfAnIdlePlant) {
  for (const char* path : {"/reset", "/api/simulation/reset"}) {
    patch("/machine/cell/aging/parameters", {{"aging_time_days", 11}});
    const Json answer = ask("POST", path, "", 200);
    EXPECT_EQ(answer.at("success"), true);
    EXPECT_EQ(answer.size(), 2u);
    const plant::Station& aging = *layout().find_process("aging_cell");
    EXPECT_EQ(twin_.plant().parameters(aging), aging.type->defaults(GetParam(), aging.line));
  }
}

TEST_P(CompatOf, AResetWaitsAndCancelsNothing) {
  patch("/machine/cell/aging/parameters", {{"aging_time_days", 11}});
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  std::promise<Response> first, second;
  const auto ask_for_it = [&](std::promise<Response>& promise) {
    const Later later = [&]() -> Reply { return [&](Response answer) { promise.set_value(std::move(answer)); }; };
    return twin_.api().handle({.method = "POST", .path = "/reset"}, {}, later);
  };
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(ask_for_it(first));
  auto late = first.get_future();
  while (late.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    twin_.api().tick();
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  }
  const Response refusal = late.get();
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(Json::parse(refusal.body).at("detail").at("error_code"), "RESET_TIMEOUT");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(value("aging_cell", "aging_time_days"), 11);
  EXPECT_EQ(twin_.plant().load().running, 1u) << "nothing was cancelled";

  EXPECT_FALSE(ask_for_it(second));
  auto in_time = second.get_future();
  ASSERT_EQ(twin_.ask("DELETE", "/batches/1").status, 202);
  while (in_time.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    twin_.api().tick();
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  }
  EXPECT_EQ(in_time.get().status, 200);
  EXPECT_NE(value("aging_cell", "aging_time_days"), 11);
}

TEST_P(CompatOf, AResetDoesNotWaitForAServerThatEnds) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  twin_.api().set_draining();
  refused("POST", "/reset", "", "RESET_TIMEOUT");
}

TEST_P(CompatOf, MachinesThatAreNotThere) {
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

TEST_P(CompatOf, WhatAMachineShowsMayBeSentBack) {
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

TEST_P(CompatOf, AllFieldsAreRequiredButThoseThatMayBeAbsent) {
  const std::map<std::string, std::set<std::string>> may_be_absent{
      {"calendaring", {"dry_thickness", "initial_porosity"}}, {"formation_cycling", {"formation_duration_s"}}};
  for (const plant::Station& station : layout().stations()) {
    const std::string type(station.type->name);
    const Json whole = twin_.get(path_of(station, "status")).at("data").at("machine_parameters");
    const Json before = whole;
    for (const auto& [name, content] : whole.items()) {
      Json without = whole;
      without.erase(name);
      const bool is_good = may_be_absent.contains(type) && may_be_absent.at(type).contains(name);
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
      const bool is_optional = type == "calendaring" && is_good;
      EXPECT_EQ(twin_.ask("PATCH", path_of(station, "parameters"), dump(null)).status, is_optional ? 200 : 400);
      if (is_optional) patch(path_of(station, "parameters"), whole);
    }
    Json more = whole;
    more["speed"] = 1;
    refused("PATCH", path_of(station, "parameters"), dump(more), "MACHINE_PARAMETER_TYPE_ERROR");
    EXPECT_EQ(twin_.get(path_of(station, "status")).at("data").at("machine_parameters"), before);
  }
}

TEST_P(CompatOf, RatiosThatDoNotSumToOneAreOutOfRange) {
  const Json detail = refused("PATCH", "/api/machine/anode/mixing/parameters",
                              R"({"AM_ratio": 0.5, "CA_ratio": 0.2, "PVDF_ratio": 0.2, "solvent_ratio": 0.2})",
                              "MACHINE_PARAMETER_VALIDATION_ERROR");
  EXPECT_NE(detail.at("message").get<std::string>().find("must sum to 1"), std::string::npos);
}

TEST_P(CompatOf, HiddenFieldsAreKeptAndNotTaken) {
  patch("/machine/anode/drying/parameters", {{"wet_thickness", 1e-4}});
  patch("/api/machine/anode/drying/parameters", {{"web_speed", 0.04}});
  EXPECT_EQ(value("drying_anode", "wet_thickness"), 1e-4);
  EXPECT_EQ(value("drying_anode", "web_speed"), 0.04);
  refused("PATCH", "/api/machine/anode/drying/parameters", R"({"web_speed": 0.04, "wet_thickness": 1e-4})",
          "MACHINE_PARAMETER_TYPE_ERROR");
}

TEST_P(CompatOf, TemperaturesAreCelsius) {
  patch("/api/machine/cell/aging/parameters", {{"k_leak", 1e-8}, {"temperature", 30}, {"aging_time_days", 5}});
  EXPECT_EQ(value("aging_cell", "temperature"), 303.15);
  EXPECT_EQ(twin_.get("/api/machine/cell/aging/status").at("data").at("machine_parameters").at("temperature"), 30.0);
  const Json detail =
      refused("PATCH", "/api/machine/cell/aging/parameters",
              R"({"k_leak": 1e-8, "temperature": -80, "aging_time_days": 5})", "MACHINE_PARAMETER_VALIDATION_ERROR");
  EXPECT_NE(detail.at("message").get<std::string>().find("at least -73.15, at most 326.85"), std::string::npos)
      << detail;
}

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

TEST_P(CompatOf, EveryLabelOfTheFrontEndSetsItsField) {
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

TEST_P(CompatOf, MixingHasTheElectrodeInItsLabels) {
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

TEST_P(CompatOf, FormsWithNothingInThemAreValidAndChangeNothing) {
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

TEST_P(CompatOf, FormsThatAreNotValid) {
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
}

TEST_P(CompatOf, BodiesThatAreNoObjectsAreFastApis422) {
  for (const auto& [method, path] :
       std::vector<std::pair<std::string, std::string>>{{"POST", "/api/parameters/validate"},
                                                        {"POST", "/api/parameters/update"},
                                                        {"PATCH", "/api/machine/anode/mixing/parameters"},
                                                        {"PATCH", "/api/machine/none/none/parameters"},
                                                        {"POST", "/api/simulation/mixing/start"}}) {
    for (const auto& [body, type] : std::vector<std::pair<std::string, std::string>>{
             {"[]", "type_error.dict"}, {"1", "type_error.dict"}, {"{", "value_error.jsondecode"}}) {
      const Json answer = ask(method, path, body, 422);
      ASSERT_EQ(answer.at("detail").size(), 1u);
      const Json& error = answer.at("detail").at(0);
      EXPECT_EQ(error.size(), 3u);
      EXPECT_EQ(error.at("loc").at(0), "body");
      EXPECT_EQ(error.at("type"), type);
      EXPECT_FALSE(error.at("msg").get<std::string>().empty());
    }
    if (path != "/api/simulation/mixing/start") {
      EXPECT_EQ(ask(method, path, "", 422).at("detail").at(0).at("type"), "value_error.missing");
      EXPECT_EQ(ask(method, path, "null", 422).at("detail").at(0).at("type"), "type_error.dict");
    }
  }
  const Json answer = ask("POST", "/api/simulation/mixing/start", R"({"electrode_type": 1})", 422);
  EXPECT_EQ(answer.at("detail").at(0).at("loc"), (Json{"body", "electrode_type"}));
}

TEST_P(CompatOf, WithoutADatabaseTablesAreEmpty) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  const std::set<std::string> tables{
      "anode_mixing",        "cathode_mixing",     "anode_coating",    "cathode_coating",
      "anode_drying",        "cathode_drying",     "anode_slitting",   "anode_calendaring",
      "cathode_calendaring", "cathode_slitting",   "anode_inspection", "aging",
      "electrolyte_filling", "cathode_inspection", "rewinding",        "formation_cycling"};
  std::set<std::string> known;
  for (const compat::Machine& machine : names_.machines()) known.insert(machine.table);
  EXPECT_EQ(known, tables);
  for (const std::string& table : tables) {
    const Json answer = twin_.get("/api/db/" + table);
    EXPECT_EQ(answer.at("data"), Json::array());
    EXPECT_NE(answer.at("message").get<std::string>().find("kept in a database only"), std::string::npos) << answer;
    EXPECT_EQ(answer.size(), 2u);
  }
  for (const char* other : {"mixing_anode", "x", "ANODE_MIXING"}) {
    const Json answer = twin_.get("/api/db/" + std::string(other));
    EXPECT_TRUE(answer.at("error").is_string());
    EXPECT_EQ(answer.size(), 1u);
  }
}

TEST_P(CompatOf, ProblemsMayBeAskedForInTheFormOfRfc9457) {
  const Response response = twin_.ask("GET", "/api/machine/anode/x/status");
  const Json problem = Json::parse(twin_.api().as_problem(response, "Bad Request").body);
  EXPECT_EQ(problem, (Json{{"type", "about:blank"},
                           {"title", "Bad Request"},
                           {"status", 400},
                           {"detail", "There is no such machine"},
                           {"error_code", "MACHINE_NOT_FOUND"},
                           {"line_type", "anode"},
                           {"machine_id", "x"}}));
}

TEST_P(CompatOf, TheDocumentsExamplesAreGood) {
  const Json document = twin_.get("/openapi.json");
  const SchemaChecker checker(document);
  std::size_t seen = 0;
  for (const Route& route : Routes::table()) {
    if (route.says.tag != "compat") continue;
    for (const Example& example : route.says.examples) {
      if (example.name.empty()) break;
      ++seen;
      EXPECT_EQ(checker.problem_at("#/components/schemas/" + std::string(route.body), Json::parse(example.body)), "");
      const std::string path = route.pattern.find('{') == std::string_view::npos ? std::string(route.pattern)
                               : example.name == "mixing" ? "/api/machine/anode/mixing/parameters"
                                                          : "/api/machine/cell/aging/parameters";
      EXPECT_EQ(ask(route.method, path, example.body, 200).at("success"), true);
    }
  }
  EXPECT_EQ(seen, 5u);
}

INSTANTIATE_TEST_SUITE_P(Models, CompatOf, ::testing::ValuesIn(process::kModelSets),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST(NoCompat, LeavesTheRoutesOut) {
  ApiUnderTest twin(ModelSet::mechanistic, true, {}, {}, false);
  const Json document = twin.get("/openapi.json");
  EXPECT_EQ(dump(document).find("ompat"), std::string::npos) << "no route, tag or schema";
  EXPECT_EQ(document.at("paths").size(), ApiUnderTest().get("/openapi.json").at("paths").size() - 14);
  std::size_t left_out = 0;
  for (const Route& route : Routes::table(true)) {
    if (route.says.tag != "compat") continue;
    ++left_out;
    std::string path(route.pattern);
    for (const auto& [part, name] : std::map<std::string, std::string>{
             {"{line_type}", "anode"}, {"{machine_id}", "mixing"}, {"{stage}", "Aging"}, {"{table}", "aging"}}) {
      if (const auto at = path.find(part); at != std::string::npos) path.replace(at, part.size(), name);
    }
    EXPECT_EQ(twin.ask(route.method, path).status, 404) << path;
    EXPECT_EQ(twin.ask("OPTIONS", path).status, 404) << path;
  }
  EXPECT_EQ(left_out, 14u);
  EXPECT_EQ(Routes::table(false).size() + left_out, Routes::table(true).size());
}

}  // namespace
}  // namespace battery_twin::api
