// What clients of HTTP rely on beside the routes: methods, redirects, CORS, hosts, framing, connections.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::set<std::string> words(const std::string& list) {
  std::set<std::string> out;
  std::string word;
  for (const char c : list + ",") {
    if (c == ',') {
      if (!word.empty()) out.insert(word);
      word.clear();
    } else if (c != ' ') {
      word += c;
    }
  }
  return out;
}

struct RouteMethods {
  const char* path;
  std::set<std::string> methods;  // beside OPTIONS
};

const std::vector<RouteMethods>& routes() {
  static const std::vector<RouteMethods> all{
      {"/", {"GET", "HEAD"}},
      {"/health", {"GET", "HEAD"}},
      {"/health/live", {"GET", "HEAD"}},
      {"/health/ready", {"GET", "HEAD"}},
      {"/start-simulation", {"POST"}},
      {"/factory/start", {"POST"}},
      {"/factory/status", {"GET", "HEAD"}},
      {"/factory/logs", {"GET", "HEAD"}},
      {"/factory/reset", {"POST"}},
      {"/factory/pacing", {"PATCH"}},
      {"/machine/anode/mixing/status", {"GET", "HEAD"}},
      {"/machine/cell/aging/parameters", {"PATCH"}},
      {"/batches", {"GET", "HEAD"}},
      {"/batches/some", {"GET", "HEAD", "DELETE"}},
  };
  return all;
}

TEST(Methods, HeadAnswersLikeGetWithoutABody) {
  const Twin twin;
  for (const RouteMethods& route : routes()) {
    if (!route.methods.contains("HEAD")) continue;
    const HttpResponse get = twin.http.get(route.path);
    Connection connection(twin.server.port());
    connection.send(request_text("HEAD", route.path, {}, {{"Connection", "close"}}));
    const HttpResponse head = read_response(connection, true);
    while (connection.receive()) {
    }
    EXPECT_EQ(connection.buffer(), "") << route.path;
    EXPECT_EQ(head.status, get.status) << route.path;
    EXPECT_EQ(head.field("Content-Type"), get.field("Content-Type"));
    EXPECT_NE(head.field("Content-Length"), "0") << route.path;
  }
}

TEST(Methods, OptionsTellsWhatIsAllowed) {
  const Twin twin;
  for (const RouteMethods& route : routes()) {
    const HttpResponse response = twin.http.request("OPTIONS", route.path);
    EXPECT_EQ(response.status, 204) << route.path;
    std::set<std::string> expected = route.methods;
    expected.insert("OPTIONS");
    EXPECT_EQ(words(response.field("Allow")), expected) << route.path;
    EXPECT_EQ(response.body, "");
  }
}

TEST(Methods, OthersAre405WithAllow) {
  const Twin twin;
  for (const RouteMethods& route : routes()) {
    std::set<std::string> expected = route.methods;
    expected.insert("OPTIONS");
    for (const char* method : {"GET", "POST", "PATCH", "DELETE", "PUT"}) {
      if (route.methods.contains(method)) continue;
      const HttpResponse response = twin.http.request(method, route.path);
      EXPECT_EQ(response.status, 405) << method << " " << route.path;
      EXPECT_EQ(words(response.field("Allow")), expected) << method << " " << route.path;
      EXPECT_TRUE(response.json().at("detail").is_string());
    }
  }
}

TEST(Paths, UnknownOnesAre404) {
  const Twin twin;
  for (const char* path : {"/nothing", "/factory", "/factory/starts", "/machine/anode/mixing", "/HEALTH", "//health",
                           "/ws", "/batches/a/b", "/%2e%2e/etc/passwd"}) {
    const HttpResponse response = twin.http.get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.json(), Json({{"detail", "Not Found"}})) << path;
  }
}

TEST(Paths, AreDecodedOnce) {
  const Twin twin;
  EXPECT_EQ(twin.http.get("/machine/an%6fde/mixing/st%61tus").status, 200);
  EXPECT_EQ(twin.http.get("/he%2561lth").status, 404);
  for (const char* bad : {"/health%00", "/health%ff", "/health%zz", "/health%"}) {
    const int status = twin.http.get(bad).status;
    EXPECT_TRUE(status == 400 || status == 404) << bad << " " << status;
  }
}

