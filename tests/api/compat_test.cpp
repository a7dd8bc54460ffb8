// What holds for all routes of the Python server's front end.
#include <algorithm>
#include <map>
#include <set>

#include "compat_under_test.hpp"
#include "routes.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;

class CompatRoutes : public CompatTest {};

TEST_P(CompatRoutes, BodiesThatAreNoObjectsAreFastApis422) {
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

TEST_P(CompatRoutes, WithoutADatabaseTablesAreEmpty) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  const std::set<std::string> tables{
      "anode_mixing",        "cathode_mixing",     "anode_coating",    "cathode_coating",
      "anode_drying",        "cathode_drying",     "anode_slitting",   "anode_calendaring",
      "cathode_calendaring", "cathode_slitting",   "anode_inspection", "aging",
      "electrolyte_filling", "cathode_inspection", "rewinding",        "formation_cycling"};
  std::set<std::string> known;
  for (const compat::Machine& machine : names_.machines()) known.insert(machine.table);
  EXPECT_TRUE(std::ranges::includes(known, tables)) << "those of the Python server, by its names";
  for (const std::string& table : known) {
    const Json answer = twin_.get("/api/db/" + table);
    EXPECT_EQ(answer.at("data"), Json::array());
    EXPECT_NE(answer.at("message").get<std::string>().find("kept in a database only"), std::string::npos) << answer;
    EXPECT_EQ(answer.size(), 2u);
  }
  for (const char* other : {"mixing_anode", "x", "ANODE_MIXING"}) {
    const Json answer = twin_.get("/api/db/" + std::string(other));
    EXPECT_TRUE(answer.at("error").get<std::string>().starts_with("There is no such table, but anode_mixing, "));
    EXPECT_EQ(answer.size(), 1u);
  }
}

TEST_P(CompatRoutes, ProblemsMayBeAskedForInTheFormOfRfc9457) {
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

TEST_P(CompatRoutes, TheDocumentsExamplesAreGood) {
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

INSTANTIATE_TEST_SUITE_P(Models, CompatRoutes, ::testing::ValuesIn(process::kModelSets), models_of);

TEST(NoCompat, LeavesTheRoutesOut) {
  ApiUnderTest twin(process::ModelSet::mechanistic, true, {}, {}, false);
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
