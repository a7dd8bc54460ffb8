// The checker itself: what it must let through and what it must find.
#include "schema_checker.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace battery_twin::json_schema {
namespace {

using Json = SchemaChecker::Json;

struct Case {
  const char* schema;
  const char* good;  // a list of values
  const char* bad;
};

constexpr Case kCases[] = {
    {R"({"type": "object"})", R"([{}, {"a": 1}])", R"([[], null, 1, "x", true])"},
    {R"({"type": "array"})", R"([[], [1]])", R"([{}, null])"},
    {R"({"type": "string"})", R"(["", "1"])", R"([1, null])"},
    {R"({"type": "boolean"})", R"([true, false])", R"([0, 1, "true", null])"},
    {R"({"type": "integer"})", R"([0, -1, 5.0])", R"([0.5, "1", true])"},
    {R"({"type": "number"})", R"([0, 0.5])", R"(["1", true, null])"},
    {R"({"type": ["number", "null"], "minimum": 1})", R"([1, 2, null])", R"([0.5, "x"])"},
    {R"({"minimum": 1})", R"([1, 2, "x"])", R"([0.999])"},
    {R"({"exclusiveMinimum": 1})", R"([1.001])", R"([1, 0])"},
    {R"({"maximum": 1})", R"([1, 0])", R"([1.001])"},
    {R"({"exclusiveMaximum": 1})", R"([0.999])", R"([1, 2])"},
    {R"({"const": true})", "[true]", R"([1, false, "true"])"},
    {R"({"enum": ["a", null]})", R"(["a", null])", R"(["b", 0])"},
    {R"({"pattern": "^a+$"})", R"(["a", "aa", 1])", R"(["", "ab"])"},
    {R"({"minLength": 1, "maxLength": 2})", R"(["a", "ab"])", R"(["", "abc"])"},
    {R"({"items": {"type": "string"}, "maxItems": 2})", R"([[], ["a", "b"]])", R"([["a", 1], ["a", "b", "c"]])"},
    {R"({"required": ["a"]})", R"([{"a": null}, 1])", R"([{}, {"b": 1}])"},
    {R"({"properties": {"a": {"type": "string"}}})", R"([{}, {"a": "x"}, {"b": 1}])", R"([{"a": 1}])"},
    {R"({"properties": {"a": {}}, "additionalProperties": false})", R"([{}, {"a": 1}])", R"([{"b": 1}])"},
    {R"({"additionalProperties": {"type": "number"}})", R"([{}, {"a": 1}])", R"([{"a": "x"}])"},
    {R"({"oneOf": [{"type": "number"}, {"minimum": 5}]})", R"([1, "x"])", R"([6])"},
    {R"({"anyOf": [{"type": "number"}, {"type": "null"}]})", R"([1, null])", R"(["x"])"},
};

TEST(SchemaChecker, FindsWhatIsAgainstASchema) {
  const Json document = Json::object();
  const SchemaChecker checker(document);
  for (const Case& tested : kCases) {
    const Json schema = Json::parse(tested.schema);
    for (const Json& value : Json::parse(tested.good)) EXPECT_EQ(checker.problem(schema, value), "") << schema;
    for (const Json& value : Json::parse(tested.bad)) EXPECT_NE(checker.problem(schema, value), "") << schema << value;
  }
}

TEST(SchemaChecker, FollowsReferences) {
  const Json document = Json::parse(R"({"a": {"b": {"items": {"$ref": "#/a/c"}}, "c": {"type": "number"}}})");
  const SchemaChecker checker(document);
  EXPECT_EQ(checker.problem_at("#/a/b", Json::parse("[1, 2]")), "");
  EXPECT_NE(checker.problem_at("#/a/b", Json::parse("[1, null]")), "");
  EXPECT_THROW((void)checker.problem_at("#/a/x", Json()), std::exception);
  EXPECT_EQ(references_in(document), std::vector<std::string>{"#/a/c"});
}

TEST(SchemaChecker, DoesNotTakeAnUnknownKeywordForOneThatHolds) {
  const Json document = Json::object();
  EXPECT_THROW((void)SchemaChecker(document).problem({{"multipleOf", 2}}, 1), std::logic_error);
  EXPECT_THROW((void)SchemaChecker(document).problem({{"type", "float"}}, 1), std::logic_error);
}

TEST(SchemaChecker, ClosedRefusesMembersThatTheSchemaDoesNotName) {
  const Json document = Json::object();
  const SchemaChecker closed(document, SchemaChecker::Reading::closed);
  const Json schema = Json::parse(R"({"type": "object", "properties": {"a": {}}})");
  EXPECT_EQ(closed.problem(schema, Json::parse(R"({"a": 1})")), "");
  EXPECT_NE(closed.problem(schema, Json::parse(R"({"a": 1, "b": 1})")), "");
  EXPECT_EQ(SchemaChecker(document).problem(schema, Json::parse(R"({"b": 1})")), "");
}

}  // namespace
}  // namespace battery_twin::json_schema
