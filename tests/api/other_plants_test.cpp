// Plants of other machines than the ones that are served: nothing in this room knows where a machine stands, or how its
// parameters are written, by anything but its type.
#include "api_under_test.hpp"
#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "plant/made_up_machines.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;

constexpr const char* kRatios = R"({"anode": {"AM": 0.8, "CA": 0.1, "PVDF": 0.05, "solvent": 0.05},
                                    "cathode": {"AM": 0.9, "CA": 0.05, "PVDF": 0.03, "solvent": 0.02}})";

class OtherPlant : public ::testing::Test {
 protected:
  explicit OtherPlant(plant::Layout layout = {{&plant::testing::punching(), &process::mixing(), &process::inspection()},
                                              {&process::aging()}})
      : layout_(std::move(layout)) {}

  [[nodiscard]] Json schema_of(const std::string& name) { return document_.at("components").at("schemas").at(name); }
  [[nodiscard]] const plant::Station& station(const char* process) { return *layout_.find_process(process); }

  const plant::Layout layout_;
  ApiUnderTest twin_{process::ModelSet::mechanistic, true, {}, {}, true, layout_};
  const Json document_ = twin_.get("/openapi.json");
  const SchemaChecker checker_{document_};
};

class PlantWithoutMixing : public OtherPlant {
 protected:
  PlantWithoutMixing() : OtherPlant({{&plant::testing::punching()}, {&process::aging()}}) {}
};

void expect_no_empty_name(const Json& node, const std::string& where) {
  if (!node.is_structured()) return;
  for (const auto& [name, member] : node.items()) {
    EXPECT_FALSE(name.empty()) << where;
    expect_no_empty_name(member, where + "/" + name);
  }
}

TEST_F(OtherPlant, FieldsOfANestedTypeNeedNoSecondName) {
  expect_no_empty_name(document_, "");
  struct Case {
    const char* group;
    bool is_good;
  };
  for (const auto& [group, is_good] : std::initializer_list<Case>{{R"({"press": {"force": 7}})", true},
                                                                  {R"({"force": 7})", true},
                                                                  {R"({"press": {"force": 7}, "force": 7})", false},
                                                                  {R"({"press": {"": 7}})", false},
                                                                  {R"({"": 7})", false}}) {
    const Json body{{"anode_punching_params", Json::parse(group)}};
    EXPECT_EQ(checker_.problem(schema_of("BatchRequest"), body).empty(), is_good) << group;
    const Response response = twin_.ask("POST", "/factory/start", dump(body));
    ASSERT_EQ(response.status, is_good ? 200 : 400) << group << " " << response.body;
    if (!is_good) continue;
    const auto batch = twin_.plant().batch(Json::parse(response.body).at("batch_id").get<std::string>());
    EXPECT_EQ(batch->parameters[station("punching_anode").index], process::Values{7.0}) << group;
  }
}

TEST_F(OtherPlant, ThePythonServersClientsSeeThemFlat) {
  const Response set = twin_.ask("PATCH", "/api/machine/cathode/punching/parameters", R"({"force": 9})");
  EXPECT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(twin_.plant().parameters(station("punching_cathode")), process::Values{9.0});
  const Json shown = twin_.get("/api/machine/cathode/punching/status").at("data").at("machine_parameters");
  EXPECT_EQ(shown, (Json{{"force", 9.0}}));
  EXPECT_EQ(checker_.problem(schema_of("compat_punching_request"), shown), "");
  const Response form =
      twin_.ask("POST", "/api/parameters/update", R"({"stage": "Anode Punching", "parameters": {"Force": "11"}})");
  EXPECT_EQ(form.status, 200) << form.body;
  EXPECT_EQ(twin_.plant().parameters(station("punching_anode")), process::Values{11.0}) << form.body;
}

TEST_F(OtherPlant, RatiosAreForMixingWhereverItStands) {
  EXPECT_EQ(checker_.problem(schema_of("SimulationRequest"), Json::parse(kRatios)), "");
  const Response response = twin_.ask("POST", "/start-simulation", kRatios);
  ASSERT_EQ(response.status, 200) << response.body;
  const auto batch = twin_.plant().batch(Json::parse(response.body).at("batch_id").get<std::string>());
  EXPECT_EQ(batch->parameters[station("mixing_anode").index], (process::Values{0.8, 0.1, 0.05, 0.05}));
  EXPECT_EQ(batch->parameters[station("mixing_cathode").index], (process::Values{0.9, 0.05, 0.03, 0.02}));
}

TEST_F(PlantWithoutMixing, TakesNoRatiosAndSaysSo) {
  for (const char* body : {kRatios, "{}"}) {
    EXPECT_NE(checker_.problem(schema_of("SimulationRequest"), Json::parse(body)), "") << body;
    EXPECT_EQ(twin_.ask("POST", "/start-simulation", body).status, 400) << body;
  }
  const Json error = Json::parse(twin_.ask("POST", "/start-simulation", kRatios).body).at("detail").at(0);
  EXPECT_EQ(error.at("loc"), (Json{"body", "anode"}));
  EXPECT_EQ(error.at("msg"), "Value error, the anode line mixes nothing");
  EXPECT_TRUE(twin_.plant().status().is_idle());
}

}  // namespace
}  // namespace battery_twin::api
