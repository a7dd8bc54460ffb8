// --token, --read-token and --token-file: who gets in, with what, and that no token is ever written anywhere.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "certificates.hpp"
#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

const std::string kOperator = "operator-0123456789";
const std::string kReader = "reader-0123456789~+/=";
const std::vector<std::string> kTokens{"--token", kOperator, "--read-token", kReader};

Headers shown(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }

std::vector<std::string> with_tokens(std::vector<std::string> more) {
  more.insert(more.end(), kTokens.begin(), kTokens.end());
  return more;
}

// A token file of a test's own, and the options for it.
struct TokenFile {
  explicit TokenFile(const std::string& text) { write(text); }

  void write(const std::string& text) const {
    std::ofstream(folder.file("new")) << text;
    ::chmod(folder.file("new").c_str(), 0600);
    std::filesystem::rename(folder.file("new"), path());
  }
  [[nodiscard]] std::string path() const { return folder.file("tokens"); }
  [[nodiscard]] std::vector<std::string> options() const { return {"--token-file", path()}; }

  testing::TemporaryFolder folder;
};

// The status of a handshake.
int knock(const Twin& twin, const std::string& target, const Headers& headers = {}) {
  Connection connection(twin.server.port());
  connection.send(upgrade_text(target, headers));
  return read_response(connection).status;
}

std::string challenge(const HttpResponse& response) { return response.field("WWW-Authenticate"); }

TEST(AccessTokens, EveryRouteAsksForWhatItNeeds) {
  const Twin twin(with_tokens({"--step-interval", "0"}));
  const std::set<std::string> open{"/",       "/assets/{name}", "/asyncapi.json", "/docs",
                                   "/health", "/health/live",   "/health/ready",  "/openapi.json"};
  std::size_t routes = 0;
  for (const DocumentedRoute& documented : documented_routes(twin)) {
    const std::string& pattern = documented.pattern;
    const std::string& path = documented.path;
    for (const std::string& method : documented.methods) {
      ++routes;
      const auto status = [&](const Headers& headers) { return twin.http.request(method, path, {}, headers).status; };
      const std::string route = method + " " + path;
      if (open.contains(pattern)) {
        for (const Headers& headers : {Headers{}, shown("nonsense"), shown(kReader), shown(kOperator)})
          EXPECT_TRUE(status(headers) == 200 || (pattern == "/assets/{name}" && status(headers) == 404)) << route;
        continue;
      }
      EXPECT_EQ(status({}), 401) << route;
      EXPECT_EQ(status(shown("operator-0123456788")), 401) << route;
      const bool reads = method == "GET" || pattern == "/api/parameters/validate";
      const int of_reader = status(shown(kReader));
      EXPECT_EQ(of_reader == 403, !reads) << route << " " << of_reader;
      EXPECT_NE(of_reader, 401) << route;
      const int of_operator = status(shown(kOperator));
      EXPECT_TRUE(of_operator != 401 && of_operator != 403) << route << " " << of_operator;
    }
  }
  EXPECT_GT(routes, 25u);
}

