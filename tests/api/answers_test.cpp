// What the routes really answer and the WebSocket really sends is as the documents have it, and holds nothing more.
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "api_under_test.hpp"
#include "routes.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;
using process::ModelSet;

class Answers {
 public:
  explicit Answers(ApiUnderTest& twin) : twin_(twin), document_(twin.get("/openapi.json")) {}

  /// Asks, and holds the answer against what the document has of that route.
  /// @param pattern  the route's; the path is made of it with the parts
  Json check(std::string_view method, const std::string& pattern, int status, std::vector<std::string> parts = {},
             std::string_view body = {}, std::string_view query = {}) {
    std::string path = pattern;
    for (const std::string& part : parts) {
      const auto brace = path.find('{');
      path.replace(brace, path.find('}') - brace + 1, part);
    }
    const Response response = twin_.ask(method, path, body, query);
    EXPECT_EQ(response.status, status) << path << " " << response.body;
    checked_.emplace(method, pattern, response.status);
    if (response.status != status) return {};
    std::string name(method);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const Json* said = &document_.at("paths").at(pattern).at(name).at("responses").at(std::to_string(response.status));
    if (said->contains("$ref")) said = &checker_.at(said->at("$ref").get<std::string>());
    const Json& content = said->at("content");
    if (response.content_type != "application/json") {
      const std::string type(response.content_type.substr(0, response.content_type.find(';')));
      EXPECT_TRUE(content.contains(type) || content.contains("*/*")) << path << " " << type;
      return {};
    }
    Json answer = Json::parse(response.body);
    EXPECT_EQ(checker_.problem(content.at("application/json").at("schema"), answer), "") << method << " " << path;
    if (response.status >= 400) {
      const Response problem = twin_.api().as_problem(response, "In words");
      EXPECT_EQ(checker_.problem(content.at(std::string(problem.content_type)).at("schema"), Json::parse(problem.body)),
                "");
    }
    return answer;
  }

  [[nodiscard]] const std::set<std::tuple<std::string, std::string, int>>& checked() const { return checked_; }

 private:
  ApiUnderTest& twin_;
  Json document_;
  SchemaChecker checker_{document_, SchemaChecker::Reading::closed};
  std::set<std::tuple<std::string, std::string, int>> checked_;
};

void wait_until_idle(ApiUnderTest& twin) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (twin.get("/factory/status").at("state") != "idle" && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_EQ(twin.get("/factory/status").at("state"), "idle");
}

void check_machines(Answers& answers) {
  for (const plant::Station& station : plant::standard_layout().stations()) {
    const std::vector<std::string> parts{std::string(to_string(station.line)), std::string(station.type->name)};
    answers.check("GET", "/machine/{line_type}/{machine_id}/status", 200, parts);
    answers.check("PATCH", "/machine/{line_type}/{machine_id}/parameters", 200, parts, "{}");
  }
}

void check_refusals(Answers& answers) {
  answers.check("POST", "/start-simulation", 400, {}, "{");
  answers.check("POST", "/start-simulation", 400, {}, R"({"anode": {"AM": "x"}, "more": []})");
  answers.check("POST", "/factory/start", 400, {}, R"({"aging_params": {"temperature": 25}, "id": ""})");
  answers.check("PATCH", "/factory/pacing", 400, {}, R"({"paused": 1, "step_interval_ms": -1})");
  answers.check("PATCH", "/machine/{line_type}/{machine_id}/parameters", 400, {"cell", "aging"}, "[]");
  answers.check("PATCH", "/machine/{line_type}/{machine_id}/parameters", 404, {"cell", "mixing"}, "{}");
  answers.check("GET", "/machine/{line_type}/{machine_id}/status", 404, {"anode", "x"});
  answers.check("GET", "/machine/{line_type}/{machine_id}/status", 404, {"x", "mixing"});
  answers.check("GET", "/factory/logs", 400, {}, {}, "limit=0&level=x&machine=x&since_seq=-1");
  answers.check("GET", "/batches", 400, {}, {}, "status=x&order=x&limit=1001");
  answers.check("GET", "/batches", 400, {}, {}, "after=unknown");
  answers.check("GET", "/batches/{id}", 404, {"unknown"});
  answers.check("GET", "/batches/{id}/telemetry", 404, {"unknown"});
  answers.check("GET", "/batches/{id}/telemetry", 400, {"unknown"}, {}, "format=x");
  answers.check("DELETE", "/batches/{id}", 404, {"unknown"});
}

