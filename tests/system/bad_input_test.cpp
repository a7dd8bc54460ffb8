// What is wrong with an input is said, all of it and exactly where; and then nothing has changed.
#include <gtest/gtest.h>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

struct Expected {
  Json loc;
  std::string type;
  Json ctx = nullptr;  // null: not looked at
};

struct Case {
  const char* name;
  const char* method;
  const char* path;
  std::string body;
  std::vector<Expected> errors;
};

constexpr const char* kSimulation = "/start-simulation";
constexpr const char* kMixing = "/machine/anode/mixing/parameters";
constexpr const char* kCoating = "/machine/anode/coating/parameters";
constexpr const char* kCalendaring = "/machine/cathode/calendaring/parameters";

Json body_loc(std::initializer_list<const char*> parts) {
  Json loc = Json::array({"body"});
  for (const char* part : parts) loc.push_back(part);
  return loc;
}

void expect_errors(const HttpResponse& response, const Case& one) {
  ASSERT_EQ(response.status, 400) << one.name << response.body;
  const Json detail = response.json().at("detail");
  ASSERT_EQ(detail.size(), one.errors.size()) << one.name << detail;
  for (std::size_t i = 0; i < detail.size(); ++i) {
    const Json& error = detail.at(i);
    EXPECT_EQ(error.at("loc"), one.errors[i].loc) << one.name;
    EXPECT_EQ(error.at("type"), one.errors[i].type) << one.name << error;
    EXPECT_FALSE(error.at("msg").get<std::string>().empty()) << one.name;
    EXPECT_TRUE(error.contains("input")) << one.name;
    if (!one.errors[i].ctx.is_null()) {
      EXPECT_EQ(error.value("ctx", Json()), one.errors[i].ctx) << one.name;
    }
  }
}

// Runs all cases against one server and looks, after each, that it left no trace.
void check(const std::vector<Case>& cases, const std::vector<std::string>& options = {}) {
  const Twin twin(options);
  const Json before = state_of(twin);
  for (const Case& one : cases) {
    const HttpResponse response =
        twin.http.request(one.method, one.path, one.body, {{"Content-Type", "application/json"}});
    expect_errors(response, one);
    EXPECT_EQ(state_of(twin), before) << one.name;
  }
}

TEST(BadInput, OfStartSimulation) {
  const std::string good = R"({"AM":0.5,"CA":0.04,"PVDF":0.05,"solvent":0.41})";
  check({
      {"both missing",
       "POST",
       kSimulation,
       "{}",
       {{body_loc({"anode"}), "missing"}, {body_loc({"cathode"}), "missing"}}},
      {"one missing, one unknown",
       "POST",
       kSimulation,
       R"({"anode":)" + good + R"(,"cell":{}})",
       {{body_loc({"cell"}), "extra_forbidden"}, {body_loc({"cathode"}), "missing"}}},
      {"sum",
       "POST",
       kSimulation,
       R"({"anode":{"AM":0.5,"CA":0.04,"PVDF":0.05,"solvent":0.42},"cathode":)" + good + "}",
       {{body_loc({"anode"}), "value_error"}}},
      {"ratio missing",
       "POST",
       kSimulation,
       R"({"anode":{"AM":0.5,"CA":0.09,"solvent":0.41},"cathode":)" + good + "}",
       {{body_loc({"anode", "PVDF"}), "missing"}}},
      {"zero and negative",
       "POST",
       kSimulation,
       R"({"cathode":{"AM":0,"CA":-0.1,"PVDF":0.5,"solvent":0.6},"anode":)" + good + "}",
       {{body_loc({"cathode", "AM"}), "greater_than", {{"gt", 0}}},
        {body_loc({"cathode", "CA"}), "greater_than", {{"gt", 0}}}}},
      {"text, boolean, null and list",
       "POST",
       kSimulation,
       R"({"anode":{"AM":"0.5","CA":true,"PVDF":null,"solvent":[0.41]},"cathode":)" + good + "}",
       {{body_loc({"anode", "AM"}), "float_type"},
        {body_loc({"anode", "CA"}), "float_type"},
        {body_loc({"anode", "PVDF"}), "float_type"},
        {body_loc({"anode", "solvent"}), "float_type"}}},
      {"flat names",
       "POST",
       kSimulation,
       R"({"anode":{"AM":0.5,"CA":0.04,"PVDF":0.05,"solvent":0.41,"AM_ratio":0.5},"cathode":)" + good + "}",
       {{body_loc({"anode", "AM_ratio"}), "extra_forbidden"}}},
  });
}

