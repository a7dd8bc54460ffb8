// What must hold for every JSON text that comes in, one test or more per rule. Nothing of it changes the plant.
#include <gtest/gtest.h>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024;

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(J1, DepthIsLimited) {
  const Twin twin;
  for (const std::size_t depth : {std::size_t{65}, std::size_t{1000}, std::size_t{500'000}}) {
    const HttpResponse lists = post_text(twin, repeated("[", depth));
    EXPECT_EQ(lists.status, 400) << depth;
    EXPECT_EQ(lists.json().at("detail").at(0).at("type"), "json_invalid") << depth;
  }
  const HttpResponse objects = post_text(twin, repeated("{\"a\":", 65) + "1" + repeated("}", 65));
  EXPECT_EQ(objects.status, 400);
  EXPECT_EQ(objects.json().at("detail").at(0).at("type"), "json_invalid");
  // 64 levels are read; only then is it seen that an unknown field holds them.
  const HttpResponse allowed = post_text(twin, repeated("{\"a\":", 64) + "1" + repeated("}", 64));
  EXPECT_EQ(allowed.status, 400);
  EXPECT_EQ(allowed.json().at("detail").at(0).at("type"), "extra_forbidden");
}

TEST(J1, DepthIsLimitedInWebSocketTextsToo) {
  const Twin twin;
  WsClient client = twin.listen();
  const std::string deep = R"({"subscribe":)" + repeated("[", 100'000) + repeated("]", 100'000) + "}";
  client.send_text(deep);
  EXPECT_EQ(client.receive(), "Echo: " + deep);  // no document of ours, so a text as any other
}

TEST(J2, WhatIsNoUtf8NeverBreaksAnAnswer) {
  const Twin twin;
  for (const char* target : {"/batches?status=%ff", "/batches?order=%c3", "/batches?after=%ed%a0%80",
                             "/factory/logs?level=a%80b", "/factory/logs?limit=%f5", "/ws/status?since=%ff"}) {
    const HttpResponse response = twin.http.raw(
        std::string(target).starts_with("/ws") ? upgrade_text(target) : request_text("GET", target, {}, {}));
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_EQ(response.json().at("detail").at(0).at("loc").at(0), "query") << target;
  }
  for (const char* target : {"/batches/%ff", "/machine/%c3/mixing/status"})
    EXPECT_EQ(twin.http.get(target).status, 400) << target;
  // A long input is cut in the answer, at a whole character.
  const std::string wide = repeated("\xC3\xBC", 5000);
  for (const std::string& body : {R"({"id":")" + wide + R"("})", "{\"" + wide + "\":1}", "{\"a" + wide + "\":1}",
                                  "{\"" + wide + "\":1,\"" + wide + "\":2}"}) {
    const HttpResponse response = post_text(twin, body);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body.find("\xEF\xBF\xBD"), std::string::npos) << response.body;
    EXPECT_TRUE(response.json().at("detail").is_array());
  }
}

TEST(J3, AKeyGivenTwiceIsNamed) {
  const Twin twin;
  for (const char* body : {R"({"anode_coating_params":{"gap_height":0.0002,"gap_height":0.0003}})",
                           R"({"gap_height":1,"gap_height":2})"}) {
    const HttpResponse response = post_text(twin, body);
    ASSERT_EQ(response.status, 400) << body;
    EXPECT_NE(response.json().at("detail").dump().find("gap_height"), std::string::npos) << response.body;
    EXPECT_EQ(response.json().at("detail").size(), 1u) << response.body;
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(J4, NumbersAreFiniteAndInRange) {
  const Twin twin;
  const Json before = state_of(twin);
  struct Number {
    const char* text;
    const char* seed;   // type of the error where a whole number is wanted; empty: it is one
    const char* speed;  // where a number is
  };
  for (const Number& one : std::initializer_list<Number>{
           {"1e400", "json_invalid", "json_invalid"},
           {"-1e400", "json_invalid", "json_invalid"},
           {"NaN", "json_invalid", "json_invalid"},
           {"Infinity", "json_invalid", "json_invalid"},
           {"0x10", "json_invalid", "json_invalid"},
           {"1.", "json_invalid", "json_invalid"},
           {"18446744073709551616", "less_than_equal", "less_than_equal"},
           {"-9223372036854775809", "greater_than_equal", "greater_than"},
           {"18446744073709551615", "less_than_equal", "less_than_equal"},
           {"1e300", "less_than_equal", "less_than_equal"},
           {"1e-400", "", "greater_than"},
           {"-0", "", "greater_than"},
           {"-0.0", "", "greater_than"},
           {"true", "int_type", "float_type"},
           {"\"1\"", "int_type", "float_type"},
           {"null", "", "float_type"},
       }) {
    const std::string text = one.text;
    if (*one.seed != '\0') {
      const HttpResponse seed = post_text(twin, R"({"seed":)" + text + "}");
      ASSERT_EQ(seed.status, 400) << text << seed.body;
      EXPECT_EQ(seed.json().at("detail").at(0).at("type"), one.seed) << text;
    }
    const HttpResponse speed = post_text(twin, R"({"anode_coating_params":{"coating_speed":)" + text + "}}");
    ASSERT_EQ(speed.status, 400) << text << speed.body;
    EXPECT_EQ(speed.json().at("detail").at(0).at("type"), one.speed) << text;
    EXPECT_LE(speed.body.size(), kMaxAnswer);
  }
  EXPECT_EQ(state_of(twin), before);
}

TEST(J4, NoResultIsNull) {
  const Twin twin({"--step-interval", "0"});
  WsClient client = twin.listen();
  twin.start({{"id", "whole"}});
  client.wait_for_status("batch_completed", "whole");
  const Json batch = twin.get("/batches/whole");
  for (const auto& [name, machine] : batch.at("machines").items()) {
    for (const auto& [property, value] : machine.at("properties").items())
      EXPECT_FALSE(value.is_null()) << name << " " << property;
  }
  for (const auto& [figure, value] : batch.at("end_of_line").items()) EXPECT_FALSE(value.is_null()) << figure;
}

TEST(J5, WhatIsNoJsonTextIsRefused) {
  const Twin twin;
  const Json before = state_of(twin);
  const std::string nul("{}\0", 3);
  std::string utf16;
  for (const char c : std::string(R"({"id":"a"})")) utf16 += std::string{c, '\0'};
  for (const std::string& body :
       {std::string("{"), std::string("{} {}"), std::string("{}x"), nul, utf16, std::string("\xEF\xBB\xBF{}x"),
        std::string(R"({"id":"\ud800"})"), std::string(R"({"id":"\udc00\ud800"})"), std::string("{\"id\":\"\xff\"}"),
        std::string("{\"id\":\"\xc0\xaf\"}"), std::string("{\"id\":\"a\nb\"}"), std::string(R"({"seed":1e400})"),
        std::string(R"({"seed":-1e400})"), std::string(R"({"seed":NaN})"), std::string(R"({"seed":Infinity})"),
        R"({"seed":)" + std::string(400, '9') + "}", std::string(R"({"seed":01})"), std::string("   ")}) {
    const HttpResponse response = post_text(twin, body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_FALSE(response.json().at("detail").empty()) << body;
    EXPECT_LE(response.body.size(), kMaxAnswer);
  }
  EXPECT_EQ(state_of(twin), before);
}

TEST(J5, AnswersStaySmall) {
  const Twin twin;
  std::string many = "{";
  for (int i = 0; i < 50'000; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  many += "}";
  const std::string long_key = "{\"" + std::string(900'000, 'k') + "\":1}";
  const std::string long_value = R"({"id":")" + std::string(900'000, 'v') + R"("})";
  std::string escaped = "{";  // one control character takes six bytes of the answer
  for (int i = 0; i < 100; ++i)
    escaped += (i == 0 ? "\"" : ",\"") + repeated("\\u0001", 90) + std::to_string(i) + R"(":")" +
               repeated("\\u0001", 200) + "\"";
  escaped += "}";
  for (const std::string& body : {many, long_key, long_value, escaped, "{\"] " + long_key}) {
    const HttpResponse response = post_text(twin, body);
    EXPECT_EQ(response.status, 400);
    EXPECT_LE(response.body.size(), kMaxAnswer);
    EXPECT_TRUE(response.json().at("detail").is_array());
  }
}

// Every place of every body with everything that does not belong there: always an answer that says so.
TEST(J6, AWrongTypeIsAnErrorEverywhere) {
  const Twin twin;
  const Json before = state_of(twin);
  const std::vector<Json> wrong{Json::array(), Json::array({1}), Json::object(), {{"x", 1}}, "text", true,
                                -1.5,          nullptr};
  const auto refused = [&](const char* method, const std::string& path, const Json& body) {
    const HttpResponse response = twin.http.request(method, path, body.dump(), {{"Content-Type", "application/json"}});
    EXPECT_EQ(response.status, 400) << method << " " << path << " " << body << response.body;
    EXPECT_TRUE(response.json().at("detail").is_array()) << body;
  };
  for (const Json& value : wrong) {
    if (!value.is_object()) {
      for (const char* path : {kStart, "/start-simulation"}) refused("POST", path, value);
      refused("PATCH", "/factory/pacing", value);
      for (const MachineName& machine : kMachines) {
        refused("PATCH", machine.path() + "/parameters", value);
        refused("POST", kStart, {{machine.group, value}});
      }
    }
    if (!value.is_null() && !value.is_string()) refused("POST", kStart, {{"id", value}});
    if (!value.is_null()) refused("POST", kStart, {{"seed", value}});
    for (const char* line : {"anode", "cathode"}) {
      Json body = good_simulation();
      body[line] = value;
      refused("POST", "/start-simulation", body);
    }
    refused("PATCH", "/factory/pacing", {{"step_interval_ms", value}});
    if (!value.is_boolean()) refused("PATCH", "/factory/pacing", {{"paused", value}});
    for (const MachineName& machine : kMachines) {
      for (const std::string& name : parameter_names(machine.machine)) {
        const bool empty_ratios = name == "material_ratios" && value == Json::object();
        if (value.is_null() || empty_ratios) continue;  // null returns an optional field to its default
        refused("PATCH", machine.path() + "/parameters", {{name, value}});
      }
    }
  }
  EXPECT_EQ(state_of(twin), before);
}

TEST(J7, OnlyJsonIsTaken) {
  const Twin twin;
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                           "text/json", "application/jsonx", "json"}) {
    const HttpResponse response = post_text(twin, "{}", type);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_TRUE(response.json().at("detail").is_string());
  }
  EXPECT_EQ(twin.http.request("POST", kStart, "{}").status, 415);
  EXPECT_EQ(
      twin.http.request("POST", kStart, "{}", {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}})
          .status,
      415);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", "x=1", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
  for (const char* type :
       {"application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"})
    EXPECT_EQ(post_text(twin, "{}", type).status, 200) << type;
}

}  // namespace
}  // namespace battery_twin::system
