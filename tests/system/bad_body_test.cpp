// Bodies that are no documents of ours: refused whole. What must hold for every JSON text is in json_rules_test.cpp.
#include <gtest/gtest.h>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

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