TEST(AccessTokens, RefusalsSayWhatIsMissing) {
  const Twin twin(kTokens);
  const HttpResponse none = twin.http.get("/factory/status");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(challenge(none), "Bearer realm=\"battery-twin\"");
  EXPECT_TRUE(none.json().at("detail").is_string());
  const HttpResponse basic = twin.http.get("/factory/status", {{"Authorization", "Basic dXNlcjpwYXNzd29yZA=="}});
  EXPECT_EQ(basic.status, 401);
  EXPECT_EQ(challenge(basic), challenge(none));
  const HttpResponse wrong = twin.http.get("/factory/status", shown("wrong-0123456789-wrong"));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(challenge(wrong), "Bearer realm=\"battery-twin\", error=\"invalid_token\"");
  EXPECT_EQ(wrong.body.find("wrong-"), std::string::npos) << wrong.body;
  const HttpResponse reader = twin.http.request("POST", "/factory/reset", {}, shown(kReader));
  EXPECT_EQ(reader.status, 403);
  EXPECT_EQ(challenge(reader), "Bearer realm=\"battery-twin\", error=\"insufficient_scope\", scope=\"operator\"");
  EXPECT_NE(reader.json().at("detail").get<std::string>().find("read-only"), std::string::npos);
  Headers twice = shown(kOperator);
  twice.emplace_back("Authorization", "Bearer " + kOperator);
  const HttpResponse two = twin.http.get("/factory/status", twice);
  EXPECT_EQ(two.status, 400);
  EXPECT_EQ(challenge(two), "Bearer realm=\"battery-twin\", error=\"invalid_request\"");

  Headers problem = shown(kReader);
  problem.emplace_back("Accept", "application/problem+json");
  const HttpResponse as_problem = twin.http.request("POST", "/api/simulation/start", {}, problem);
  EXPECT_EQ(as_problem.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(as_problem.json().at("status"), 403);
  EXPECT_EQ(as_problem.json().at("title"), "Forbidden");
  EXPECT_EQ(as_problem.json().at("detail"), reader.json().at("detail"));
}

TEST(AccessTokens, WithoutAnyNothingIsAskedFor) {
  const Twin twin;
  for (const Headers& headers : {Headers{}, shown("x"), Headers{{"Authorization", "nonsense"}}})
    EXPECT_EQ(twin.http.get("/factory/status", headers).status, 200);
  Headers twice = shown("a");
  twice.emplace_back("Authorization", "b");
  EXPECT_EQ(twin.http.get("/factory/status", twice).status, 200);
  EXPECT_EQ(knock(twin, "/ws/status?access_token=anything"), 101);
}

TEST(AccessTokens, ComeBehindHostAndOriginAndBeforeTheRest) {
  const Twin twin(with_tokens({"--max-body", "100"}));
  const auto status = [&](const std::string& method, const std::string& path, const std::string& body,
                          const Headers& headers) { return twin.http.request(method, path, body, headers).status; };
  EXPECT_EQ(twin.http.raw("GET /factory/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
  EXPECT_EQ(status("GET", "/factory/status", {}, {{"Host", "evil.example"}}), 421);
  const HttpResponse foreign = twin.http.request("POST", "/factory/reset", {}, {{"Origin", "https://evil.example"}});
  EXPECT_EQ(foreign.status, 403);
  EXPECT_FALSE(foreign.header("WWW-Authenticate"));

  const std::string large(200, 'x');
  const Headers json{{"Content-Type", "application/json"}};
  const Headers text{{"Content-Type", "text/plain"}};
  EXPECT_EQ(status("GET", "/nothing", {}, {}), 401);
  EXPECT_EQ(status("PUT", "/factory/start", {}, {}), 401);
  EXPECT_EQ(status("POST", "/factory/start", large, json), 401);
  EXPECT_EQ(status("POST", "/factory/start", "{}", text), 401);
  EXPECT_EQ(status("POST", "/factory/start", "{", json), 401);
  EXPECT_EQ(status("GET", "/factory/logs?limit=x", {}, {}), 401);
  EXPECT_EQ(status("PUT", "/factory/start", {}, shown(kReader)), 403);
  EXPECT_EQ(status("POST", "/nothing", {}, shown(kReader)), 403);

  const auto as_operator = [](Headers headers) {
    headers.emplace_back("Authorization", "Bearer " + kOperator);
    return headers;
  };
  EXPECT_EQ(status("GET", "/nothing", {}, shown(kOperator)), 404);
  EXPECT_EQ(status("PUT", "/factory/start", {}, shown(kOperator)), 405);
  EXPECT_EQ(status("POST", "/factory/start", large, as_operator(json)), 413);
  EXPECT_EQ(status("POST", "/factory/start", "{}", as_operator(text)), 415);
  EXPECT_EQ(status("POST", "/factory/start", "{", as_operator(json)), 400);
  EXPECT_EQ(status("GET", "/factory/logs?limit=x", {}, shown(kReader)), 400);
  EXPECT_EQ(status("GET", "/factory/status/", {}, {}), 401);
  EXPECT_EQ(status("GET", "/factory/status/", {}, shown(kReader)), 307);
  EXPECT_EQ(twin.http.request("GET", "/factory/status", {}, shown(kOperator)).json().at("counters").at("accepted"), 0);
}

TEST(AccessTokens, NoOtherWayOfWritingAPathGoesRound) {
  const Twin twin(with_tokens({"--root-path", "/twin"}));
  for (const char* target :
       {"/%66actory/status", "//factory/status", "/health/../factory/status", "/health%2F..%2Ffactory/status",
        "/docs/%2e%2e/factory/status", "/factory/status%2F", "/twin/factory/status", "/twin/twin/factory/status",
        "/HEALTH", "/health%00", "http://localhost/factory/status", "/factory/status?x=/health", "/;/factory/status",
        "/assets/..%2Ffactory%2Fstatus", "/twin/assets/../factory/status"}) {
    const HttpResponse response = twin.http.get(target);
    // Some are no path, some are the name of a file that is not there; none is the plant.
    EXPECT_TRUE(response.status == 401 || response.status == 400 || response.status == 404)
        << target << " " << response.status;
    EXPECT_EQ(response.body.find("counters"), std::string::npos) << target;
  }
  for (const char* target : {"/health", "/twin/health", "/%68ealth", "/twin/", "/twin/docs", "/health/live"})
    EXPECT_EQ(twin.http.get(target).status, 200) << target;
  for (const char* target : {"/twin", "/health/", "/docs/"}) EXPECT_EQ(twin.http.get(target).status, 307) << target;
  EXPECT_EQ(twin.http.get("/twin/factory/status", shown(kReader)).status, 200);
  EXPECT_EQ(twin.http.request("POST", "/twin", {}, {}).status, 401);
}

TEST(AccessTokens, HeadOptionsAndPreflight) {
  const Twin twin(kTokens);
  Connection connection(twin.server.port());
  connection.send(request_text("HEAD", "/factory/status", {}, {}));
  EXPECT_EQ(read_response(connection, true).status, 401);
  connection.send(request_text("HEAD", "/factory/status", {}, shown(kReader)));
  EXPECT_EQ(read_response(connection, true).status, 200);

  EXPECT_EQ(twin.http.request("OPTIONS", "/factory/start").status, 401);
  EXPECT_EQ(twin.http.request("OPTIONS", "*").status, 401);
  EXPECT_EQ(twin.http.request("OPTIONS", "/health").status, 204);
  EXPECT_EQ(twin.http.request("OPTIONS", "/factory/start", {}, shown(kReader)).status, 204);
  EXPECT_EQ(twin.http.request("OPTIONS", "*", {}, shown(kReader)).status, 204);

  const auto preflight = [&](const std::string& origin) {
    return twin.http.request("OPTIONS", "/factory/start", {},
                             {{"Origin", origin},
                              {"Access-Control-Request-Method", "POST"},
                              {"Access-Control-Request-Headers", "authorization,content-type"}});
  };
  const HttpResponse own = preflight("http://localhost:3000");
  EXPECT_EQ(own.status, 204);
  EXPECT_TRUE(words(own.field("Access-Control-Allow-Headers")).contains("authorization"));
  EXPECT_EQ(preflight("https://evil.example").status, 401);
  // A page may read why it was refused.
  const HttpResponse refused = twin.http.get("/factory/status", {{"Origin", "http://localhost:3000"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.field("Access-Control-Allow-Origin"), "http://localhost:3000");
}

TEST(AccessTokens, AConnectionGoesOnWhereTheNextRequestIsKnown) {
  const Twin twin(kTokens);
  Connection connection(twin.server.port());
  const std::string with = request_text("GET", "/factory/status", {}, shown(kReader));
  const std::string without = request_text("GET", "/factory/status", {}, {});
  connection.send(with + with + without + without + with);  // the same bytes again are taken for what they were
  for (const int status : {200, 200, 401, 401, 200}) EXPECT_EQ(read_response(connection).status, status);
  connection.send(request_text("POST", "/factory/start", "{}", {{"Content-Type", "application/json"}}) + with);
  const HttpResponse refused = read_response(connection);
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.field("Connection"), "close");
  while (connection.receive()) {
  }
  EXPECT_EQ(connection.buffer(), "");
}

TEST(AccessTokens, AWebSocketTakesATokenEitherWay) {
  const Twin twin(kTokens);
  for (const std::string& token : {kOperator, kReader}) {
    EXPECT_EQ(knock(twin, "/ws/status", shown(token)), 101);
    EXPECT_EQ(knock(twin, "/ws/status?replay=0&access_token=" + token + "&telemetry=1"), 101);
  }
  EXPECT_EQ(knock(twin, "/ws/status?access_token=reader-0123456789~%2B%2F%3D"), 101);
  EXPECT_EQ(knock(twin, "/ws/status"), 401);
  EXPECT_EQ(knock(twin, "/ws/status?access_token="), 401);
  EXPECT_EQ(knock(twin, "/ws/status?access_token=wrong-0123456789"), 401);
  EXPECT_EQ(knock(twin, "/ws/status", shown("wrong-0123456789")), 401);
  EXPECT_EQ(knock(twin, "/ws/status?access_token=" + kReader, shown(kReader)), 400);
  EXPECT_EQ(knock(twin, "/ws/none"), 401);
  EXPECT_EQ(knock(twin, "/ws/none?access_token=" + kReader), 401);
  EXPECT_EQ(knock(twin, "/ws/none", shown(kReader)), 403);
  EXPECT_EQ(knock(twin, "/ws/status?access_token=" + kReader, {{"Origin", "https://evil.example"}}), 403);
  // In the query it is for WebSockets only.
  EXPECT_EQ(twin.http.get("/ws/status?access_token=" + kReader).status, 401);
  EXPECT_EQ(twin.http.get("/ws/status", shown(kReader)).status, 426);
  EXPECT_EQ(twin.http.get("/factory/status?access_token=" + kOperator).status, 401);

  WsClient client(twin.server.port(), {.headers = shown(kReader)});
  const HttpResponse started =
      twin.http.request("POST", "/factory/start", R"({"id":"seen"})",
                        {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + kOperator}});
  EXPECT_EQ(started.status, 200) << started.body;
  client.wait_for_status("batch_started_processing", "seen");
}

TEST(AccessTokens, NoneIsEverWritten) {
  for (const std::string format : {"text", "json"}) {
    Twin twin(with_tokens({"--log-format", format, "--log-level", "debug"}));
    EXPECT_EQ(knock(twin, "/ws/status?access_token=" + kReader + "&replay=1"), 101);
    EXPECT_EQ(knock(twin, "/ws/status?access%5Ftoken=wrong-0123456789"), 401);
    EXPECT_EQ(twin.http.get("/factory/status?a=1&ACCESS_TOKEN=" + kOperator).status, 401);
    EXPECT_EQ(twin.http.raw("GET /x?access_token=" + kOperator + " HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status,
              400);
    EXPECT_EQ(twin.http.get("/ws/status?access_token=" + kReader, {{"Host", "evil.example"}}).status, 421);
    const HttpResponse bad = twin.http.raw(upgrade_text("/ws/status?replay=x&access_token=" + kReader));
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(bad.body.find("0123456789"), std::string::npos) << bad.body;
    EXPECT_EQ(twin.http.get("/openapi.json").body.find("0123456789~"), std::string::npos);
    twin.server.signal(SIGHUP);
    ASSERT_TRUE(twin.server.wait_for_error_text("The configuration was read again"));
    twin.server.signal(SIGTERM);
    ASSERT_EQ(twin.server.wait(), 0);
    for (const std::string& text : {twin.server.out(), twin.server.err()}) {
      for (const char* secret : {"operator-01", "reader-01", "wrong-01"})
        EXPECT_EQ(text.find(secret), std::string::npos) << text;
    }
    const std::string all = twin.server.out() + twin.server.err();
    for (const char* shown : {"/ws/status?access_token=...&replay=1", "?access%5Ftoken=...", "?a=1&ACCESS_TOKEN=..."})
      EXPECT_NE(all.find(shown), std::string::npos) << all;
  }
}

TEST(AccessTokens, AFileHoldsManyAndMayChange) {
  const TokenFile file("# who may\n\n  operator " + kOperator + "\nread\t" + kReader +
                       "  # the screen in the hall\r\n");
  Twin twin(file.options());
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, shown(kOperator)).status, 200);
  EXPECT_EQ(twin.http.get("/factory/status", shown(kReader)).status, 200);
  WsClient stays(twin.server.port(), {.headers = shown(kOperator)});
  WsClient goes(twin.server.port(), "/ws/status?access_token=" + kReader);
  Connection open(twin.server.port());
  const std::string request = request_text("GET", "/factory/status", {}, shown(kReader));
  open.send(request);
  EXPECT_EQ(read_response(open).status, 200);

  const std::string another = "another-0123456789";
  file.write("read " + kOperator + "\noperator " + another + "\n");
  twin.server.signal(SIGHUP);
  ASSERT_TRUE(twin.server.wait_for_error_text("The configuration was read again: token-file\n")) << twin.server.err();
  open.send(request);  // the same bytes, which were good
  EXPECT_EQ(read_response(open).status, 401);
  EXPECT_EQ(goes.wait_for_close(), 1008);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, shown(kOperator)).status, 403);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, shown(another)).status, 200);
  stays.send_text("still there?");
  bool echoed = false;
  while (!echoed) {
    const auto text = stays.receive();
    ASSERT_TRUE(text) << "it was closed, too";
    echoed = *text == "Echo: still there?";
  }
}

