// The schemas of /openapi.json and the server say the same of a body or a query.
#include <cmath>
#include <limits>
#include <random>

#include "api_under_test.hpp"
#include "openapi.hpp"
#include "routes.hpp"
#include "schema_checker.hpp"

namespace battery_twin::api {
namespace {

using json_schema::SchemaChecker;
using process::ModelSet;

constexpr int kRefused = 400;

// Bodies made from a schema. Half of them are calm, with few mistakes, so that many are good.
class BodyMaker {
 public:
  BodyMaker(const SchemaChecker& checker, std::uint64_t seed) : checker_(checker), random_(seed) {}

  Json make_body(const Json& schema) {
    calm_ = one_in(2);
    return make(schema);
  }

 private:
  Json make(const Json& schema) {
    if (schema.contains("$ref")) return make(checker_.at(schema.at("$ref").get<std::string>()));
    if (mistake(80)) return of_any_type();
    for (const char* choice : {"oneOf", "anyOf"})
      if (schema.contains(choice)) return make_choice(schema.at(choice));
    if (schema.contains("enum")) return pick(schema.at("enum"));
    const Json& type = schema.at("type");
    if (type == "object") return make_object(schema);
    if (type == "string") return make_text();
    if (type == "boolean") return one_in(2);
    const bool nullable = type.is_array();
    return (nullable ? one_in(4) : mistake(20)) ? Json() : make_number(schema);
  }

  bool one_in(unsigned n) { return random_() % n == 0; }
  bool mistake(unsigned n) { return one_in(calm_ ? 100 * n : n); }
  Json pick(const Json& list) { return list.at(random_() % list.size()); }

  Json of_any_type() {
    return pick(Json::array({nullptr, true, false, "0.5", "", 0, 1, -1, 0.5, 1e300, -1e300, Json::array(),
                             Json::array({0.5}), Json::object(), Json{{"AM", 0.5}}}));
  }

  Json make_text() {
    if (calm_ && !mistake(2)) return "b" + std::to_string(random_() % 1000);
    return pick(
        Json::array({"a", "batch.1_x-2", "", "ä", "a b", "a/b", "a\n", std::string(64, 'x'), std::string(65, 'x')}));
  }

  // Now and then the members of two alternatives at once.
  Json make_choice(const Json& alternatives) {
    Json made = make(pick(alternatives));
    if (mistake(10) && made.is_object()) {
      const Json more = make(pick(alternatives));
      if (more.is_object()) made.update(more);
    }
    return made;
  }

  Json make_object(const Json& schema) {
    const Json required = schema.value("required", Json::array());
    const unsigned whole = one_in(2) ? 1 : 0;  // else about half of what need not be there
    Json made = Json::object();
    for (const auto& [name, property] : schema.at("properties").items()) {
      const bool is_required = std::ranges::find(required, Json(name)) != required.end();
      if (is_required ? mistake(40) : (whole == 0 && one_in(2))) continue;
      made[name] = make(property);
    }
    if (mistake(25)) made[pick(Json::array({"unknown", "AM", "", "gap_heigth", "AM_ratio", "material_ratios"}))] = 0.5;
    return made;
  }

  Json make_number(const Json& schema) {
    if (schema.contains("default") && !mistake(2)) return schema.at("default");
    if (calm_ && !mistake(2)) return 1;
    std::vector<double> candidates{0.0, -0.0, 0.25, 1.0, -1.0, 3.0, std::numeric_limits<double>::denorm_min()};
    for (const char* keyword : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
      if (!schema.contains(keyword)) continue;
      const auto bound = schema.at(keyword).get<double>();
      candidates.insert(candidates.end(), {bound, std::nextafter(bound, -1e300), std::nextafter(bound, 1e300),
                                           bound * 0.5, bound + 1, bound - 1});
    }
    const double number = candidates[random_() % candidates.size()];
    const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
    return whole && one_in(2) ? Json(static_cast<std::int64_t>(number)) : Json(number);
  }

