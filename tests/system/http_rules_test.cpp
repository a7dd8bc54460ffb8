// What must hold at the sockets whatever a client sends, one test or more per rule, over raw connections. H1 to H5 are
// in http_framing_rules_test.cpp.
#include "http_rules.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <stdexcept>

namespace battery_twin::system {
namespace {

TEST(H6, OneValidHostIsNeeded) {
  const Twin twin;
  std::vector<Refused> cases{
      {"none", "GET /health HTTP/1.1\r\n\r\n"},
      {"two", kGet + "Host: localhost\r\n\r\n"},
      {"two that differ", kGet + "Host: evil.example\r\n\r\n"},
  };
  for (const char* host : {"", "local host", "a@localhost", "localhost/", "localhost,evil", "localhost:x",
                           "localhost:123456", ":80", "[::1", "[x]", "[fe80::1%25eth0]", "http://localhost"})
    cases.push_back({host, "GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"});
  expect_refused(twin, cases);
  EXPECT_EQ(twin.http.raw("GET /health HTTP/1.0\r\n\r\n").status, 200);
}

TEST(H7, AbsoluteFormWorks) {
  const Twin twin;
  const auto get = [&](const std::string& target, const std::string& host = "localhost") {
    return twin.http.raw("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
  };
  EXPECT_EQ(get(twin.server.url() + "/factory/logs?limit=1"), 200);
  EXPECT_EQ(get("HTTP://localhost"), 200);
  EXPECT_EQ(get("http://localhost?x=1"), 200);
  EXPECT_EQ(get("https://localhost/health"), 200);  // of a proxy that has taken TLS off
  EXPECT_EQ(get("HTTPS://localhost"), 200);
  EXPECT_EQ(get("https://evil.example/health"), 421);
  // Its host counts, not the field.
  EXPECT_EQ(get("http://evil.example/health"), 421);
  EXPECT_EQ(get("http://localhost/health", "evil.example"), 200);
  for (const char* bad : {"http:///health", "http://a@localhost/health", "https:///health", "ftp://localhost/",
                          "localhost:80", "*", "health"})
    EXPECT_EQ(get(bad), 400) << bad;
}

TEST(H7, OneEmptyLineBeforeARequestIsIgnored) {
  const Twin twin;
  Connection connection(twin.server.port());
  for (int i = 0; i < 3; ++i) {
    connection.send("\r");
    connection.send("\n" + kNext);
    EXPECT_EQ(read_response(connection).status, 200);
  }
  expect_refused(twin, {{"two", "\r\n\r\n" + kGet + "\r\n"}, {"half of one", "\r" + kGet + "\r\n"}});
}

TEST(H7, PathsAreDecodedOnce) {
  const Twin twin;
  EXPECT_EQ(twin.http.get("/machine/an%6fde/mixing/st%61tus").status, 200);
  for (const char* unknown : {"/he%2561lth", "/%2e%2e/etc/passwd", "/../health", "/health%20"})
    EXPECT_EQ(twin.http.get(unknown).status, 404) << unknown;
  for (const char* bad : {"/health%00", "/health%ff", "/health%zz", "/health%", "/health%C0%AF", "/health%ED%A0%80",
                          "/health\xC3\xBC", "/health%4"})
    EXPECT_EQ(twin.http.get(bad).status, 400) << bad;
}

TEST(H8, Http12To19AreAnsweredAs11) {
  const Twin twin;
  Connection connection(twin.server.port());
  for (char minor = '1'; minor <= '9'; ++minor) {
    connection.send("GET /health/live HTTP/1." + std::string(1, minor) + "\r\nHost: localhost\r\n\r\n");
    const HttpResponse response = read_response(connection);
    EXPECT_EQ(response.status, 200) << minor;
    EXPECT_EQ(response.version, "HTTP/1.1") << minor;
  }
  connection.send("GET /health/live HTTP/1.0\r\n\r\n");
  const HttpResponse old = read_response(connection);
  EXPECT_EQ(old.version, "HTTP/1.0");
  EXPECT_EQ(old.field("Connection"), "close");
}

TEST(H8, OtherVersionsAreRefused) {
  const Twin twin;
  std::vector<Refused> cases;
  const std::string rest = "\r\nHost: localhost\r\n\r\n";
  for (const char* version : {"HTTP/2.0", "HTTP/3.1", "HTTP/0.9", "HTTP/9.9"})
    cases.push_back({version, "GET /health " + std::string(version) + rest, {505}});
  for (const char* version : {"HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1.10", "HTTP/11", "HTTP/1.x", "HTTP/1,1",
                              "http/1.1", "HTTP 1.1", "HTTPS/1.1", "HTTP/1.1 ", "HTTP/01.1", "XHTTP/1.1", ""})
    cases.push_back({version, "GET /health " + std::string(version) + rest});
  cases.push_back({"none at all", "GET /health" + rest});
  expect_refused(twin, cases);
}

TEST(H8, MethodsAreCaseSensitive) {
  const Twin twin;
  for (const char* method : {"get", "Get", "options", "GETX"})
    EXPECT_EQ(twin.http.request(method, "/health").status, 405) << method;
}

TEST(H9, HeadersAreStrict) {
  const Twin twin;
  std::vector<Refused> cases{
      {"blank before the colon", kGet + "X-A : 1\r\n\r\n"},
      {"tab before the colon", kGet + "X-A\t: 1\r\n\r\n"},
      {"blank before the name", "GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n"},
      {"folded", kGet + "X-A: 1\r\n 2\r\n\r\n"},
      {"folded with a tab", kGet + "X-A: 1\r\n\t2\r\n\r\n"},
      {"folded, first part empty", kPost + "Content-Length:\r\n 2\r\n\r\n{}"},
      {"folded coding", kPost + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
      {"no colon", kGet + "Nonsense\r\n\r\n"},
      {"no name", kGet + ": 1\r\n\r\n"},
      {"8-bit name", kGet + "X-\xC3\xBC: 1\r\n\r\n"},
      {"name with a parenthesis", kGet + "X(: 1\r\n\r\n"},
      {"bare LF", "GET /health HTTP/1.1\nHost: localhost\n\n"},
      {"bare LF in a value", kGet + "X-A: 1\nX-B: 2\r\n\r\n"},
      {"bare CR in a value", kGet + "X-A: 1\rX-B: 2\r\n\r\n"},
      {"CR CR LF", kGet + "X-A: 1\r\r\n\r\n"},
      {"bare CR in the request line", "GET /\rhealth HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"tab in the request line", "GET\t/health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"two blanks", "GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"blank in the target", "GET /he alth HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"blank before the method", " GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"no method", "/health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"method with a colon", "GET: /health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
  };
  for (const char byte : {'\0', '\x01', '\b', '\v', '\x1b', '\x7f'}) {
    cases.push_back({"control character in a value", kGet + text_with("X-A: 1", byte, "2\r\n\r\n")});
    cases.push_back({"control character in a name", kGet + text_with("X-A", byte, ": 2\r\n\r\n")});
    cases.push_back(
        {"control character in the target", text_with("GET /health", byte, " HTTP/1.1\r\nHost: localhost\r\n\r\n")});
    cases.push_back(
        {"control character in the method", text_with("GE", byte, "T /health HTTP/1.1\r\nHost: localhost\r\n\r\n")});
  }
  expect_refused(twin, cases);
  // At once, without waiting for an end that may never come.
  for (const std::string& part : {std::string("GET /health HTTP/1.1\n"), kGet + "X-A: 1\r2", kGet + "X-A: 1\x01"})
    EXPECT_EQ(twin.http.raw(part).status, 400);
  expect_taken(twin, {{"8-bit value", kGet + "X-A: gr\xC3\xBC\xDF\r\n\r\n"}, {"empty value", kGet + "X-A:\r\n\r\n"}});
}

// The client sends much more than is read before the answer; the answer is there all the same, and then a regular end.
TEST(H10, ARefusalIsNotLostByAReset) {
  const Twin twin;
  const std::string much(512 * 1024, 'x');
  for (const Refused& one : std::initializer_list<Refused>{
           {"413", kPost + "Content-Length: 99999999\r\n\r\n" + much, {413}},
           {"414", "GET /" + much + much.substr(0, 100) + " HTTP/1.1\r\n", {414}},
           {"431", kGet + "X-A: " + much, {431}},
           {"505", "GET / HTTP/7.0\r\n" + much, {505}},
           {"400", kGet + "X-A : 1\r\n\r\n" + much, {400}},
           {"404", "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000\r\n\r\n" + much, {404}},
       }) {
    Connection connection(twin.server.port());
    connection.send(one.bytes);
    const HttpResponse response = read_response(connection);
    EXPECT_TRUE(one.statuses.contains(response.status)) << one.name << ": " << response.status;
    EXPECT_TRUE(response.json().contains("detail")) << one.name;
    EXPECT_EQ(response.field("Connection"), "close") << one.name;
    connection.shutdown_send();
    char byte = 0;
    const ssize_t end = ::recv(connection.descriptor(), &byte, 1, 0);
    EXPECT_EQ(end, 0) << one.name << ": " << (end < 0 ? errno : 0);
  }
}

TEST(H10, ARequestThatIsCutOffIsAnswered) {
  const Twin twin;
  for (const std::string& part : {kGet, kPost + "Content-Length: 5\r\n\r\n{}", kChunked + "2\r\n{}\r\n"}) {
    Connection connection(twin.server.port());
    connection.send(part);
    connection.shutdown_send();
    EXPECT_EQ(read_response(connection).status, 400);
  }
}

TEST(H10, TooManyConnectionsAreTold) {
  const Twin twin({"--limit-concurrency", "1"});
  Connection first(twin.server.port());
  first.send(kNext);
  EXPECT_EQ(read_response(first).status, 200);
  for (int i = 0; i < 50; ++i) {  // more than are told so with patience
    Connection another(twin.server.port());
    another.send(kNext);
    const HttpResponse response = read_response(another);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("Retry-After"), "1");
    EXPECT_FALSE(response.field("X-Request-ID").empty());
  }
  first.send(kNext);
  EXPECT_EQ(read_response(first).status, 200);
}

TEST(H11, ALengthOverTheLimitIs413AtOnce) {
  const Twin twin;
  EXPECT_EQ(twin.http.raw(kPost + "Content-Length: " + std::to_string(kMaxBody + 1) + "\r\n\r\n").status, 413);
  EXPECT_EQ(twin.http.raw(kPost + "Content-Length: 999999999999\r\n\r\n").status, 413);
  const std::string most = "{}" + std::string(kMaxBody - 2, ' ');
  expect_taken(twin, {{"the most", kPost + "Content-Length: " + std::to_string(kMaxBody) + "\r\n\r\n" + most}});
}

TEST(H11, DecodedBytesOfChunksCount) {
  const Twin twin;
  constexpr std::size_t kSize = 0x1000;
  const std::string blanks = "1000;a=b\r\n" + std::string(kSize, ' ') + "\r\n";
  std::string body = "1000\r\n{}" + std::string(kSize - 2, ' ') + "\r\n";
  for (std::size_t size = kSize; size < kMaxBody; size += kSize) body += blanks;
  expect_taken(twin, {{"the most, and what frames it", kChunked + body + "0\r\n\r\n"}});
  EXPECT_EQ(twin.http.raw(kChunked + body + "1\r\n").status, 413);
  EXPECT_EQ(twin.http.raw(kChunked + "100001\r\n").status, 413);
}

TEST(H12, ExpectContinueIsAnsweredAtOnce) {
  const Twin twin;
  Connection connection(twin.server.port());
  const std::string expect = "Expect: 100-continue\r\n";
  connection.send(kPost + "Content-Length: 2\r\n" + expect + "\r\n");
  EXPECT_EQ(read_response(connection).status, 100);
  connection.send("{}");
  EXPECT_EQ(read_response(connection).status, 200);
  connection.send(kPost + "Transfer-Encoding: chunked\r\n" + expect + "\r\n");
  EXPECT_EQ(read_response(connection).status, 100);
  connection.send("2\r\n{}\r\n0\r\n\r\n");
  EXPECT_EQ(read_response(connection).status, 200);
  connection.send(kGet + expect + "\r\n");  // without a body there is nothing to go on with
  EXPECT_EQ(read_response(connection).status, 200);
  // What will be refused anyway is refused at once, without waiting for the body.
  const std::string post = "POST /factory/start HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(twin.http.raw(post + "Content-Type: text/plain\r\nContent-Length: 2\r\n" + expect + "\r\n").status, 415);
  EXPECT_EQ(twin.http.raw(kPost + "Content-Length: 99999999\r\n" + expect + "\r\n").status, 413);
  // HTTP/1.0 knows no 100.
  EXPECT_EQ(twin.http
                .raw("POST /factory/start HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" +
                     expect + "\r\n{}")
                .status,
            200);
}

struct RouteMethods {
  std::string path;
  std::set<std::string> methods;  // beside OPTIONS
};

// Whatever the document has, so a new route is held against these rules as well.
std::vector<RouteMethods> routes(const Twin& twin) {
  std::vector<RouteMethods> all{{"/ws/status", {"GET"}}};
  for (const DocumentedRoute& route : documented_routes(twin)) {
    all.push_back({route.path, route.methods});
    if (route.methods.contains("GET")) all.back().methods.insert("HEAD");
  }
  if (all.size() < 30) throw std::runtime_error("/openapi.json has too few routes");
  return all;
}

TEST(H13, HeadAnswersLikeGetWithoutABody) {
  const Twin twin;
  for (const RouteMethods& route : routes(twin)) {
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

TEST(H13, OptionsTellsWhatIsAllowed) {
  const Twin twin;
  std::set<std::string> every{"OPTIONS"};
  for (const RouteMethods& route : routes(twin)) {
    const HttpResponse response = twin.http.request("OPTIONS", route.path);
    EXPECT_EQ(response.status, 204) << route.path;
    std::set<std::string> expected = route.methods;
    expected.insert("OPTIONS");
    every.insert(expected.begin(), expected.end());
    EXPECT_EQ(words(response.field("Allow")), expected) << route.path;
    EXPECT_EQ(response.body, "");
    EXPECT_FALSE(response.header("Content-Length")) << route.path;
  }
  const HttpResponse server = twin.http.request("OPTIONS", "*");
  EXPECT_EQ(server.status, 204);
  EXPECT_EQ(words(server.field("Allow")), every);
}

TEST(H13, OtherMethodsAre405WithAllow) {
  const Twin twin;
  for (const RouteMethods& route : routes(twin)) {
    std::set<std::string> expected = route.methods;
    expected.insert("OPTIONS");
    for (const char* method : {"GET", "POST", "PATCH", "DELETE", "PUT", "TRACE", "FOO"}) {
      if (route.methods.contains(method)) continue;
      const HttpResponse response = twin.http.request(method, route.path);
      EXPECT_EQ(response.status, 405) << method << " " << route.path;
      EXPECT_EQ(words(response.field("Allow")), expected) << method << " " << route.path;
      EXPECT_TRUE(response.json().at("detail").is_string());
    }
  }
}

TEST(H13, ARefusedBodyIsNotTakenForARequest) {
  const Twin twin;
  const std::string fields = " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(kNext.size()) + "\r\n";
  expect_refused(twin, {{"404", "POST /nothing" + fields + "\r\n" + kNext, {404}},
                        {"405", "PUT /health" + fields + "\r\n" + kNext, {405}},
                        {"415", "POST /factory/start" + fields + "Content-Type: text/plain\r\n\r\n" + kNext, {415}}});
}

TEST(H14, AnAnswerCarriesNothingOfTheOneBefore) {
  const Twin twin;
  for (const char* refused :
       {"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /health HTTP/1.1\nHost: localhost\n\n", "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"}) {
    Connection connection(twin.server.port());
    connection.send(kGet + "Origin: http://localhost\r\n\r\n");
    ASSERT_EQ(read_response(connection).field("Access-Control-Allow-Origin"), "http://localhost");
    connection.send(refused);
    const HttpResponse response = read_response(connection);
    EXPECT_GE(response.status, 400);
    EXPECT_FALSE(response.header("Access-Control-Allow-Origin")) << refused;
    EXPECT_FALSE(response.header("Vary")) << refused;
  }
}

TEST(H14, PipelinedRequestsAreAnsweredInOrder) {
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

TEST(H14, AClientThatPipelinesWithoutReadingIsNotReadFrom) {
  const Twin twin;
  Connection greedy(twin.server.port(), {.receive_buffer = 4096});
  std::string requests;
  while (requests.size() < 64 * 1024) requests += request_text("GET", "/factory/status", {}, {});
  constexpr std::size_t kMost = 32 * 1024 * 1024;
  std::size_t sent = 0;
  std::size_t at = 0;
  for (int refusals = 0; sent < kMost && refusals < 100;) {
    const ssize_t size =
        ::send(greedy.descriptor(), requests.data() + at, requests.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      at = (at + static_cast<std::size_t>(size)) % requests.size();
      refusals = 0;
    } else {
      // Full. So many answers show that the server had its turn and still does not read.
      ++refusals;
      ASSERT_EQ(twin.http.get("/health/live").status, 200);
    }
  }
  EXPECT_LT(sent, kMost);
}

TEST(H16, NoOtherProtocolIsSpoken) {
  const Twin twin;
  Connection upgrade(twin.server.port());
  upgrade.send(kGet + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" +
               kNext);
  EXPECT_EQ(read_response(upgrade).status, 200);
  EXPECT_EQ(read_response(upgrade).status, 200);
  expect_refused(twin, {{"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405}}});
  EXPECT_EQ(twin.http.request("TRACE", "/health").status, 405);
  // What would not understand our answer gets none.
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x00\xC8\x01\x00\x00\xC4\x03\x03", 11), std::string("\x16"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(9, '\0'), std::string("PRI * HTTP/2.0\r\n")}) {
    Connection connection(twin.server.port());
    connection.send(bytes);
    while (connection.receive()) {
    }
    EXPECT_EQ(connection.buffer(), "");
  }
}

TEST(H17, InputIsNeverReflectedAsHtmlNorIntoFields) {
  Twin twin;
  const std::string script = "%3Cscript%3Ealert(1)%3C/script%3E";
  for (const std::string& target :
       {"/" + script, "/batches/" + script, "/batches?status=" + script, "/machine/" + script + "/mixing/status",
        "/factory/logs?limit=" + script, std::string("/batches?order=%0d%0aX-Evil:%201")}) {
    const HttpResponse response = twin.http.get(target, {{"Accept", "text/html"}});
    EXPECT_GE(response.status, 400) << target;
    EXPECT_EQ(response.field("Content-Type"), "application/json") << target;
    EXPECT_EQ(response.field("X-Content-Type-Options"), "nosniff") << target;
  }
  const HttpResponse moved = twin.http.get("/batches/a%0d%0aX-Evil:%201/?x=%0d%0aX-Evil:%202");
  EXPECT_EQ(moved.status, 307);
  EXPECT_FALSE(moved.header("X-Evil"));
  EXPECT_EQ(moved.field("Location"), "/batches/a%0D%0AX-Evil%3A%201?x=%0d%0aX-Evil:%202");
  // Neither into the log: one request is one line.
  (void)twin.http.get("/a%0d%0aINFO:%20forged%1b[31m");
  (void)twin.http.get("/batches/b%0aforged");
  (void)twin.http.get("/health", {{"X-Request-ID", "forged\x1b[31m"}});
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string said = twin.server.out() + twin.server.err();
  EXPECT_EQ(said.find("\nINFO: forged"), std::string::npos);
  EXPECT_EQ(said.find("\nforged"), std::string::npos);
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace battery_twin::system
