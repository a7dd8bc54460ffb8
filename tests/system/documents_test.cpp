// /openapi.json over real sockets: what only a whole server with a database answers is as the document has it.
#include <gtest/gtest.h>

#include "api/schema_checker.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

using json_schema::SchemaChecker;
using Ordered = SchemaChecker::Json;

// Holds an answer against what the document says of a route and a status.
class Document {
 public:
  explicit Document(const Twin& twin) : document_(Ordered::parse(twin.http.get("/openapi.json").body)) {}

  [[nodiscard]] std::string problem(const std::string& method, const std::string& pattern,
                                    const HttpResponse& response) const {
    const Ordered& answers = document_.at("paths").at(pattern).at(method).at("responses");
    const std::string status = std::to_string(response.status);
    if (!answers.contains(status)) return "status " + status + " is not documented";
    const Ordered& answer = answers.at(status);
    const Ordered& said = answer.contains("$ref") ? checker_.at(answer.at("$ref").get<std::string>()) : answer;
    const std::string type = response.field("Content-Type");
    const std::string plain = type.substr(0, type.find(';'));
    if (!said.at("content").contains(plain)) return plain + " is not documented";
    const Ordered body = plain == "text/csv" ? Ordered(response.body) : Ordered::parse(response.body);
    return checker_.problem(said.at("content").at(plain).at("schema"), body);
  }

 private:
  Ordered document_;
  SchemaChecker checker_{document_, SchemaChecker::Reading::closed};
};

TEST(Documents, HoldForABatchWithADatabase) {
  const Twin twin;
  const Document document(twin);
  twin.set_step_interval(0);
  twin.start({{"id", "a"}});
  ASSERT_TRUE(Twin::eventually([&] { return twin.get("/batches/a").at("status") == "completed"; }));
  const std::string route = "/batches/{id}/telemetry";
  const HttpResponse steps = twin.http.get("/batches/a/telemetry");
  EXPECT_EQ(steps.status, 200);
  EXPECT_EQ(document.problem("get", route, steps), "");
  EXPECT_GT(steps.json().at("telemetry").size(), 100u);
  EXPECT_EQ(document.problem("get", route, twin.http.get("/batches/a/telemetry?format=csv")), "");
  EXPECT_EQ(document.problem("get", "/batches/{id}", twin.http.get("/batches/a")), "");
  EXPECT_EQ(document.problem("get", "/factory/logs", twin.http.get("/factory/logs?limit=1000")), "");
  const HttpResponse health = twin.http.get("/health");
  EXPECT_TRUE(health.json().at("database").contains("backlog"));
  EXPECT_EQ(document.problem("get", "/health", health), "");
}

TEST(Documents, HoldForWhatIsRefusedBeforeARoute) {
  const Twin twin({"--max-body", "1000"});
  const Document document(twin);
  const Headers json{{"Content-Type", "application/json"}};
  const auto ask = [&](std::string_view body, Headers headers) {
    return twin.http.request("POST", "/factory/start", body, std::move(headers));
  };
  const auto with = [&](std::string_view name, std::string value) {
    Headers headers = json;
    headers.emplace_back(name, std::move(value));
    return headers;
  };
  const std::vector<std::pair<int, HttpResponse>> refusals{
      {400, ask("{}", with("Content-Type", "application/json"))},
      {403, ask("{}", with("Origin", "http://elsewhere.example"))},
      {413, ask(std::string(2000, ' '), json)},
      {414, twin.http.raw("POST /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n")},
      {415, ask("{}", {})},
      {421, ask("{}", with("Host", "elsewhere.example"))},
      {431, ask("{}", with("X-Long", std::string(20'000, 'x')))},
      {501, twin.http.raw("POST /factory/start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n")},
      {505, twin.http.raw("POST /factory/start HTTP/3.0\r\nHost: localhost\r\n\r\n")},
  };
  for (const auto& [status, response] : refusals) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(document.problem("post", "/factory/start", response), "") << status;
  }
}

TEST(Documents, ProblemsAreAsDocumented) {
  const Twin twin;
  const Document document(twin);
  const Headers problem{{"Accept", "application/problem+json"}, {"Content-Type", "application/json"}};
  const HttpResponse invalid = twin.http.request("POST", "/factory/start", "{\"seed\": -1}", problem);
  EXPECT_EQ(invalid.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(document.problem("post", "/factory/start", invalid), "");
}

}  // namespace
}  // namespace battery_twin::system