TEST(AccessTokens, ABodyThatComesAfterTheTokenHasGoneIsNotCarriedOut) {
  const std::string another = "another-0123456789";
  const TokenFile file("operator " + kOperator + "\noperator " + another + "\n");
  Twin twin(file.options());
  const std::string body = R"({"step_interval_ms": 7})";
  const auto request_with = [&](const std::string& token) {
    Headers headers = shown(token);
    headers.emplace_back("Content-Type", "application/json");
    return request_text("PATCH", "/factory/pacing", body, headers);
  };
  const std::string request = request_with(kOperator);
  const std::string head = request.substr(0, request.size() - body.size());
  Connection revoked(twin.server.port());
  revoked.send(head + body.substr(0, 5));
  Connection good(twin.server.port());
  const std::string other = request_with(another);
  good.send(other.substr(0, other.size() - 3));
  // Both heads have been looked at when what came after them is answered.
  EXPECT_EQ(twin.http.get("/factory/status", shown(kOperator)).status, 200);
  file.write("operator " + another + "\n");
  twin.server.signal(SIGHUP);
  ASSERT_TRUE(twin.server.wait_for_error_text("The configuration was read again: token-file\n")) << twin.server.err();
  revoked.send(body.substr(5));
  EXPECT_EQ(read_response(revoked).status, 401);
  const auto pacing = [&] {
    return Json::parse(twin.http.get("/factory/status", shown(another)).body).at("pacing").at("step_interval_ms");
  };
  EXPECT_NE(pacing(), 7);
  good.send(other.substr(other.size() - 3));
  EXPECT_EQ(read_response(good).status, 200);
  EXPECT_EQ(pacing(), 7);
}