TEST(Paths, ATrailingSlashIsRedirected) {
  const Twin twin;
  const HttpResponse get = twin.http.get("/factory/logs/?limit=5&level=info");
  EXPECT_EQ(get.status, 307);
  EXPECT_EQ(get.field("Location"), "/factory/logs?limit=5&level=info");
  const HttpResponse post = twin.http.post("/factory/start/", Json::object());
  EXPECT_EQ(post.status, 307);
  EXPECT_EQ(post.field("Location"), "/factory/start");
  EXPECT_EQ(twin.http.get("/nothing/").status, 404);
  // Never to another host.
  const HttpResponse foreign = twin.http.get("//evil.example/");
  EXPECT_FALSE(foreign.field("Location").starts_with("//")) << foreign.field("Location");
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(Paths, AbsoluteFormWorks) {
  const Twin twin;
  const std::string url = twin.server.url() + "/factory/logs?limit=1";
  EXPECT_EQ(twin.http.request("GET", url).status, 200);
}

TEST(Fields, EveryAnswerCarriesWhatItShould) {
  const Twin twin;
  for (const char* path : {"/health", "/nothing", "/factory/start", "/batches?limit=x"}) {
    const HttpResponse response = twin.http.get(path);
    EXPECT_TRUE(response.header("Date")) << path;
    EXPECT_TRUE(response.header("Server")) << path;
    EXPECT_EQ(response.field("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_TRUE(response.field("Content-Type").starts_with("application/json")) << path;
  }
}

TEST(Fields, ARequestIdIsGivenOrKept) {
  const Twin twin;
  const std::string first = twin.http.get("/health").field("X-Request-ID");
  const std::string second = twin.http.get("/nothing").field("X-Request-ID");
  EXPECT_FALSE(first.empty());
  EXPECT_FALSE(second.empty());
  EXPECT_NE(first, second);
  EXPECT_EQ(twin.http.get("/health", {{"X-Request-ID", "client-7.a"}}).field("X-Request-ID"), "client-7.a");
  const std::string silly(5000, 'x');
  EXPECT_NE(twin.http.get("/health", {{"X-Request-ID", silly}}).field("X-Request-ID"), silly);
}

TEST(Cors, PreflightIsAnsweredForLoopbackPages) {
  const Twin twin({"--cors-origin", "https://plant.example"});
  for (const std::string origin : {"http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:80",
                                   "http://localhost", "https://plant.example"}) {
    const HttpResponse response = twin.http.request("OPTIONS", "/factory/start", {},
                                                    {{"Origin", origin},
                                                     {"Access-Control-Request-Method", "POST"},
                                                     {"Access-Control-Request-Headers", "content-type"}});
    EXPECT_EQ(response.status, 204) << origin;
    EXPECT_EQ(response.field("Access-Control-Allow-Origin"), origin);
    EXPECT_TRUE(words(response.field("Access-Control-Allow-Methods")).contains("POST")) << origin;
    std::string allowed = response.field("Access-Control-Allow-Headers");
    std::ranges::transform(allowed, allowed.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    EXPECT_TRUE(words(allowed).contains("content-type")) << origin;
    EXPECT_TRUE(words(response.field("Vary")).contains("Origin")) << origin;
    EXPECT_EQ(twin.http.get("/health", {{"Origin", origin}}).field("Access-Control-Allow-Origin"), origin);
  }
}

TEST(Cors, ForeignPagesGetNothingAndChangeNothing) {
  const Twin twin;
  for (const std::string origin :
       {"https://evil.example", "http://localhost.evil.example", "http://evil.example:8000", "null",
        "http://127.0.0.1.evil.example", "https://localhost:3000x", "http://localhost:3000/path"}) {
    const HttpResponse preflight = twin.http.request("OPTIONS", "/factory/start", {},
                                                     {{"Origin", origin}, {"Access-Control-Request-Method", "POST"}});
    EXPECT_FALSE(preflight.header("Access-Control-Allow-Origin")) << origin;
    const Headers json{{"Origin", origin}, {"Content-Type", "application/json"}};
    EXPECT_EQ(twin.http.request("POST", "/factory/start", "{}", json).status, 403) << origin;
    EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, {{"Origin", origin}}).status, 403) << origin;
    EXPECT_EQ(twin.http.request("PATCH", "/factory/pacing", R"({"paused":true})", json).status, 403) << origin;
    EXPECT_EQ(twin.http.request("DELETE", "/batches/1", {}, {{"Origin", origin}}).status, 403) << origin;
    EXPECT_FALSE(twin.http.get("/health", {{"Origin", origin}}).header("Access-Control-Allow-Origin")) << origin;
  }
  const Json status = twin.get("/factory/status");
  EXPECT_EQ(status.at("counters").at("accepted"), 0);
  EXPECT_EQ(status.at("pacing").at("paused"), false);
}

TEST(Hosts, ForeignOnesAre421OnLoopback) {
  const Twin twin;
  for (const char* host : {"evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"})
    EXPECT_EQ(twin.http.get("/health", {{"Host", host}}).status, 421) << host;
  for (const char* host : {"localhost", "localhost:1", "127.0.0.1", "[::1]:8000", "LOCALHOST"})
    EXPECT_EQ(twin.http.get("/health", {{"Host", host}}).status, 200) << host;
}

TEST(Hosts, CanBeAllowed) {
  const Twin twin({"--allowed-host", "plant.example"});
  EXPECT_EQ(twin.http.get("/health", {{"Host", "plant.example:80"}}).status, 200);
  EXPECT_EQ(twin.http.get("/health", {{"Host", "other.example"}}).status, 421);
}

TEST(Upgrade, ThePathItselfIs426) {
  const Twin twin;
  const HttpResponse plain = twin.http.get("/ws/status");
  EXPECT_EQ(plain.status, 426);
  EXPECT_EQ(plain.field("Upgrade"), "websocket");
  EXPECT_EQ(twin.http.request("POST", "/ws/status").status, 405);
}

TEST(Upgrade, ElsewhereIs403) {
  const Twin twin;
  for (const char* path : {"/ws", "/ws/other", "/nothing"})
    EXPECT_EQ(twin.http.raw(upgrade_text(path)).status, 403) << path;
}

TEST(Framing, WhatIsAmbiguousIsRefusedAndClosed) {
  struct Case {
    const char* name;
    std::string bytes;
    std::set<int> statuses;
  };
  const std::string smuggled = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string head = "POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const std::vector<Case> cases{
      {"coding that is no coding", head + "Transfer-Encoding: gzip\r\n\r\n" + smuggled, {400, 501}},
      {"chunked is not last", head + "Transfer-Encoding: chunked, gzip\r\n\r\n" + smuggled, {400, 501}},
      {"chunked behind another", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled, {400, 501}},
      {"identity", head + "Transfer-Encoding: identity\r\n\r\n" + smuggled, {400, 501}},
      {"length and chunked",
       head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
       {400}},
      {"chunked and length",
       head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
       {400}},
      {"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + smuggled, {400}},
      {"signed length", head + "Content-Length: +2\r\n\r\n{}" + smuggled, {400}},
      {"huge length", head + "Content-Length: 99999999999999999999\r\n\r\n{}" + smuggled, {400, 413}},
      {"chunked in 1.0",
       "POST /factory/start HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
       {400}},
      {"bad chunk size", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n" + smuggled, {400}},
      {"no host", "GET /health HTTP/1.1\r\n\r\n" + smuggled, {400}},
      {"two hosts", "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" + smuggled, {400}},
      {"bad host", "GET /health HTTP/1.1\r\nHost: local host\r\n\r\n" + smuggled, {400}},
      {"blank before colon", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A : 1\r\n\r\n" + smuggled, {400}},
      {"no colon", "GET /health HTTP/1.1\r\nHost: localhost\r\nNonsense\r\n\r\n" + smuggled, {400}},
      {"folded line", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n" + smuggled, {400}},
      {"NUL in a value",
       std::string("GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: 1\0 2\r\n\r\n", 52) + smuggled,
       {400}},
      {"other major version", "GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n" + smuggled, {400, 505}},
      {"header too long",
       "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + std::string(100'000, 'a') + "\r\n\r\n" + smuggled,
       {431}},
  };
  const Twin twin;
  for (const Case& one : cases) {
    Connection connection(twin.server.port());
    connection.send(one.bytes);
    const HttpResponse response = read_response(connection);
    EXPECT_TRUE(one.statuses.contains(response.status)) << one.name << ": " << response.status;
    EXPECT_TRUE(response.json().contains("detail")) << one.name;
    while (connection.receive()) {
    }
    EXPECT_EQ(connection.buffer(), "") << one.name << ": what follows was answered, too";
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

TEST(Connections, PipelinedRequestsAreAnsweredInOrder) {
  const Twin twin;
  Connection connection(twin.server.port());
  constexpr int kRequests = 50;
  std::string bytes;
  for (int i = 0; i < kRequests; ++i) {
    const Json body{{"id", "p" + std::to_string(i)}};
    bytes += i % 2 == 0 ? request_text("POST", "/factory/start", body.dump(), {{"Content-Type", "application/json"}})
                        : request_text("GET", "/batches/p" + std::to_string(i - 1), {}, {});
  }
  connection.send(bytes);
  for (int i = 0; i < kRequests; ++i) {
    const HttpResponse response = read_response(connection);
    ASSERT_EQ(response.status, 200) << i << response.body;
    ASSERT_EQ(response.json().at("batch_id"), "p" + std::to_string(i - i % 2));
  }
}

TEST(Connections, AreKeptAliveAndHttp10Closes) {
  const Twin twin;
  Connection kept(twin.server.port());
  for (int i = 0; i < 3; ++i) {
    kept.send("\r\n" + request_text("GET", "/health/live", {}, {}));  // an empty line before it is ignored
    EXPECT_EQ(read_response(kept).status, 200);
  }
  Connection old(twin.server.port());
  old.send("GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_response(old).status, 200);
  EXPECT_FALSE(old.receive());
}

TEST(Connections, ExpectContinueIsHonoured) {
  const Twin twin;
  Connection connection(twin.server.port());
  const Headers fields{{"Content-Type", "application/json"}, {"Content-Length", "2"}, {"Expect", "100-continue"}};
  connection.send(request_text("POST", "/factory/start", {}, fields));
  EXPECT_EQ(read_response(connection).status, 100);
  connection.send("{}");
  EXPECT_EQ(read_response(connection).status, 200);
  // What will be refused anyway is refused at once, without waiting for the body.
  Connection refused(twin.server.port());
  const Headers wrong{{"Content-Type", "text/plain"}, {"Content-Length", "2"}, {"Expect", "100-continue"}};
  refused.send(request_text("POST", "/factory/start", {}, wrong));
  EXPECT_EQ(read_response(refused).status, 415);
}

TEST(Connections, ASlowClientDoesNotKeepOthersWaiting) {
  const Twin twin;
  Connection slow(twin.server.port());
  const std::string request =
      request_text("POST", "/factory/start", R"({"id":"slow"})", {{"Content-Type", "application/json"}});
  for (std::size_t i = 0; i + 1 < request.size(); ++i) {
    slow.send(request.substr(i, 1));
    if (i % 16 == 0) {
      ASSERT_EQ(twin.http.get("/health/live").status, 200);
    }
  }
  slow.send(request.substr(request.size() - 1));
  EXPECT_EQ(read_response(slow).json().at("batch_id"), "slow");
}

TEST(Connections, ChunkedBodiesAreRead) {
  const Twin twin;
  const std::string body = "5\r\n{\"id\"\r\n9;a=b\r\n:\"pieces\"\r\n1\r\n}\r\n0\r\n\r\n";
  const HttpResponse response = twin.http.request(
      "POST", "/factory/start", body, {{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.json().at("batch_id"), "pieces");
}

TEST(Problems, ComeInTheFormOfRfc9457WhenAskedFor) {
  const Twin twin;
  const Headers wanted{{"Accept", "application/problem+json"}, {"Content-Type", "application/json"}};
  const HttpResponse missing = twin.http.get("/machine/anode/none/status", wanted);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(missing.json().at("title"), "Not Found");
  EXPECT_EQ(missing.json().at("status"), 404);
  EXPECT_EQ(missing.json().at("detail"), twin.http.get("/machine/anode/none/status").json().at("detail"));

  const HttpResponse bad = twin.http.request("PATCH", "/factory/pacing", R"({"step_interval_ms":-1,"x":1})", wanted);
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.json().at("errors").size(), 2u);
  EXPECT_EQ(bad.json().at("errors")[0].at("loc"), Json::array({"body", "step_interval_ms"}));
  EXPECT_EQ(twin.http.get("/health", wanted).field("Content-Type"), "application/json");
}

TEST(Compression, LongAnswersAreGzippedWhenAskedFor) {
  const Twin twin;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(twin.http.post("/factory/start", Json::object()).status, 200);
  const HttpResponse plain = twin.http.get("/batches");
  const HttpResponse zipped = twin.http.get("/batches", {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(plain.header("Content-Encoding"));
  EXPECT_EQ(zipped.field("Content-Encoding"), "gzip");
  EXPECT_TRUE(zipped.body.starts_with("\x1f\x8b"));
  EXPECT_LT(zipped.body.size(), plain.body.size() / 2);
  EXPECT_FALSE(twin.http.get("/health", {{"Accept-Encoding", "gzip"}}).header("Content-Encoding"));
}

TEST(Framing, FoldedValuesAndEndlessChunkLinesAreRefused) {
  const Twin twin;
  const std::string start = "POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(twin.http.raw(start + "Content-Length:\r\n 2\r\n\r\n{}").status, 400);
  EXPECT_EQ(twin.http.raw(start + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").status, 400);
  const std::string chunked = start + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(twin.http.raw(chunked + "2;" + std::string(400'000, 'a')).status, 400);
  EXPECT_EQ(twin.http.raw(chunked + "2\r\n{}\r\n0\r\nX: " + std::string(400'000, 'a')).status, 431);
}

TEST(Origins, TwoOrAnEmptyOneAreForeign) {
  const Twin twin;
  EXPECT_EQ(
      twin.http
          .request("POST", "/factory/reset", {}, {{"Origin", "http://localhost"}, {"Origin", "http://evil.example"}})
          .status,
      403);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, {{"Origin", ""}}).status, 403);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, {{"Origin", "http://localhost"}}).status, 200);
}

}  // namespace
}  // namespace battery_twin::system
