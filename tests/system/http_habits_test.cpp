// What clients of HTTP rely on beside the routes: redirects, CORS, hosts, connections. What must hold whatever they
// send is in http_rules_test.cpp.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::string inflated(std::string bytes, std::size_t room) {
  constexpr int kGzipWindow = 15 + 16;
  std::string out(room, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return result == Z_STREAM_END ? out : std::string();
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
  EXPECT_FALSE(twin.listen().handshake().field("X-Request-ID").empty());
}

TEST(Cors, PreflightIsAnsweredForLoopbackPages) {
  const Twin twin({"--cors-origin", "https://plant.example"});
  for (const std::string origin : {"http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:80",
                                   "http://localhost", "https://plant.example"}) {
    const HttpResponse response = twin.http.request("OPTIONS", "/factory/start", {},
                                                    {{"Origin", origin},
                                                     {"Access-Control-Request-Method", "POST"},
                                                     {"Access-Control-Request-Headers", "content-type,x-request-id"}});
    EXPECT_EQ(response.status, 204) << origin;
    EXPECT_EQ(response.field("Access-Control-Allow-Origin"), origin);
    EXPECT_TRUE(words(response.field("Access-Control-Allow-Methods")).contains("POST")) << origin;
    EXPECT_EQ(response.field("Access-Control-Allow-Headers"), "content-type, x-request-id") << origin;
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
    const HttpResponse refused = twin.http.request("POST", "/factory/start", "{}", json);
    EXPECT_EQ(refused.status, 403) << origin;
    EXPECT_NE(refused.body.find("--cors-origin"), std::string::npos) << refused.body;
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
  for (const char* host : {"evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"}) {
    const HttpResponse refused = twin.http.get("/health", {{"Host", host}});
    EXPECT_EQ(refused.status, 421) << host;
    EXPECT_NE(refused.body.find("--allowed-host"), std::string::npos) << refused.body;
    EXPECT_EQ(refused.body.find("example"), std::string::npos) << refused.body;
  }
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

TEST(Connections, AreKeptAliveAndHttp10Closes) {
  const Twin twin;
  Connection kept(twin.server.port());
  for (int i = 0; i < 3; ++i) {
    kept.send(request_text("GET", "/health/live", {}, {}));
    EXPECT_EQ(read_response(kept).status, 200);
  }
  Connection old(twin.server.port());
  old.send("GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_response(old).status, 200);
  EXPECT_FALSE(old.receive());
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

// What clients send for a POST without a body, with the fields that matter as they were recorded.
TEST(Bodies, NoneAtAllIsTakenFromAnyClient) {
  const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
  const std::string none = "Content-Length: 0\r\n";
  const std::map<std::string, std::string> clients{
      {"curl -X POST", "Accept: */*\r\n"},
      {"curl -d ''", "Accept: */*\r\n" + none + form},
      {"curl -X POST -H", "Accept: */*\r\nContent-Type: application/json\r\n"},
      {"wget --post-data=''", "Accept: */*\r\nConnection: Keep-Alive\r\n" + form + none},
      {"requests.post(url)", "Accept: */*\r\nConnection: keep-alive\r\n" + none},
      {"urlopen(url, data=b'')", form + none + "Connection: close\r\n"},
      {"axios.post(url)", "Accept: application/json, text/plain, */*\r\n" + form + "Connection: keep-alive\r\n" + none},
      {"fetch(url, {method: 'POST'})",
       "connection: keep-alive\r\naccept: */*\r\nsec-fetch-mode: cors\r\ncontent-length: 0\r\n"},
      {"fetch with body: ''", "content-type: text/plain;charset=UTF-8\r\naccept: */*\r\ncontent-length: 0\r\n"},
  };
  const Twin twin;
  std::size_t accepted = 0;
  for (const auto& [client, fields] : clients) {
    for (const std::string path : {"/api/simulation/start", "/api/simulation/mixing/start", "/plant/batch",
                                   "/factory/reset", "/reset", "/api/simulation/reset"}) {
      const HttpResponse response =
          twin.http.raw("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
      EXPECT_EQ(response.status, 200) << client << " " << path << "\n" << response.body;
      accepted += path.ends_with("reset") ? 0 : 1;
    }
    // What needs a body says so.
    for (const char* path : {"/factory/start", "/start-simulation"}) {
      const int status =
          twin.http.raw("POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n").status;
      EXPECT_TRUE(status == 400 || status == 415) << client << " " << path << " " << status;
    }
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), accepted);
  // With a body it is a form, which a foreign page can send.
  EXPECT_EQ(
      twin.http.request("POST", "/api/simulation/start", "x=1", {{"Content-Type", "application/x-www-form-urlencoded"}})
          .status,
      415);
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

  const HttpResponse unread = twin.http.request("POST", "/api/parameters/update", "7", wanted);
  EXPECT_EQ(unread.status, 422);
  EXPECT_EQ(unread.json().at("title"), "Unprocessable Content");

  const HttpResponse bad = twin.http.request("PATCH", "/factory/pacing", R"({"step_interval_ms":-1,"x":1})", wanted);
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.json().at("errors").size(), 2u);
  EXPECT_EQ(bad.json().at("errors")[0].at("loc"), Json::array({"body", "step_interval_ms"}));
  EXPECT_EQ(twin.http.get("/health", wanted).field("Content-Type"), "application/json");
}

TEST(Compression, LongAnswersAreGzippedWhenAskedFor) {
  const Twin twin;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(twin.http.post("/factory/start", Json::object()).status, 200);
  const std::string target = "/batches?status=queued";  // nothing of them changes
  const HttpResponse plain = twin.http.get(target);
  const HttpResponse zipped = twin.http.get(target, {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(plain.header("Content-Encoding"));
  EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
  EXPECT_EQ(zipped.field("Content-Encoding"), "gzip");
  EXPECT_LT(zipped.body.size(), plain.body.size() / 2);
  EXPECT_EQ(inflated(zipped.body, plain.body.size() + 1), plain.body);
  EXPECT_FALSE(twin.http.get("/health", {{"Accept-Encoding", "gzip"}}).header("Content-Encoding"));
}

TEST(Compression, VeryLongAnswersAreNot) {
  const Twin twin;
  for (int i = 0; i < 200; ++i) ASSERT_EQ(twin.http.post("/factory/start", Json::object()).status, 200);
  const HttpResponse response = twin.http.get("/batches?limit=200", {{"Accept-Encoding", "gzip"}});
  EXPECT_GT(response.body.size(), 256u * 1024u);
  EXPECT_FALSE(response.header("Content-Encoding"));
  EXPECT_EQ(response.json().at("batches").size(), 200u);
}

TEST(Compression, TheDocumentsAreKeptCompressed) {
  const Twin twin({"--db", "none", "--root-path", "/twin"});
  for (const char* path : {"/openapi.json", "/twin/openapi.json", "/asyncapi.json"}) {
    const HttpResponse plain = twin.http.get(path);
    const HttpResponse zipped = twin.http.get(path, {{"Accept-Encoding", "gzip"}});
    EXPECT_FALSE(plain.header("Content-Encoding")) << path;
    EXPECT_TRUE(plain.json().contains("info")) << path;
    EXPECT_EQ(zipped.field("Content-Encoding"), "gzip") << path;
    EXPECT_EQ(inflated(zipped.body, plain.body.size() + 1), plain.body) << path;
    // RFC 1952: what took the best compression says so. For one request only the fastest would have been taken.
    EXPECT_EQ(zipped.body.at(8), 2) << path;
    EXPECT_LT(zipped.body.size(), 40'000u) << path << ": what a dashboard waits for over a slow line";
    EXPECT_NE(zipped.field("ETag"), plain.field("ETag")) << path;
    for (const HttpResponse* first : {&plain, &zipped}) {
      EXPECT_EQ(first->field("Vary"), "Accept-Encoding") << path;
      Headers headers{{"If-None-Match", first->field("ETag")}};
      if (first == &zipped) headers.emplace_back("Accept-Encoding", "gzip");
      EXPECT_EQ(twin.http.get(path, headers).status, 304) << path;
      Connection connection(twin.server.port());
      connection.send(request_text("HEAD", path, {}, {headers.begin() + 1, headers.end()}));
      EXPECT_EQ(read_response(connection, true).field("Content-Length"), std::to_string(first->body.size())) << path;
    }
  }
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