TEST(AccessTokens, AFileThatIsNotGoodChangesNothing) {
  const TokenFile file("operator " + kOperator + "\n");
  Twin twin(file.options());
  for (const std::string& text :
       {std::string(), std::string("# none\n"), std::string("operator\n"), "admin " + kReader + "\n", kReader + "\n",
        "operator " + kReader + " more\n", std::string("operator short\n"),
        "operator " + kReader + "\nread " + kReader + "\n"}) {
    file.write(text);
    const auto before = twin.server.err().size();
    twin.server.signal(SIGHUP);
    EXPECT_TRUE(Twin::eventually([&] {
      return twin.server.err().substr(before).starts_with(
          "ERROR:    the configuration stays as it was: --token-file: ");
    })) << text
        << twin.server.err();
    EXPECT_EQ(twin.server.err().find(kReader), std::string::npos) << twin.server.err();
    EXPECT_EQ(twin.http.get("/factory/status").status, 401) << text;
    EXPECT_EQ(twin.http.get("/factory/status", shown(kOperator)).status, 200) << text;
  }
  // With --reload it would be read by itself.
  const TokenFile watched("operator " + kOperator + "\n");
  auto options = watched.options();
  options.emplace_back("--reload");
  Twin other(options);
  watched.write("operator " + kReader + "\n");
  ASSERT_TRUE(other.server.wait_for_error_text("The configuration was read again: token-file\n"));
  EXPECT_EQ(other.http.get("/factory/status", shown(kOperator)).status, 401);
  EXPECT_EQ(other.http.get("/factory/status", shown(kReader)).status, 200);
}