void check_compat(Answers& answers) {
  for (const char* path : {"/api/simulation/state", "/api/plant/state", "/plant/state"})
    answers.check("GET", path, 200);
  for (const plant::Station& station : plant::standard_layout().stations())
    answers.check("GET", "/api/machine/{line_type}/{machine_id}/status", 200,
                  {std::string(to_string(station.line)), std::string(station.type->name)});
  answers.check("GET", "/api/parameters/current/{stage}", 200, {"Anode Mixing"});
  answers.check("GET", "/api/parameters/current/{stage}", 200, {"Electrolyte Filling"});
  answers.check("GET", "/api/db/{table}", 200, {"anode_mixing"});
  answers.check("GET", "/api/db/{table}", 200, {"unknown"});
}

void check_compat_changes(Answers& answers) {
  constexpr const char* kParameters = "/api/machine/{line_type}/{machine_id}/parameters";
  answers.check("PATCH", kParameters, 200, {"anode", "drying"}, R"({"web_speed": 0.05})");
  answers.check("PATCH", kParameters, 400, {"anode", "drying"}, "{}");
  answers.check("PATCH", kParameters, 400, {"anode", "drying"}, R"({"web_speed": -1})");
  answers.check("PATCH", kParameters, 400, {"anode", "x"}, "{}");
  answers.check("PATCH", kParameters, 422, {"anode", "drying"}, "[]");
  for (const char* path : {"/api/parameters/validate", "/api/parameters/update"}) {
    answers.check("POST", path, 200, {}, R"({"stage": "Aging", "parameters": {"Aging Days": "10"}})");
    answers.check("POST", path, 422, {}, "{");
  }
  answers.check("POST", "/api/parameters/validate", 200, {}, R"({"stage": "Aging", "parameters": {"Aging Days": 0}})");
  answers.check("POST", "/api/parameters/update", 400, {}, R"({"stage": "Aging", "parameters": {"Aging Days": 0}})");
  answers.check("POST", "/api/parameters/update", 400, {}, R"({"stage": "Aging", "parameters": {"Aging Days": "x"}})");
  answers.check("POST", "/api/parameters/update", 400, {}, "{}");
  answers.check("GET", "/api/parameters/current/{stage}", 400, {"x"});
  answers.check("GET", "/api/machine/{line_type}/{machine_id}/status", 400, {"anode", "x"});
  answers.check("POST", "/api/simulation/mixing/start", 422, {}, "1");
}

class AnswersOf : public ::testing::TestWithParam<ModelSet> {};

