// /openapi.json and /asyncapi.json hold what the tables declare, and nothing else.
#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

#include "api_under_test.hpp"
#include "broadcaster.hpp"
#include "openapi.hpp"
#include "routes.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;
using process::FieldInfo;
using process::ModelSet;

Json openapi(ModelSet models = ModelSet::mechanistic, std::uint32_t max_steps = 1'000'000) {
  return openapi_document(plant::standard_layout(), {.models = models, .max_steps = max_steps}, "1.2.3");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

const Json& operation_of(const Json& document, const Route& route) {
  return document.at("paths").at(std::string(route.pattern)).at(lower(route.method));
}

// Where a group has a field: both places where it knows two.
std::vector<const Json*> places_of(const Json& group, const process::MachineType& type, const FieldInfo& field) {
  if (type.nested.empty()) return {&group.at("properties").at(std::string(field.name))};
  const Json& nested = group.at("oneOf").at(0).at("properties").at(std::string(type.nested));
  return {&nested.at("properties").at(std::string(field.name)),
          &group.at("oneOf").at(1).at("properties").at(std::string(flat_name(type, field)))};
}

void expect_range(const Json& schema, const process::Range& range, const std::string& where) {
  const auto expect = [&](const char* keyword, std::optional<double> bound) {
    EXPECT_EQ(schema.contains(keyword), bound.has_value()) << where << " " << keyword;
    if (bound && schema.contains(keyword)) {
      EXPECT_EQ(schema.at(keyword).get<double>(), *bound) << where << " " << keyword;
    }
  };
  expect("exclusiveMinimum", range.above);
  expect("minimum", range.at_least);
  expect("exclusiveMaximum", range.below);
  expect("maximum", range.at_most);
}

TEST(OpenApi, HasEveryRouteAndNoOther) {
  std::set<std::pair<std::string, std::string>> declared;
  for (const Route& route : Routes::table()) declared.emplace(route.pattern, lower(route.method));
  std::set<std::pair<std::string, std::string>> documented;
  const Json document = openapi();
  for (const auto& [path, operations] : document.at("paths").items()) {
    for (const auto& [method, operation] : operations.items()) documented.emplace(path, method);
  }
  EXPECT_EQ(documented, declared);
  EXPECT_EQ(documented.size(), Routes::table().size());
}

TEST(OpenApi, SaysWhatEachRouteIsFor) {
  const Json document = openapi();
  std::set<std::string> tags;
  for (const Json& tag : document.at("tags")) tags.insert(tag.at("name").get<std::string>());
  std::set<std::string> names;
  std::set<std::string> used_tags;
  for (const Route& route : Routes::table()) {
    const Json& operation = operation_of(document, route);
    EXPECT_TRUE(names.insert(operation.at("operationId").get<std::string>()).second) << operation.at("operationId");
    EXPECT_FALSE(operation.at("operationId").get<std::string>().empty()) << route.pattern;
    EXPECT_FALSE(operation.at("summary").get<std::string>().empty()) << route.pattern;
    ASSERT_EQ(operation.at("tags").size(), 1u) << route.pattern;
    used_tags.insert(operation.at("tags").at(0).get<std::string>());
    const Json& answers = operation.at("responses");
    EXPECT_TRUE(answers.contains("200")) << route.pattern;
    for (const char* status : {"400", "408", "413", "414", "415", "421", "431", "500", "501", "503", "505"})
      EXPECT_TRUE(answers.contains(status)) << route.pattern << " " << status;
    EXPECT_EQ(answers.contains("403"), route.method != "GET") << route.pattern;
    EXPECT_EQ(answers.contains("401"), access_of(route) != Access::everybody) << route.pattern;
    EXPECT_EQ(operation.contains("requestBody"), !route.body.empty()) << route.pattern;
    if (!route.body.empty()) {
      EXPECT_FALSE(operation.at("requestBody").at("content").at("application/json").at("examples").empty());
    }
  }
  EXPECT_EQ(used_tags, tags);
}

// By hand: what becomes open to everybody is to be seen here.
TEST(OpenApi, SaysWhoNeedsAToken) {
  const std::set<std::string> open{"/",       "/assets/{name}", "/asyncapi.json", "/docs",
                                   "/health", "/health/live",   "/health/ready",  "/openapi.json"};
  const std::string reads = "/api/parameters/validate";  // a POST that changes nothing
  const Json document = openapi();
  const Json usual = document.at("security");
  EXPECT_EQ(usual, Json::parse(R"([{}, {"token": []}])"));
  const Json changing = Json::parse(R"([{}, {"token": ["operator"]}])");
  for (const Route& route : Routes::table()) {
    const std::string pattern(route.pattern);
    const bool is_get = route.method == "GET";
    EXPECT_EQ(operation_of(document, route).value("security", usual), open.contains(pattern)       ? Json::array()
                                                                      : is_get || pattern == reads ? usual
                                                                                                   : changing)
        << route.method << " " << pattern;
  }
  const Json& scheme = document.at("components").at("securitySchemes").at("token");
  EXPECT_EQ(scheme.at("type"), "http");
  EXPECT_EQ(scheme.at("scheme"), "bearer");
}

TEST(OpenApi, HasThePartsOfThePathAndTheQuery) {
  const Json document = openapi();
  for (const Route& route : Routes::table()) {
    std::set<std::string> declared;
    const std::string pattern(route.pattern);
    static const std::regex kPart(R"(\{(\w+)\})");
    for (std::sregex_iterator part(pattern.begin(), pattern.end(), kPart), end; part != end; ++part)
      declared.insert("path " + (*part)[1].str());
    for (const QueryField& field : route.query) {
      if (field.kind == QueryField::Kind::none) continue;
      EXPECT_FALSE(field.description.empty()) << field.name;
      declared.insert("query " + std::string(field.name));
    }
    std::set<std::string> documented;
    for (const Json& parameter : operation_of(document, route).value("parameters", Json::array()))
      documented.insert(parameter.at("in").get<std::string>() + " " + parameter.at("name").get<std::string>());
    EXPECT_EQ(documented, declared) << route.pattern;
  }
}

TEST(OpenApi, HasEveryFieldWithItsRangeDefaultAndUnit) {
  for (const ModelSet models : process::kModelSets) {
    const Json document = openapi(models);
    std::size_t fields = 0;
    for (const plant::Station& station : plant::standard_layout().stations()) {
      const Json& group = document.at("components").at("schemas").at(station.parameter_group);
      const process::Values defaults = station.type->defaults(models, station.line);
      for (std::size_t i = 0; i < station.type->fields.size(); ++i) {
        const FieldInfo& field = station.type->fields[i];
        for (const Json* schema : places_of(group, *station.type, field)) {
          const std::string where = station.process_name + " " + std::string(field.name);
          ++fields;
          expect_range(*schema, field.hard, where);
          expect_range(schema->value("x-usual", Json::object()), field.usual, where + " usual");
          EXPECT_EQ(schema->at("x-unit").get<std::string>(), field.unit) << where;
          EXPECT_EQ(schema->at("default"), defaults[i] ? Json(*defaults[i]) : Json()) << where;
          EXPECT_EQ(schema->at("type"), field.optional ? Json({"number", "null"}) : Json("number")) << where;
          EXPECT_TRUE(schema->at("description").get<std::string>().starts_with(field.description)) << where;
        }
      }
      const std::string nested(station.type->nested);
      const Json& all = nested.empty() ? group : group.at("oneOf").at(0).at("properties").at(nested);
      EXPECT_EQ(all.at("properties").size(), station.type->fields.size()) << station.process_name;
    }
    EXPECT_GT(fields, 60u);
  }
}

TEST(OpenApi, SaysInWordsWhatASchemaCannot) {
  const Json document = openapi(ModelSet::mechanistic, 4321);
  for (const plant::Station& station : plant::standard_layout().stations()) {
    const Json& group = document.at("components").at("schemas").at(station.parameter_group);
    EXPECT_EQ(station.type->check_whole != nullptr, !station.type->whole_rule.empty()) << station.process_name;
    if (!station.type->whole_rule.empty()) {
      EXPECT_NE(group.at("description").get<std::string>().find(station.type->whole_rule), std::string::npos);
    }
    for (const FieldInfo& field : station.type->fields) {
      const bool sets_steps = station.type->model(ModelSet::mechanistic).steps_field == field.name;
      const Json& schema = *places_of(group, *station.type, field).front();
      EXPECT_EQ(schema.at("description").get<std::string>().find("4321 steps") != std::string::npos, sets_steps)
          << station.process_name << " " << field.name;
    }
  }
}

TEST(OpenApi, HasEveryOutputWithItsUnit) {
  const Json document = openapi();
  for (const plant::Station& station : plant::standard_layout().stations()) {
    for (const ModelSet models : process::kModelSets) {
      const std::string name = station.process_name + "_properties_" + std::string(to_string(models));
      const Json& properties = document.at("components").at("schemas").at(name).at("properties");
      EXPECT_EQ(properties.size(), station.type->model(models).outputs.size()) << name;
      for (const process::Output& output : station.type->model(models).outputs) {
        const Json& property = properties.at(std::string(output.name_on(station.line)));
        EXPECT_EQ(property.value("x-unit", ""), output.unit) << name << " " << output.name;
        EXPECT_TRUE(property.at("description").get<std::string>().starts_with(output.description)) << name;
      }
    }
  }
}

TEST(Documents, AllReferencesLeadSomewhere) {
  for (const Json& document : {openapi(), asyncapi_document(plant::standard_layout(), "1.2.3")}) {
    const SchemaChecker checker(document);
    const auto references = json_schema::references_in(document);
    EXPECT_GT(references.size(), 100u);
    for (const std::string& reference : references) EXPECT_NO_THROW((void)checker.at(reference)) << reference;
  }
}

TEST(Documents, NoSchemaIsLeftOver) {
  const Json document = openapi();
  const auto references = json_schema::references_in(document);
  const std::set<std::string> used(references.begin(), references.end());
  for (const auto& [kind, components] : document.at("components").items()) {
    if (kind == "securitySchemes") continue;  // are meant by their name: SaysWhoNeedsAToken
    for (const auto& [name, component] : components.items())
      EXPECT_TRUE(used.contains("#/components/" + kind + "/" + name)) << kind << " " << name;
  }
}

TEST(Documents, AreServedWithTheVersion) {
  ApiUnderTest twin;
  for (const char* path : {"/openapi.json", "/asyncapi.json"}) {
    const Response first = twin.ask("GET", path);
    EXPECT_EQ(first.content_type, "application/json");
    EXPECT_EQ(Json::parse(first.body).at("info").at("version"), "1.2.3");
    EXPECT_EQ(twin.ask("GET", path).body, first.body);
    EXPECT_EQ(twin.ask("HEAD", path).status, 200);
    EXPECT_EQ(twin.ask("OPTIONS", path).status, 204);
    EXPECT_EQ(twin.ask("POST", path).status, 405);
  }
  ApiUnderTest other(ModelSet::reference);
  EXPECT_EQ(other.get("/openapi.json"), openapi(ModelSet::reference));
  EXPECT_NE(other.get("/openapi.json"), openapi(ModelSet::mechanistic));
}

TEST(Documents, AreKeptForAll) {
  ApiUnderTest twin;
  for (const char* path : {"/openapi.json", "/asyncapi.json"}) {
    const Response first = twin.ask("GET", path);
    ASSERT_NE(first.compressed, nullptr) << path;
    EXPECT_TRUE(Json::parse(first.compressed->plain).contains("info")) << path;
    EXPECT_EQ(twin.ask("GET", path).compressed, first.compressed) << path;
  }
}

TEST(Documents, OutliveTheServerInAnAnswer) {
  std::optional<Response> kept;
  {
    ApiUnderTest twin;
    kept = twin.ask("GET", "/asyncapi.json");
  }
  EXPECT_TRUE(Json::parse(kept->compressed->plain).contains("info"));
}

TEST(AsyncApi, HasEveryEventAndEveryQueryParameter) {
  const Json document = asyncapi_document(plant::standard_layout(), "1.2.3");
  const Json& channel = document.at("channels").at("status");
  EXPECT_EQ(channel.at("address"), kWebSocketPath);
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    const std::string name(to_string(static_cast<plant::EventType>(i)));
    const Json& message = document.at("components").at("messages").at(name);
    EXPECT_FALSE(message.at("summary").get<std::string>().empty()) << name;
    EXPECT_EQ(message.at("payload").at("properties").at("status").at("const"), name);
    EXPECT_TRUE(channel.at("messages").contains(name)) << name;
  }
  const Json& query = channel.at("bindings").at("ws").at("query").at("properties");
  EXPECT_EQ(query.size(), kWebSocketQuery.size());
  for (const QueryField& field : kWebSocketQuery) EXPECT_TRUE(query.contains(std::string(field.name))) << field.name;
}

// The bodies of the README's curl lines, in order.
std::vector<Json> readme_bodies() {
  std::ifstream file(BATTERY_TWIN_SOURCE_DIR "/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Json> bodies;
  constexpr std::string_view kBegin = "-d '";
  for (auto at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at + 1)) {
    const auto begin = at + kBegin.size();
    bodies.push_back(Json::parse(text.substr(begin, text.find('\'', begin) - begin)));
  }
  return bodies;
}

TEST(OpenApi, HasTheReadmesBodiesAsExamples) {
  std::vector<Json> all;
  std::vector<Json> of_readme;
  for (const Route& route : Routes::table()) {
    for (const Example& example : route.says.examples) {
      if (example.name.empty()) break;
      all.push_back(Json::parse(example.body));
      if (example.name == "readme") of_readme.push_back(all.back());
    }
  }
  const std::vector<Json> bodies = readme_bodies();
  EXPECT_EQ(of_readme.size(), 3u);
  for (const Json& example : of_readme) EXPECT_EQ(std::ranges::count(bodies, example), 1) << example;
  for (const Json& body : bodies) EXPECT_EQ(std::ranges::count(all, body), 1) << body;
}

}  // namespace
}  // namespace battery_twin::api