TEST(AccessTokens, TheConfigurationBringsAndTakesThem) {
  const testing::TemporaryFolder folder;
  const std::string config = folder.file("twin.toml");
  std::ofstream(config) << "";
  Twin twin({"--config", config});
  WsClient nobody(twin.server.port());
  std::ofstream(config) << "token = \"" << kOperator << "\"\nread-token = [\"" << kReader << "\"]\n";
  twin.server.signal(SIGHUP);
  ASSERT_TRUE(twin.server.wait_for_error_text("The configuration was read again: read-token, token\n"))
      << twin.server.err();
  EXPECT_EQ(nobody.wait_for_close(), 1008);
  EXPECT_EQ(twin.http.get("/factory/status").status, 401);
  EXPECT_EQ(twin.http.get("/factory/status", shown(kReader)).status, 200);
  WsClient reader(twin.server.port(), {.headers = shown(kReader)});
  // The last ones stay, whoever emptied the file.
  std::ofstream(config) << "";
  twin.server.signal(SIGHUP);
  ASSERT_TRUE(twin.server.wait_for_error_text("it would let everybody in")) << twin.server.err();
  EXPECT_EQ(twin.http.get("/factory/status").status, 401);
  reader.send_text("x");
  EXPECT_TRUE(reader.receive());
  std::ofstream(config) << "read-token = [\"" << kReader << "\"]\n";
  twin.server.signal(SIGHUP);
  ASSERT_TRUE(twin.server.wait_for_error_text("The configuration was read again: token\n")) << twin.server.err();
  EXPECT_EQ(twin.http.get("/factory/status", shown(kOperator)).status, 401);
  EXPECT_EQ(twin.http.get("/factory/status", shown(kReader)).status, 200);
}