TEST_P(AnswersOf, EveryRouteAreAsDocumented) {
  const auto any_file = [](std::string_view) { return Asset{.bytes = "x", .content_type = "text/html"}; };
  ApiUnderTest twin(GetParam(), true, {.find = any_file});
  Answers answers(twin);
  answers.check("GET", "/assets/{name}", 200, {"app-1.js"});
  for (const char* path : {"/", "/docs", "/openapi.json", "/asyncapi.json", "/factory/status", "/factory/logs",
                           "/batches", "/health", "/health/live", "/health/ready", "/metrics"})
    answers.check("GET", path, 200);
  check_machines(answers);
  check_refusals(answers);
  check_compat(answers);
  check_compat_changes(answers);

  const std::string ratios = R"({"AM": 0.5, "CA": 0.02, "PVDF": 0.02, "solvent": 0.46})";
  answers.check("POST", "/start-simulation", 200, {}, R"({"anode": )" + ratios + R"(, "cathode": )" + ratios + "}");
  answers.check("POST", "/start-simulation", 409, {}, R"({"anode": )" + ratios + R"(, "cathode": )" + ratios + "}");
  answers.check("POST", "/factory/start", 200, {}, R"({"id": "waits", "anode_coating_params": {"gap_height": 0.009}})");
  answers.check("POST", "/factory/start", 409, {}, R"({"id": "waits"})");
  answers.check("POST", "/api/simulation/start", 200);
  answers.check("POST", "/api/simulation/mixing/start", 200, {}, R"({"electrode_type": "Anode"})");
  answers.check("POST", "/plant/batch", 200);
  answers.check("POST", "/factory/start", 503, {}, "{}");
  answers.check("POST", "/api/simulation/start", 400);
  answers.check("POST", "/api/simulation/mixing/start", 400);
  answers.check("POST", "/plant/batch", 503);
  check_machines(answers);  // two of them are on
  check_compat(answers);
  answers.check("GET", "/batches/{id}", 200, {"waits"});
  answers.check("GET", "/factory/status", 200);
  answers.check("DELETE", "/batches/{id}", 200, {"waits"});
  answers.check("DELETE", "/batches/{id}", 202, {"1"});
  answers.check("DELETE", "/batches/{id}", 409, {"waits"});
  answers.check("PATCH", "/factory/pacing", 200, {}, R"({"step_interval_ms": 0.5})");
  answers.check("PATCH", "/factory/pacing", 200, {}, R"({"step_interval_ms": 0, "paused": false})");

  wait_until_idle(twin);
  const Json page = answers.check("GET", "/batches", 200, {}, {}, "limit=3");
  EXPECT_FALSE(page.at("next").is_null());
  EXPECT_EQ(page.at("batches").at(0).at("status"), "completed");
  answers.check("GET", "/batches/{id}", 200, {"2"});
  answers.check("GET", "/factory/logs", 200, {}, {}, "limit=1000");
  answers.check("POST", "/factory/reset", 200);
  answers.check("POST", "/reset", 200);
  answers.check("POST", "/api/simulation/reset", 200);
  answers.check("PATCH", "/factory/pacing", 200, {}, R"({"paused": true})");
  answers.check("POST", "/api/simulation/start", 200);
  twin.api().set_draining();
  for (const char* path : {"/reset", "/api/simulation/reset"}) answers.check("POST", path, 400);
  answers.check("GET", "/health/ready", 503);

  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& [method, pattern, status] : answers.checked())
    if (status < 400) seen.emplace(method, pattern);
  for (const Route& route : Routes::table()) {
    // Without a store there is no telemetry; tests/system has it.
    EXPECT_EQ(seen.contains({std::string(route.method), std::string(route.pattern)}),
              route.pattern != "/batches/{id}/telemetry")
        << route.method << " " << route.pattern;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, AnswersOf, ::testing::ValuesIn(process::kModelSets),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

// Takes what the WebSocket would send.
class Listener final : public Sink {
 public:
  void send(std::shared_ptr<const std::string> text) override { messages.push_back(Json::parse(*text)); }
  std::vector<Json> messages;
};

class Messages {
 public:
  explicit Messages(const Json& document) : document_(document) {}

  void check(const Json& message) {
    const auto name = message.at("status").get<std::string>();
    ++seen[name];
    EXPECT_EQ(checker_.problem(document_.at("components").at("messages").at(name).at("payload"), message), "") << name;
  }
  std::map<std::string, int> seen;

 private:
  const Json& document_;
  SchemaChecker checker_{document_, SchemaChecker::Reading::closed};
};

TEST(WebSocketMessages, AreAsDocumented) {
  ApiUnderTest twin(ModelSet::reference, false);
  const Json document = twin.get("/asyncapi.json");
  Messages messages(document);
  Listener listener;
  const RequestHead head{.method = "GET", .path = "/ws/status", .query = "telemetry=1"};
  const auto feed = twin.api().open_feed(head, listener);
  feed->refill();
  messages.check(Json::parse(feed->on_text(R"({"subscribe": {"line": ["anode"]}})")));
  messages.check(Json::parse(feed->on_text(R"({"subscribe": {"line": "x"}})")));
  messages.check(Json::parse(feed->on_text(R"({"subscribe": {}})")));

  ASSERT_EQ(twin.ask("PATCH", "/machine/cell/aging/parameters", R"({"aging_time_days": 10})").status, 200);
  ASSERT_EQ(twin.ask("PATCH", "/factory/pacing", R"({"step_interval_ms": 2})").status, 200);
  ASSERT_EQ(twin.ask("POST", "/factory/start", "{}").status, 200);
  while (twin.get("/factory/status").at("state") != "idle") {
    twin.api().pump();
    twin.api().tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_EQ(twin.ask("PATCH", "/factory/pacing", R"({"paused": true})").status, 200);
  const Json stopped = Json::parse(twin.ask("POST", "/factory/start", R"({"id": "stopped"})").body);
  EXPECT_EQ(stopped.at("message"), "Batch stopped started. The plant is paused: PATCH /factory/pacing");
  ASSERT_EQ(twin.ask("POST", "/factory/reset").status, 200);
  twin.api().pump();

  Listener late;  // all that it gets is from before
  const auto late_feed = twin.api().open_feed({.method = "GET", .path = "/ws/status", .query = "replay=1000"}, late);
  late_feed->refill();
  Listener lost;
  const auto lost_feed = twin.api().open_feed({.method = "GET", .path = "/ws/status", .query = "since=9999"}, lost);
  for (const Listener* one : {&listener, &late, &lost})
    for (const Json& message : one->messages) messages.check(message);
  EXPECT_EQ(late.messages.front().at("data").at("replayed"), true);

  std::set<std::string> missed;
  for (const auto& [name, message] : document.at("components").at("messages").items())
    if (!messages.seen.contains(name)) missed.insert(name);
  // No machine fails here; the last three are no events.
  EXPECT_EQ(missed, (std::set<std::string>{"batch_failed", "echo", "subscribe", "text"}));
}

// The client's own message: the schema and the server agree.
TEST(WebSocketMessages, SubscriptionsAreTakenAsDocumented) {
  ApiUnderTest twin;
  const Json document = twin.get("/asyncapi.json");
  const SchemaChecker checker(document);
  const Json& payload = document.at("components").at("messages").at("subscribe").at("payload");
  Listener listener;
  const auto feed = twin.api().open_feed({.method = "GET", .path = "/ws/status"}, listener);
  int good = 0;
  std::vector<Json> filters{Json::object(), nullptr, "x", Json::array(), {{"more", "x"}}};
  for (const char* name : {"event", "line", "machine", "batch_id"}) {
    for (const Json& value :
         {Json("anode"), Json("mixing"), Json("mixing_anode"), Json("batch_merged"), Json("data_generated"),
          Json("gap"), Json(""), Json(1), Json(), Json(std::string(64, 'x')), Json(std::string(65, 'x')), Json::array(),
          Json(std::vector<std::string>{"cell", "anode"}), Json(std::vector<std::string>(101, "anode")),
          Json(std::vector<std::string>(100, "mixing"))})
      filters.push_back({{name, value}});
  }
  for (const Json& filter : filters) {
    const Json message{{"subscribe", filter}};
    const bool is_good = checker.problem(payload, message).empty();
    const Json answer = Json::parse(feed->on_text(dump(message)));
    EXPECT_EQ(answer.at("status"), is_good ? "subscribed" : "error") << message;
    good += is_good ? 1 : 0;
  }
  EXPECT_GT(good, 15);
}

}  // namespace
}  // namespace battery_twin::api
