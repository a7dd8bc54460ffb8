#include "battery_twin/api/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace battery_twin::api {
namespace {

JsonError error_of(std::string_view text) {
  const auto parsed = parse_json(text);
  const auto* error = std::get_if<JsonError>(&parsed);
  return error != nullptr ? *error : JsonError{"none", Json(), ""};
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Json, KeepsTheOrderOfMembers) {
  const auto parsed = parse_json(R"({"z":1,"a":[true,null,"x",{"k":-2.5e3}]})");
  ASSERT_TRUE(std::holds_alternative<Json>(parsed));
  EXPECT_EQ(dump(std::get<Json>(parsed)), R"({"z":1,"a":[true,null,"x",{"k":-2500.0}]})");
}

TEST(Json, SaysNothingOfTheInputInAnError) {
  const std::string much(10'000, 'x');
  for (const std::string& text : {"{\"] " + much, "{\"syntax error] " + much, "{\"last read: '] " + much, "[" + much,
                                  "[1" + std::string(400, '0') + "]", "\"\x01] " + much}) {
    const JsonError error = error_of(text);
    EXPECT_EQ(error.type, "json_invalid");
    EXPECT_TRUE(error.message.starts_with("JSON decode error: ")) << error.message;
    EXPECT_LE(error.message.size(), 150) << error.message;
    EXPECT_EQ(error.message.find("xx"), std::string::npos) << error.message;
  }
}

TEST(Json, RefusesWhatIsNoDocument) {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, " "s, "{"s, "{} x"s, "{}\0x"s, "\xEF\xBB\xBF{}"s, "NaN"s, "Infinity"s, "1e400"s, "01"s, "{'a':1}"s,
        "{\"a\":1,}"s, R"("\ud800")"s, "\"\xff\""s, "[1,]"s, "\"\x01\""s, "nul"s}) {
    EXPECT_EQ(error_of(text).type, "json_invalid") << text;
  }
}

TEST(Json, SaysWhereItBreaks) {
  EXPECT_EQ(error_of(R"({"a":1,})").loc, Json::array({"body", 7}));
  EXPECT_EQ(error_of("").loc, Json::array({"body", 0}));
}

TEST(Json, NeverRepeatsTheInput) {
  EXPECT_EQ(error_of("{\"secret\": secret}").message.find("secret"), std::string::npos);
}

TEST(Json, NamesAKeyThatStandsTwice) {
  const JsonError error = error_of(R"({"a":{"b":1},"c":[{"d":1,"d":2}]})");
  EXPECT_EQ(error.type, "duplicate_key");
  EXPECT_EQ(error.loc, Json::array({"body", "c", "0", "d"}));
  EXPECT_EQ(error_of(R"({"a":{"x":1},"b":{"x":1}})").type, "none");
}

TEST(Json, IsAtMost64LevelsDeep) {
  EXPECT_EQ(error_of(nested(64)).type, "none");
  EXPECT_EQ(error_of(nested(65)).type, "json_invalid");
  EXPECT_EQ(error_of(std::string(100'000, '[')).type, "json_invalid");
}

TEST(Json, WritesBytesThatAreNoText) { EXPECT_EQ(dump(Json("a\xff")), "\"a\xEF\xBF\xBD\""); }

}  // namespace
}  // namespace battery_twin::api