TEST(AccessTokens, BadOnesAreRefusedAtTheStart) {
  struct Case {
    std::vector<std::string> options;
    std::vector<std::string> variables;
    int code;
    std::string said;
  };
  const testing::TemporaryFolder folder;
  const std::string broken = folder.file("broken");
  std::ofstream(broken) << "operator " << kOperator << "\noperater " << kReader << "\n";
  const std::string empty = folder.file("empty");
  std::ofstream(empty) << "# nobody yet\n";
  const std::string unclear = folder.file("unclear.toml");
  std::ofstream(unclear) << "token secret-0123456789\n";
  const std::vector<Case> cases{
      {{"--token", "short-secret"}, {}, 2, "--token: a token must have 16 characters or more"},
      {{"--read-token", "secret secret secret"}, {}, 2, "--read-token: a token may have letters"},
      {{"--token", kReader, "--read-token", kReader}, {}, 2, "--read-token: the same token"},
      {{}, {"BATTERY_TWIN_TOKEN="}, 2, "BATTERY_TWIN_TOKEN is empty"},
      {{"--token", kOperator}, {"BATTERY_TWIN_READ_TOKEN= "}, 2, "BATTERY_TWIN_READ_TOKEN is empty"},
      {{}, {"BATTERY_TWIN_TOKEN_FILE="}, 2, "BATTERY_TWIN_TOKEN_FILE is empty"},
      {{}, {"BATTERY_TWIN_TOKEN=" + kOperator + " short-secret"}, 2, "--token: a token must have"},
      {{"--token-file", ""}, {}, 2, "--token-file: should not be empty"},
      {{"--token-file", folder.file("none")}, {}, 3, "cannot be read: No such file"},
      {{"--token-file", folder.path().string()}, {}, 3, "cannot be read: Is a directory"},
      {{"--token-file", "/dev/null"}, {}, 3, "has no token"},
      {{"--token-file", broken}, {}, 3, "line 2: should be \"operator TOKEN\" or \"read TOKEN\""},
      {{"--token-file", empty}, {}, 3, "has no token"},
      {{"--config", unclear}, {}, 3, "there is no = behind token\n"},
      {{"--tokens=secret-0123456789"}, {}, 2, "--tokens is no option: is --token meant?"},
  };
  for (const Case& one : cases) {
    std::vector<std::string> words{"env"};
    words.insert(words.end(), one.variables.begin(), one.variables.end());
    words.push_back(binary());
    words.insert(words.end(), {"--db", "none", "--port", "0"});
    words.insert(words.end(), one.options.begin(), one.options.end());
    Process process(words);
    EXPECT_EQ(process.wait(), one.code) << one.said;
    EXPECT_NE(process.err().find(one.said), std::string::npos) << process.err();
    EXPECT_EQ(process.err().find("secret"), std::string::npos) << process.err();
    EXPECT_EQ(process.err().find(kReader), std::string::npos) << process.err();
    const std::string err = process.err();
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), err.find("Try --help") == std::string::npos ? 1 : 2) << err;
  }
}