TEST(BadInput, OfFactoryStartIsToldAllAtOnceInDocumentOrder) {
  check({
      {"many",
       "POST",
       kStart,
       R"({"aging_params":{"temperature":25,"k_leak":0},)"
       R"("surprise":1,)"
       R"("anode_coating_params":{"gap_height":-0.1,"speed":1,"coating_speed":11},)"
       R"("id":"not good","seed":-1})",
       {{body_loc({"aging_params", "temperature"}), "greater_than_equal", {{"ge", 200}}},
        {body_loc({"aging_params", "k_leak"}), "greater_than", {{"gt", 0}}},
        {body_loc({"surprise"}), "extra_forbidden"},
        {body_loc({"anode_coating_params", "gap_height"}), "greater_than", {{"gt", 0}}},
        {body_loc({"anode_coating_params", "speed"}), "extra_forbidden"},
        {body_loc({"anode_coating_params", "coating_speed"}), "less_than_equal", {{"le", 10}}},
        {body_loc({"id"}), "string_pattern_mismatch"},
        {body_loc({"seed"}), "greater_than_equal", {{"ge", 0}}}}},
      {"sum of a group",
       "POST",
       kStart,
       R"({"anode_mixing_params":{"material_ratios":{"AM":0.6}}})",
       {{body_loc({"anode_mixing_params", "material_ratios"}), "value_error"}}},
      {"unit interval",
       "POST",
       kStart,
       R"({"cathode_drying_params":{"solid_content":1},"cathode_calendaring_params":{"initial_porosity":0}})",
       {{body_loc({"cathode_drying_params", "solid_content"}), "less_than", {{"lt", 1}}},
        {body_loc({"cathode_calendaring_params", "initial_porosity"}), "greater_than", {{"gt", 0}}}}},
      {"humidity and tapering",
       "POST",
       kStart,
       R"({"rewinding_params":{"environment_humidity":100.5,"tapering_steps":-1}})",
       {{body_loc({"rewinding_params", "environment_humidity"}), "less_than_equal", {{"le", 100}}},
        {body_loc({"rewinding_params", "tapering_steps"}), "greater_than_equal", {{"ge", 0}}}}},
      {"id is no text", "POST", kStart, R"({"id":7})", {{body_loc({"id"}), "string_type"}}},
      {"empty id", "POST", kStart, R"({"id":""})", {{body_loc({"id"}), "string_pattern_mismatch"}}},
      {"long id",
       "POST",
       kStart,
       R"({"id":")" + std::string(65, 'x') + R"("})",
       {{body_loc({"id"}), "string_pattern_mismatch"}}},
      {"id with a slash", "POST", kStart, R"({"id":"a/b"})", {{body_loc({"id"}), "string_pattern_mismatch"}}},
      {"id that is a folder", "POST", kStart, R"({"id":".."})", {{body_loc({"id"}), "string_pattern_mismatch"}}},
      {"seed with a fraction", "POST", kStart, R"({"seed":1.5})", {{body_loc({"seed"}), "int_type"}}},
      {"seed as text", "POST", kStart, R"({"seed":"1"})", {{body_loc({"seed"}), "int_type"}}},
      {"seed as boolean", "POST", kStart, R"({"seed":true})", {{body_loc({"seed"}), "int_type"}}},
      {"seed of 2^53", "POST", kStart, R"({"seed":9007199254740992})", {{body_loc({"seed"}), "less_than_equal"}}},
      {"steps",
       "POST",
       kStart,
       R"({"electrolyte_filling_params":{"soaking_time":1e9}})",
       {{body_loc({"electrolyte_filling_params", "soaking_time"}), "value_error"}}},
  });
}