  const SchemaChecker& checker_;
  std::mt19937_64 random_;
  bool calm_ = false;
};

// What the schema cannot say, and its description does.
bool is_beyond_schemas(const Json& error) {
  const std::string message = error.at("msg");
  return error.at("type") == "value_error" && (message.find("must sum to 1") != std::string::npos ||
                                               message.find("would run for more than") != std::string::npos);
}

struct Verdicts {
  int accepted = 0;
  int refused = 0;
  int beyond = 0;  // refused by the server for what the schema cannot say
};

// Sends a body and holds the answer against the schema. A body that is accepted need not be started: 409 and 503 say
// that there was nothing wrong with it.
void compare(ApiUnderTest& twin, const SchemaChecker& checker, std::string_view method, const std::string& path,
             const Json& schema, const Json& body, Verdicts& verdicts) {
  const std::string problem = checker.problem(schema, body);
  const Response response = twin.ask(method, path, dump(body));
  if (!problem.empty()) {
    ++verdicts.refused;
    EXPECT_EQ(response.status, kRefused) << path << " " << body << "\nonly the schema forbids it: " << problem;
    return;
  }
  if (response.status != kRefused) {
    ++verdicts.accepted;
    return;
  }
  ++verdicts.beyond;
  const Json answer = Json::parse(response.body);
  ASSERT_FALSE(answer.at("detail").empty());
  for (const Json& error : answer.at("detail"))
    EXPECT_TRUE(is_beyond_schemas(error)) << path << " " << body << "\nonly the server refuses it: " << error;
}

void expect_many(const Verdicts& verdicts, int least) {
  EXPECT_GT(verdicts.accepted, least);
  EXPECT_GT(verdicts.refused, least);
}

constexpr std::string_view kCompat = "compat";

struct BodyRoute {
  std::string_view method;
  std::string path;
  std::string schema;
};

std::vector<BodyRoute> body_routes() {
  std::vector<BodyRoute> routes;
  for (const Route& route : Routes::table()) {
    if (route.says.tag == kCompat) continue;  // tests of their own: other codes
    if (!route.body.empty() && route.pattern.find('{') == std::string_view::npos)
      routes.push_back({route.method, std::string(route.pattern), std::string(route.body)});
  }
  for (const plant::Station& station : plant::standard_layout().stations()) {
    const std::string machine = std::string(to_string(station.line)) + "/" + std::string(station.type->name);
    routes.push_back({"PATCH", "/machine/" + machine + "/parameters", station.parameter_group});
  }
  return routes;
}

TEST(Verdicts, OfGeneratedBodiesAreTheSame) {
  constexpr int kBodies = 800;  // of each of 19 routes and machines
  for (const ModelSet models : process::kModelSets) {
    ApiUnderTest twin(models);
    const Json document = twin.get("/openapi.json");
    const SchemaChecker checker(document);
    std::uint64_t seed = 1;
    for (const BodyRoute& route : body_routes()) {
      const Json& schema = document.at("components").at("schemas").at(route.schema);
      BodyMaker maker(checker, seed++);
      Verdicts verdicts;
      for (int i = 0; i < kBodies && !::testing::Test::HasFailure(); ++i)
        compare(twin, checker, route.method, route.path, schema, maker.make_body(schema), verdicts);
      if (::testing::Test::HasFailure()) return;  // one body is enough to look at
      EXPECT_GT(verdicts.accepted, kBodies / 10) << route.path;
      EXPECT_GT(verdicts.refused, kBodies / 20) << route.path;
    }
  }
}

// One field at a time, at and beside each of its bounds, and of every wrong type.
TEST(Verdicts, OfEveryFieldAreTheSame) {
  ApiUnderTest twin;
  const Json document = twin.get("/openapi.json");
  const SchemaChecker checker(document);
  const Json& schema = document.at("components").at("schemas").at("BatchRequest");
  Verdicts verdicts;
  for (const plant::Station& station : plant::standard_layout().stations()) {
    for (const process::FieldInfo& field : station.type->fields) {
      std::vector<Json> values{nullptr, true, "0.5", Json::array({0.5}), Json::object(), -1.0, 1e300};
      for (const auto& bound : {field.hard.above, field.hard.at_least, field.hard.below, field.hard.at_most}) {
        if (!bound) continue;
        for (const double value : {*bound, std::nextafter(*bound, -1e300), std::nextafter(*bound, 1e300)})
          values.emplace_back(value);
      }
      for (const Json& value : values) {
        Json group{{std::string(field.name), value}};
        if (!station.type->nested.empty()) {
          compare(twin, checker, "POST", "/factory/start", schema,
                  {{station.parameter_group, {{std::string(flat_name(*station.type, field)), value}}}}, verdicts);
          group = Json{{std::string(station.type->nested), group}};
        }
        compare(twin, checker, "POST", "/factory/start", schema, {{station.parameter_group, group}}, verdicts);
      }
    }
  }
  expect_many(verdicts, 100);
}

TEST(Verdicts, OfTheDocumentsExamplesAreGood) {
  for (const Route& route : Routes::table()) {
    if (route.says.tag == kCompat) continue;
    for (const Example& example : route.says.examples) {
      if (example.name.empty()) break;
      ApiUnderTest twin;
      const Json document = twin.get("/openapi.json");
      const SchemaChecker checker(document);
      const Json body = Json::parse(example.body);
      EXPECT_EQ(checker.problem_at("#/components/schemas/" + std::string(route.body), body), "") << example.name;
      if (route.pattern.find('{') == std::string_view::npos) {
        EXPECT_EQ(twin.ask(route.method, route.pattern, example.body).status, 200) << example.name;
        continue;
      }
      std::size_t fitting = 0;  // of the machines
      for (const plant::Station& station : plant::standard_layout().stations()) {
        if (!checker.problem_at("#/components/schemas/" + station.parameter_group, body).empty()) continue;
        ++fitting;
        const std::string machine = std::string(to_string(station.line)) + "/" + std::string(station.type->name);
        EXPECT_EQ(twin.ask(route.method, "/machine/" + machine + "/parameters", example.body).status, 200) << machine;
      }
      EXPECT_GT(fitting, 0u) << example.name;
    }
  }
}

std::vector<std::string> values_to_try(const Json& schema) {
  std::vector<std::string> values{"", "x", "-1", "0", "1", "1.5", "true", "9999999999999999999999", "ANODE", "mixing"};
  for (const Json& one : schema.value("enum", Json::array())) values.push_back(one.get<std::string>());
  for (const char* keyword : {"minimum", "maximum"}) {
    if (!schema.contains(keyword)) continue;
    const auto bound = schema.at(keyword).get<std::int64_t>();
    for (const std::int64_t value : {bound - 1, bound, bound + 1}) values.push_back(std::to_string(value));
  }
  return values;
}

// A value of a query as the schema sees it.
Json as_sent(const Json& schema, const std::string& text) {
  if (schema.value("type", "") != "integer") return text;
  const Json number = Json::parse(text, nullptr, false);
  return number.is_number() ? number : Json(text);
}

TEST(Verdicts, OfQueriesAreTheSame) {
  ApiUnderTest twin;
  ASSERT_EQ(twin.ask("POST", "/factory/start", R"({"id": "x"})").status, 200);  // for `after`
  const Json document = twin.get("/openapi.json");
  const SchemaChecker checker(document);
  Verdicts verdicts;
  for (const Route& route : Routes::table()) {
    for (const QueryField& field : route.query) {
      // Any text is good, but `after` has to name a batch; telemetry needs a store.
      if (field.kind == QueryField::Kind::none || field.kind == QueryField::Kind::text) continue;
      const Json schema = query_schema(field, plant::standard_layout());
      const std::string path =
          route.pattern == "/batches/{id}/telemetry" ? "/batches/x/telemetry" : std::string(route.pattern);
      for (const std::string& value : values_to_try(schema)) {
        const bool good = checker.problem(schema, as_sent(schema, value)).empty();
        const Response response = twin.ask("GET", path, {}, std::string(field.name) + "=" + value);
        EXPECT_EQ(response.status != kRefused, good) << path << "?" << field.name << "=" << value;
        ++(good ? verdicts.accepted : verdicts.refused);
      }
    }
  }
  expect_many(verdicts, 20);
}

// Fallbacks are what an absent parameter means, so they must be good themselves.
TEST(Verdicts, OfFallbacksAreGood) {
  for (const Route& route : Routes::table()) {
    for (const QueryField& field : route.query) {
      if (field.fallback.empty()) continue;
      const Json schema = query_schema(field, plant::standard_layout());
      EXPECT_EQ(SchemaChecker(schema).problem(schema, schema.at("default")), "") << field.name;
    }
  }
}

}  // namespace
}  // namespace battery_twin::api