TEST(AccessTokens, TheEnvironmentHoldsThemToo) {
  const Twin twin(
      {}, {"env", "BATTERY_TWIN_TOKEN=" + kOperator + " second-0123456789", "BATTERY_TWIN_READ_TOKEN=" + kReader});
  for (const std::string& token : {kOperator, std::string("second-0123456789")})
    EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, shown(token)).status, 200);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset", {}, shown(kReader)).status, 403);
}

TEST(AccessTokens, TheLogSaysWhetherThereAreAny) {
  constexpr const char* kOpen = "Everybody who can reach this address can drive the plant";
  ServerProcess open({"--host", "0.0.0.0"});
  EXPECT_TRUE(open.wait_for_error_text(kOpen)) << open.err();
  ServerProcess local;
  EXPECT_EQ(local.err().find(kOpen), std::string::npos);
  const TokenFile file("operator " + kOperator + "\n");
  auto options = file.options();
  options.insert(options.end(), {"--host", "0.0.0.0"});
  ServerProcess closed(options);
  EXPECT_EQ(closed.err().find(kOpen), std::string::npos);
  EXPECT_TRUE(closed.wait_for_error_text("Clients must show an access token"));
  constexpr const char* kPlain = "WARNING:  The tokens travel as plain text";
  EXPECT_TRUE(closed.wait_for_error_text(kPlain)) << closed.err();
  options.insert(options.end(), {"--ssl-certfile", certificates().certificate("server"), "--ssl-keyfile",
                                 certificates().key("server")});
  const ServerProcess secure(options);
  EXPECT_EQ(secure.err().find(kPlain), std::string::npos) << secure.err();
  const ServerProcess here(file.options());
  EXPECT_EQ(here.err().find(kPlain), std::string::npos) << here.err();
  EXPECT_EQ(closed.err().find("everybody on this machine may read"), std::string::npos);
  ::chmod(file.path().c_str(), 0644);
  ServerProcess readable(file.options());
  EXPECT_TRUE(readable.wait_for_error_text("WARNING:  --token-file: everybody on this machine may read"));
}

}  // namespace
}  // namespace battery_twin::system
