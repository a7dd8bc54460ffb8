// What a proxy says of its client: believed of those that are trusted, of nobody else.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

// The peer that the access log names for a request with these fields.
std::string peer_of(const std::vector<std::string>& options, const Headers& headers) {
  Twin twin(options);
  EXPECT_EQ(twin.http.get("/health/live", headers).status, 200);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string log = twin.server.out();
  constexpr std::string_view kBefore = "INFO:     ";
  const auto end = log.find(" - \"GET /health/live HTTP/1.1\" 200 OK\n");
  return end == std::string::npos ? log : log.substr(kBefore.size(), end - kBefore.size());
}

bool is_itself(const std::string& peer) { return peer.starts_with("127.0.0.1:") && peer != "127.0.0.1:0"; }

// One for each line of an access log.
std::vector<std::string> peers_in(const std::string& log) {
  std::vector<std::string> peers;
  for (std::size_t at = 0; at < log.size(); at = log.find('\n', at) + 1)
    peers.push_back(log.substr(at + 10, log.find(' ', at + 10) - at - 10));
  return peers;
}

TEST(ProxyHeaders, NameTheClientInTheAccessLog) {
  EXPECT_EQ(peer_of({}, {{"X-Forwarded-For", "192.0.2.1"}}), "192.0.2.1:0");
  EXPECT_EQ(peer_of({}, {{"x-forwarded-for", "6.6.6.6, 2001:db8::1"}}), "[2001:db8::1]:0");
  EXPECT_EQ(peer_of({}, {{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "192.0.2.1"}}), "192.0.2.1:0");
  EXPECT_EQ(peer_of({"--forwarded-allow-ips", "127.0.0.0/8,192.0.2.1"},
                    {{"X-Forwarded-For", "198.51.100.1, 192.0.2.1, 127.5.5.5"}}),
            "198.51.100.1:0");
  EXPECT_EQ(peer_of({"--forwarded-allow-ips", "*"}, {{"X-Forwarded-For", "6.6.6.6, 192.0.2.1"}}), "6.6.6.6:0");
}

TEST(ProxyHeaders, CountFromNobodyElse) {
  EXPECT_TRUE(is_itself(peer_of({"--no-proxy-headers"}, {{"X-Forwarded-For", "192.0.2.1"}})));
  EXPECT_TRUE(is_itself(peer_of({"--forwarded-allow-ips", "10.0.0.0/8"}, {{"X-Forwarded-For", "192.0.2.1"}})));
  EXPECT_TRUE(is_itself(peer_of({"--forwarded-allow-ips", ""}, {{"X-Forwarded-For", "192.0.2.1"}})));
  EXPECT_TRUE(is_itself(peer_of({}, {{"X-Forwarded-For", "evil\" 200 OK"}})));
  EXPECT_TRUE(is_itself(peer_of({}, {{"X-Forwarded-For", "unknown"}})));
}

TEST(ProxyHeaders, AreThoseOfOneRequestOnly) {
  Twin twin;
  Connection connection(twin.server.port());
  for (const Headers& headers : {Headers{{"X-Forwarded-For", "192.0.2.1"}}, Headers{}, Headers{}}) {
    connection.send(request_text("GET", "/health/live", {}, headers));
    EXPECT_EQ(read_response(connection).status, 200);
  }
  connection.send(request_text("GET", "/health/live", {}, {{"X-Forwarded-For", "192.0.2.9"}}));
  EXPECT_EQ(read_response(connection).status, 200);
  connection.send("nonsense\r\n\r\n");
  EXPECT_EQ(read_response(connection).status, 400);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string log = twin.server.out();
  const std::vector<std::string> peers = peers_in(log);
  ASSERT_EQ(peers.size(), 5u) << log;
  EXPECT_EQ(peers[0], "192.0.2.1:0");
  EXPECT_TRUE(is_itself(peers[1])) << log;
  EXPECT_TRUE(is_itself(peers[2])) << log;
  EXPECT_EQ(peers[3], "192.0.2.9:0");
  EXPECT_TRUE(is_itself(peers[4])) << log;
}

TEST(ProxyHeaders, WhoIsTrustedMayChangeWhileConnectionsAreOpen) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("twin.toml");
  const auto trust = [&](const std::string& whom) {
    std::ofstream(folder.file("new")) << "forwarded-allow-ips = \"" << whom << "\"\n";
    std::filesystem::rename(folder.file("new"), file);
  };
  trust("127.0.0.1");
  Twin twin({"--db", "none", "--config", file, "--timeout-keep-alive", "60"});
  Connection connection(twin.server.port());
  const auto ask = [&] {
    connection.send(request_text("GET", "/health/live", {}, {{"X-Forwarded-For", "192.0.2.1"}}));
    EXPECT_EQ(read_response(connection).status, 200);
  };
  const auto reread = [&](std::size_t times) {
    twin.server.signal(SIGHUP);
    EXPECT_TRUE(Twin::eventually([&] {
      std::size_t seen = 0;
      const std::string log = twin.server.err();
      for (auto at = log.find("read again"); at != std::string::npos; at = log.find("read again", at + 1)) ++seen;
      return seen == times;
    }));
  };
  ask();
  trust("10.0.0.1");
  reread(1);
  ask();
  trust("10.0.0.1,127.0.0.0/8");
  reread(2);
  ask();
  connection.reset();
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::vector<std::string> peers = peers_in(twin.server.out());
  ASSERT_EQ(peers.size(), 3u) << twin.server.out();
  EXPECT_EQ(peers[0], "192.0.2.1:0");
  EXPECT_TRUE(is_itself(peers[1])) << peers[1];
  EXPECT_EQ(peers[2], "192.0.2.1:0");
}

// Status of a change by a page of that origin.
int change_from(const Twin& twin, const std::string& origin, Headers headers) {
  headers.emplace_back("Host", "twin.example");
  headers.emplace_back("Origin", origin);
  headers.emplace_back("Content-Type", "application/json");
  return twin.http.request("PATCH", "/factory/pacing", "{}", std::move(headers)).status;
}

TEST(ProxyHeaders, TheSchemeMakesTheOwnOrigin) {
  const std::string secure = "https://twin.example";
  const std::string plain = "http://twin.example";
  const Twin twin({"--allowed-host", "twin.example"});
  EXPECT_NE(change_from(twin, secure, {{"X-Forwarded-Proto", "https"}}), 403);
  EXPECT_EQ(change_from(twin, plain, {{"X-Forwarded-Proto", "https"}}), 403);
  EXPECT_EQ(change_from(twin, secure, {}), 403);
  EXPECT_NE(change_from(twin, plain, {}), 403);
  EXPECT_EQ(change_from(twin, secure, {{"X-Forwarded-Proto", "https, http"}}), 403);
  EXPECT_EQ(change_from(twin, secure, {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Proto", "https"}}), 403);
  const Twin untrusting({"--allowed-host", "twin.example", "--no-proxy-headers"});
  EXPECT_EQ(change_from(untrusting, secure, {{"X-Forwarded-Proto", "https"}}), 403);
  EXPECT_NE(change_from(untrusting, plain, {{"X-Forwarded-Proto", "https"}}), 403);
}

}  // namespace
}  // namespace battery_twin::system
