// Bodies that are no JSON, too large, or of another type: refused whole, and the server goes on.
#include <gtest/gtest.h>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr const char* kStart = "/factory/start";
constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxAnswer = 64 * 1024;

HttpResponse post_text(const Twin& twin, const std::string& body, const std::string& type = "application/json") {
  return twin.http.request("POST", kStart, body, {{"Content-Type", type}});
}

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(BadBody, MalformedJsonIsPlacedByItsOffset) {
  const Twin twin;
  struct Malformed {
    std::string body;
    std::size_t offset;
  };
  for (const Malformed& one : std::initializer_list<Malformed>{
           {R"({"anode": })", 10}, {R"({"id":"a",})", 10}, {R"([1 2])", 3}, {R"({"id":'a'})", 6}}) {
    const HttpResponse response = post_text(twin, one.body);
    ASSERT_EQ(response.status, 400) << one.body;
    const Json error = response.json().at("detail").at(0);
    EXPECT_EQ(error.at("type"), "json_invalid") << one.body;
    EXPECT_EQ(error.at("loc"), Json({"body", one.offset})) << one.body;
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(BadBody, WhatIsNoJsonTextIsRefused) {
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

TEST(BadBody, AnotherDocumentThanAnObjectIsRefused) {
  const Twin twin;
  for (const char* path : {kStart, "/start-simulation"}) {
    for (const char* body : {"null", "[]", "1", "\"text\"", "true"}) {
      const HttpResponse response = twin.http.request("POST", path, body, {{"Content-Type", "application/json"}});
      ASSERT_EQ(response.status, 400) << body;
      EXPECT_EQ(response.json().at("detail").at(0).at("loc"), Json({"body"})) << body;
    }
  }
  const HttpResponse group = twin.http.post(kStart, {{"aging_params", 7}});
  ASSERT_EQ(group.status, 400);
  EXPECT_EQ(group.json().at("detail").at(0).at("loc"), Json({"body", "aging_params"}));
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(BadBody, AnEmptyOneIsRefused) {
  const Twin twin;
  for (const char* path : {kStart, "/start-simulation"}) {
    EXPECT_EQ(twin.http.request("POST", path, {}, {{"Content-Type", "application/json"}}).status, 400) << path;
    EXPECT_EQ(twin.http.request("POST", path, {}, {{"Content-Length", "0"}}).status, 400) << path;
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(BadBody, AKeyGivenTwiceIsNamed) {
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

TEST(BadBody, DepthIsLimited) {
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

TEST(BadBody, AnswersStaySmall) {
  const Twin twin;
  std::string many = "{";
  for (int i = 0; i < 50'000; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  many += "}";
  const std::string long_key = "{\"" + std::string(900'000, 'k') + "\":1}";
  const std::string long_value = R"({"id":")" + std::string(900'000, 'v') + R"("})";
  for (const std::string& body : {many, long_key, long_value}) {
    const HttpResponse response = post_text(twin, body);
    EXPECT_EQ(response.status, 400);
    EXPECT_LE(response.body.size(), kMaxAnswer);
    EXPECT_TRUE(response.json().at("detail").is_array());
  }
}

TEST(BadBody, OnlyJsonIsTaken) {
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

TEST(BadBody, ChecksComeInTheirOrder) {
  const Twin twin;
  const std::string huge = "999999999999";
  struct Order {
    const char* method;
    const char* path;
    Headers headers;
    int status;
  };
  const std::pair<std::string, std::string> text{"Content-Type", "text/plain"};
  const std::pair<std::string, std::string> host{"Host", "evil.example"};
  const std::pair<std::string, std::string> origin{"Origin", "http://evil.example"};
  for (const Order& one : std::initializer_list<Order>{
           {"POST", "/nothing", {host, origin, text}, 421},
           {"POST", "/nothing", {origin, text}, 403},
           {"PUT", "/nothing", {text, {"Content-Length", huge}}, 404},
           {"PUT", kStart, {text, {"Content-Length", huge}}, 405},
           {"POST", kStart, {text, {"Content-Length", huge}}, 413},
           {"POST", kStart, {text, {"Content-Length", "1"}}, 415},
       }) {
    EXPECT_EQ(twin.http.raw(request_text(one.method, one.path, {}, one.headers)).status, one.status)
        << one.method << " " << one.path;
  }
}

}  // namespace
}  // namespace battery_twin::system