TEST(BadInput, IsJudgedByTheModelsThatRun) {
  const char* soaking = R"({"electrolyte_filling_params":{"soaking_time":2000000}})";
  check({{"steps of a second",
          "POST",
          kStart,
          soaking,
          {{body_loc({"electrolyte_filling_params", "soaking_time"}), "value_error"}}}},
        kReference);
  const Twin twin;  // whose steps are longer
  const HttpResponse response = twin.http.request("POST", kStart, soaking, {{"Content-Type", "application/json"}});
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST(BadInput, OfMachineParameters) {
  check({
      {"negative gap",
       "PATCH",
       kCoating,
       R"({"gap_height":-0.1})",
       {{body_loc({"gap_height"}), "greater_than", {{"gt", 0}}}}},
      {"good and bad",
       "PATCH",
       kCoating,
       R"({"coating_speed":0.06,"gap_height":1})",
       {{body_loc({"gap_height"}), "less_than_equal", {{"le", 0.01}}}}},
      {"typo", "PATCH", kCoating, R"({"gap_hieght":0.0002})", {{body_loc({"gap_hieght"}), "extra_forbidden"}}},
      {"null on a required field",
       "PATCH",
       kCoating,
       R"({"gap_height":null})",
       {{body_loc({"gap_height"}), "float_type"}}},
      {"boolean", "PATCH", kCoating, R"({"gap_height":true})", {{body_loc({"gap_height"}), "float_type"}}},
      {"numeric text", "PATCH", kCoating, R"({"gap_height":"0.0002"})", {{body_loc({"gap_height"}), "float_type"}}},
      {"partial ratios",
       "PATCH",
       kMixing,
       R"({"material_ratios":{"AM":0.6}})",
       {{body_loc({"material_ratios"}), "value_error"}}},
      {"null ratio",
       "PATCH",
       kMixing,
       R"({"material_ratios":{"AM":null}})",
       {{body_loc({"material_ratios", "AM"}), "float_type"}}},
      {"nested and flat",
       "PATCH",
       kMixing,
       R"({"material_ratios":{"AM":0.495},"CA_ratio":0.045})",
       {{Json::array({"body"}), "value_error"}}},
      {"Celsius",
       "PATCH",
       kCalendaring,
       R"({"temperature":80})",
       {{body_loc({"temperature"}), "greater_than_equal", {{"ge", 200}}}}},
      {"too many steps",
       "PATCH",
       "/machine/anode/drying/parameters",
       R"({"web_speed":1e-9})",
       {{body_loc({"web_speed"}), "value_error"}}},
      {"too many days",
       "PATCH",
       "/machine/cell/aging/parameters",
       R"({"aging_time_days":1e6})",
       {{body_loc({"aging_time_days"}), "value_error"}}},
      {"too long a formation",
       "PATCH",
       "/machine/cell/formation_cycling/parameters",
       R"({"formation_duration_s":1e9})",
       {{body_loc({"formation_duration_s"}), "value_error"}}},
  });
}

TEST(BadInput, OfPacing) {
  check({
      {"too slow and no boolean",
       "PATCH",
       "/factory/pacing",
       R"({"step_interval_ms":60001,"paused":1})",
       {{body_loc({"step_interval_ms"}), "less_than_equal", {{"le", 60000}}}, {body_loc({"paused"}), "bool_type"}}},
      {"negative",
       "PATCH",
       "/factory/pacing",
       R"({"paused":true,"step_interval_ms":-1})",
       {{body_loc({"step_interval_ms"}), "greater_than_equal", {{"ge", 0}}}}},
      {"unknown", "PATCH", "/factory/pacing", R"({"speed":1})", {{body_loc({"speed"}), "extra_forbidden"}}},
  });
}

TEST(BadInput, OfQueries) {
  const Twin twin;
  struct Query {
    const char* target;
    const char* field;
  };
  for (const Query& query : std::initializer_list<Query>{
           {"/factory/logs?limit=0", "limit"},
           {"/factory/logs?limit=1001", "limit"},
           {"/factory/logs?limit=ten", "limit"},
           {"/factory/logs?limit=", "limit"},
           {"/factory/logs?level=loud", "level"},
           {"/factory/logs?since_seq=-1", "since_seq"},
           {"/batches?limit=0", "limit"},
           {"/batches?limit=99999999999999999999", "limit"},
           {"/batches?status=done", "status"},
           {"/batches?order=up", "order"},
       }) {
    const HttpResponse response = twin.http.get(query.target);
    ASSERT_EQ(response.status, 400) << query.target;
    EXPECT_EQ(response.json().at("detail").at(0).at("loc"), Json({"query", query.field})) << query.target;
  }
}

TEST(BadInput, ASumErrorGivesTheSumFound) {
  const Twin twin(kReference);
  const HttpResponse response = twin.http.patch(kMixing, {{"material_ratios", {{"AM", 0.75}}}});
  ASSERT_EQ(response.status, 400);
  const std::string message = response.json().at("detail").at(0).at("msg");
  EXPECT_NE(message.find("1.255"), std::string::npos) << message;  // .75 + .045 + .05 + .41
}

TEST(BadInput, CelsiusIsAnsweredWithAHint) {
  const Twin twin;
  const HttpResponse response = twin.http.patch(kCalendaring, {{"temperature", 80}});
  ASSERT_EQ(response.status, 400);
  const Json error = response.json().at("detail").at(0);
  EXPECT_NE(error.at("msg").get<std::string>().find("kelvin"), std::string::npos) << error;
  EXPECT_EQ(error.at("input"), 80);
}

TEST(BadInput, AnUpperLimitIsInTheMessage) {
  const Twin twin;
  const HttpResponse response = twin.http.patch("/machine/anode/slitting/parameters", {{"slitting_tension", 2e5}});
  ASSERT_EQ(response.status, 400);
  const std::string message = response.json().at("detail").at(0).at("msg");
  EXPECT_TRUE(message.find("100000") != std::string::npos || message.find("1e+05") != std::string::npos) << message;
}

TEST(BadInput, UnusualValuesPassWithAWarning) {
  const Twin twin;
  const HttpResponse response =
      twin.http.post(kStart, {{"id", "odd"}, {"anode_coating_params", {{"gap_height", 600e-6}}}});
  ASSERT_EQ(response.status, 200) << response.body;
  ASSERT_EQ(response.json().at("warnings").size(), 1u);
  EXPECT_EQ(twin.get("/batches/odd").at("warnings"), response.json().at("warnings"));
}

TEST(BadInput, MachinesThatAreSetOddlyAreToldOf) {
  const Twin twin;
  const Json paste{{"material_ratios", {{"AM", 0.85}, {"CA", 0.08}, {"PVDF", 0.04}, {"solvent", 0.03}}}};
  ASSERT_EQ(twin.http.patch("/machine/anode/mixing/parameters", paste).status, 200);
  const Json warnings = twin.http.post(kStart, {{"id", "trap"}}).json().at("warnings");
  ASSERT_FALSE(warnings.empty());
  EXPECT_EQ(warnings.at(0).get<std::string>().find("anode_mixing_params, as the machine is set: solids 97 %"), 0u)
      << warnings;
  // At half the current the default duration is too short for a charge and a discharge.
  const Json slow{{"formation_cycling_params", {{"charge_current_A", 0.5}}}};
  const std::string all = twin.http.post(kStart, slow).json().at("warnings").dump();
  EXPECT_NE(all.find("formation_duration_s 43200 s is short"), std::string::npos) << all;
}

}  // namespace
}  // namespace battery_twin::system
