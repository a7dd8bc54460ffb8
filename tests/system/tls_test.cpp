// The server by TLS: what a client gets, what is closed, and what certificates there may be.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "certificates.hpp"
#include "tls_client.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

const std::string kHealth = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kHealthAndClose = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

std::string status_line(TlsConnection& connection, const std::string& request = kHealthAndClose) {
  connection.send(request);
  return connection.receive().substr(0, 12);
}

// What comes until there is enough of it, or the connection's end.
std::string receive_until(TlsConnection& connection, const std::string& end) {
  std::string all;
  for (std::string part = connection.receive(); !part.empty(); part = connection.receive()) {
    all += part;
    if (all.find(end) != std::string::npos) break;
  }
  return all;
}

// Whether a client with these options gets an answer.
bool is_served(std::uint16_t port, const TlsConnection::Options& options) {
  try {
    TlsConnection connection(port, options);
    return status_line(connection) == "HTTP/1.1 200";
  } catch (const std::runtime_error&) {
    return false;
  }
}

TEST(Tls, RequestsAreAnswered) {
  ServerProcess server(certificates().options());
  EXPECT_NE(server.err().find("battery-twin running on https://127.0.0.1:" + std::to_string(server.port()) + " (Press"),
            std::string::npos);
  TlsConnection connection(server.port(), {.authority = certificates().certificate("server")});
  EXPECT_EQ(connection.protocol(), "TLSv1.3");
  for (int i = 0; i < 3; ++i) {
    connection.send(kHealth);
    EXPECT_TRUE(receive_until(connection, "alive\"}").starts_with("HTTP/1.1 200 OK\r\n"));
  }
  connection.send(kHealthAndClose);
  EXPECT_TRUE(connection.receive_all().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(connection.ended_properly());
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(std::ranges::count(server.out(), '\n'), 4);
  EXPECT_TRUE(server.out().starts_with("INFO:     127.0.0.1:")) << server.out();
}

TEST(Tls, RequestsInOneRecordAndInManyAreTheSame) {
  const ServerProcess server(certificates().options());
  TlsConnection together(server.port());
  together.send(kHealth + kHealth + kHealthAndClose);
  const std::string all = together.receive_all();
  std::size_t answers = 0;
  for (auto at = all.find("HTTP/1.1 200"); at != std::string::npos; at = all.find("HTTP/1.1 200", at + 1)) ++answers;
  EXPECT_EQ(answers, 3u);
  TlsConnection apart(server.port());
  for (const char c : kHealthAndClose) apart.send(std::string_view(&c, 1));
  EXPECT_TRUE(apart.receive_all().starts_with("HTTP/1.1 200"));
}

TEST(Tls, LongAnswersArriveWholeAlsoWhereTheClientIsSlow) {
  const ServerProcess server(certificates().options());
  TlsConnection slow(server.port(), {.receive_buffer = 4096});
  const std::string request = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  constexpr int kTimes = 20;  // more than all the buffers on the way hold
  for (int i = 0; i < kTimes; ++i) slow.send(request);
  slow.send(kHealthAndClose);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::string all = slow.receive_all();
  EXPECT_TRUE(slow.ended_properly());
  for (int i = 0; i < kTimes; ++i) {
    const auto header = all.find("\r\n\r\n");
    ASSERT_NE(header, std::string::npos) << i;
    const auto length = all.find("Content-Length: ");
    ASSERT_LT(length, header) << i;
    const auto size = std::stoul(all.substr(length + 16));
    ASSERT_GE(all.size(), header + 4 + size) << i;
    EXPECT_TRUE(Json::accept(all.substr(header + 4, size))) << i;
    all.erase(0, header + 4 + size);
  }
  EXPECT_TRUE(all.ends_with("alive\"}")) << all.size();
}

TEST(Tls, LongBodiesArriveWhole) {
  const ServerProcess server(certificates().options());
  TlsConnection connection(server.port());
  const std::string body = "{\"id\":\"" + std::string(900'000, 'a') + "\"}";
  connection.send(
      request_text("POST", "/factory/start", body, {{"Content-Type", "application/json"}, {"Connection", "close"}}));
  const std::string answer = connection.receive_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer.substr(0, 300);
  EXPECT_NE(answer.find("\"loc\":[\"body\",\"id\"]"), std::string::npos) << answer.substr(0, 600);
}

TEST(Tls, AClientThatSendsNoMoreIsStillAnswered) {
  const ServerProcess server(certificates().options());
  TlsConnection connection(server.port());
  connection.send(kHealth);
  connection.shutdown_send();
  EXPECT_TRUE(connection.receive_all().ends_with("alive\"}"));
  EXPECT_TRUE(connection.ended_properly());
}

TEST(Tls, PlainTextIsClosedWithoutAWord) {
  ServerProcess server(certificates().options());
  for (const std::string& bytes :
       {kHealth, std::string("\x16\x03\x01\x00\x04nonsense", 13), std::string(20'000, 'a')}) {
    Connection plain(server.port());
    plain.send(bytes);
    while (plain.receive()) {
    }
    EXPECT_EQ(plain.buffer().find("HTTP"), std::string::npos) << plain.buffer();
  }
  EXPECT_TRUE(is_served(server.port(), {}));
  EXPECT_EQ(server.err().find("ERROR"), std::string::npos) << server.err();
}

TEST(Tls, WhoDoesNotShakeHandsIsClosedAfterTenSeconds) {
  const ServerProcess server(certificates().options());
  const auto start = std::chrono::steady_clock::now();
  Connection silent(server.port());
  EXPECT_FALSE(silent.receive());
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, seconds(9));
  EXPECT_LE(took, seconds(13));
}

TEST(Tls, EachClientCountsOnce) {
  const ServerProcess server(certificates().options() +
                             Words{"--limit-concurrency", "2", "--timeout-keep-alive", "60"});
  TlsConnection first(server.port());
  first.send(kHealth);
  EXPECT_TRUE(first.receive().starts_with("HTTP/1.1 200"));
  {
    TlsConnection second(server.port());
    second.send(kHealth);
    EXPECT_TRUE(second.receive().starts_with("HTTP/1.1 200"));
    TlsConnection third(server.port());
    EXPECT_EQ(status_line(third), "HTTP/1.1 503");
  }
  EXPECT_TRUE(Twin::eventually([&] { return is_served(server.port(), {}); }));
  first.send(kHealth);
  EXPECT_TRUE(first.receive().starts_with("HTTP/1.1 200"));
}

TEST(Tls, NoDescriptorIsLost) {
  const ServerProcess server(certificates().options());
  const auto open = [&] {
    return std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(server.pid()) + "/fd"), {});
  };
  EXPECT_TRUE(is_served(server.port(), {}));
  const auto before = open();
  for (int i = 0; i < 30; ++i) {
    Connection(server.port()).send("x");
    Connection(server.port()).reset();
    TlsConnection(server.port()).send(kHealth);
    TlsConnection(server.port()).shutdown_send();
    EXPECT_TRUE(is_served(server.port(), {}));
  }
  EXPECT_TRUE(Twin::eventually([&] { return open() <= before; })) << open() << " were " << before;
}

TEST(Tls, WhoGoesAwayWhileShakingHandsIsForgottenAtOnce) {
  const ServerProcess server(certificates().options());
  Connection connection(server.port());
  connection.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));  // the beginning of a ClientHello
  EXPECT_TRUE(is_served(server.port(), {}));                         // it has been looked at
  const auto start = std::chrono::steady_clock::now();
  connection.shutdown_send();
  EXPECT_FALSE(connection.receive());
  EXPECT_LE(std::chrono::steady_clock::now() - start, seconds(8)) << "that was the deadline of the handshake";
}

TEST(Tls, WebSocketsGetEventsAndTheRestart) {
  ServerProcess server(certificates().options());
  TlsConnection connection(server.port());
  connection.send(upgrade_text("/ws/status"));
  const std::string answer = receive_until(connection, "\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101")) << answer;
  EXPECT_NE(answer.find(kWebSocketAccept), std::string::npos);
  connection.send(frame_bytes(Opcode::text, "hello"));
  EXPECT_NE(receive_until(connection, "Echo: hello").find("Echo: hello"), std::string::npos);
  TlsConnection other(server.port());
  other.send(request_text("POST", "/factory/start", R"({"id":"by-tls"})", {{"Content-Type", "application/json"}}));
  EXPECT_NE(receive_until(connection, "by-tls").find("by-tls"), std::string::npos);
  server.signal(SIGTERM);
  const std::string end = connection.receive_all();
  const std::string close("\x88\x02\x03\xf4", 4);  // 1012
  EXPECT_NE(end.find(close), std::string::npos);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Tls, AnEndUnderWayCutsWhoShakesHands) {
  ServerProcess server(certificates().options());
  const Connection silent(server.port());
  TlsConnection idle(server.port());
  idle.send(kHealth);
  EXPECT_TRUE(idle.receive().starts_with("HTTP/1.1 200"));
  const auto start = std::chrono::steady_clock::now();
  server.signal(SIGTERM);
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_EQ(server.wait(), 0);
  EXPECT_LE(std::chrono::steady_clock::now() - start, seconds(6));
}

TEST(Tls, ATargetMayHaveAScheme) {
  const ServerProcess server(certificates().options());
  const auto get = [&](const std::string& target) {
    TlsConnection connection(server.port());
    return status_line(connection, "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  };
  EXPECT_EQ(get("https://localhost/health/live"), "HTTP/1.1 200");
  EXPECT_EQ(get("https://evil.example/health/live"), "HTTP/1.1 421");
  EXPECT_EQ(get("http://localhost/health/live"), "HTTP/1.1 200");
  EXPECT_EQ(get("ftp://localhost/health/live"), "HTTP/1.1 400");
}

TEST(Tls, TheOwnOriginIsOneOfHttps) {
  const ServerProcess server(certificates().options() + Words{"--allowed-host", "twin.example"});
  const auto change_from = [&](const std::string& origin) {
    TlsConnection connection(server.port());
    return status_line(connection, request_text("PATCH", "/factory/pacing", "{}",
                                                {{"Host", "twin.example"},
                                                 {"Origin", origin},
                                                 {"Content-Type", "application/json"},
                                                 {"Connection", "close"}}));
  };
  EXPECT_NE(change_from("https://twin.example"), "HTTP/1.1 403");
  EXPECT_EQ(change_from("http://twin.example"), "HTTP/1.1 403");
  EXPECT_EQ(change_from("https://evil.example"), "HTTP/1.1 403");
}

TEST(Tls, ClientsMayBeAskedForCertificates) {
  const Certificates& all = certificates();
  const Words ask = all.options() + Words{"--ssl-ca-certs", all.certificate("client"), "--ssl-cert-reqs"};
  const TlsConnection::Options known{.certificate = all.certificate("client"), .key = all.key("client")};
  const TlsConnection::Options unknown{.certificate = all.certificate("stranger"), .key = all.key("stranger")};
  {
    const ServerProcess server(ask + Words{"2"});
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(is_served(server.port(), known));
    EXPECT_FALSE(is_served(server.port(), unknown));
    EXPECT_FALSE(is_served(server.port(), {}));
  }
  {
    const ServerProcess server(ask + Words{"1"});
    EXPECT_TRUE(is_served(server.port(), known));
    EXPECT_FALSE(is_served(server.port(), unknown));
    EXPECT_TRUE(is_served(server.port(), {}));
  }
  const ServerProcess server(ask + Words{"0"});
  EXPECT_TRUE(is_served(server.port(), unknown));
  EXPECT_TRUE(is_served(server.port(), {}));
}

TEST(Tls, SpeaksNothingOlderThan12) {
  const ServerProcess server(certificates().options());
  EXPECT_TRUE(is_served(server.port(), {.highest_version = TLS1_2_VERSION}));
  EXPECT_FALSE(is_served(server.port(), {.highest_version = TLS1_1_VERSION}));
}

TEST(Tls, TheCiphersAreThoseThatAreGiven) {
  const ServerProcess server(certificates().options() + Words{"--ssl-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"});
  TlsConnection connection(server.port(), {.highest_version = TLS1_2_VERSION});
  EXPECT_EQ(connection.cipher(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_FALSE(
      is_served(server.port(), {.highest_version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}));
}

TEST(Tls, AKeyMayHaveAPassword) {
  const ServerProcess given(certificates().options("locked") + Words{"--ssl-keyfile-password", "secret"});
  EXPECT_TRUE(is_served(given.port(), {}));
  const ServerProcess hidden(certificates().options("locked"), {"env", "UVICORN_SSL_KEYFILE_PASSWORD=secret"});
  EXPECT_TRUE(is_served(hidden.port(), {}));
}

TEST(Tls, WhatCannotBeUsedIsOneSentenceAndExit3) {
  const Certificates& all = certificates();
  struct Case {
    Words options;
    std::string part;
  };
  const std::vector<Case> cases{
      {{"--ssl-certfile", "/no/such.pem"}, "--ssl-certfile: cannot read /no/such.pem"},
      {{"--ssl-certfile", all.certificate("server"), "--ssl-keyfile", "/no/such.key"}, "--ssl-keyfile: cannot read"},
      {{"--ssl-keyfile", all.key("server")}, "--ssl-certfile is needed"},
      {{"--ssl-cert-reqs", "2"}, "--ssl-certfile is needed"},
      {{"--ssl-certfile", all.certificate("server")}, ": there is no key in it, give --ssl-keyfile"},
      {{"--ssl-certfile", all.key("server")}, ": it is no PEM certificate"},
      {{"--ssl-certfile", all.certificate("server"), "--ssl-keyfile", all.certificate("server")}, ": it is no PEM key"},
      {{"--ssl-certfile", all.certificate("server"), "--ssl-keyfile", all.key("second")}, "--ssl-keyfile: "},
      {all.options("locked"), "the key has a password, and --ssl-keyfile-password is not given"},
      {all.options("locked") + Words{"--ssl-keyfile-password", "wrong"}, "is --ssl-keyfile-password right?"},
      {all.options() + Words{"--ssl-ciphers", "NONSENSE"}, "--ssl-ciphers: "},
      {all.options() + Words{"--ssl-ca-certs", "/no/such.ca"}, "--ssl-ca-certs: cannot read /no/such.ca"},
      {all.options() + Words{"--ssl-ca-certs", all.key("server")}, "--ssl-ca-certs: "},
      {all.options() + Words{"--ssl-cert-reqs", "2"}, "without --ssl-ca-certs no client can be verified"}};
  for (const auto& [options, part] : cases) {
    Process process(Words{binary(), "--port", "0"} + options);
    EXPECT_EQ(process.wait(), 3) << part;
    const std::string said = process.err();
    const auto error = said.find("ERROR:    ");
    ASSERT_NE(error, std::string::npos) << said;
    EXPECT_NE(said.find(part, error), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin() + static_cast<std::ptrdiff_t>(error), said.end(), '\n'), 1) << said;
    EXPECT_EQ(said.find("secret"), std::string::npos);
    EXPECT_EQ(said.find("wrong"), std::string::npos);
  }
}

TEST(Tls, CertificatesAreReadAgain) {
  const Certificates& all = certificates();
  namespace fs = std::filesystem;
  const std::string certificate = all.file("changing.pem");
  const std::string key = all.file("changing.key");
  const auto use = [&](const std::string& name) {
    fs::copy_file(all.certificate(name), certificate, fs::copy_options::overwrite_existing);
    fs::copy_file(all.key(name), key, fs::copy_options::overwrite_existing);
  };
  use("server");
  ServerProcess server({"--ssl-certfile", certificate, "--ssl-keyfile", key});
  TlsConnection open(server.port());
  EXPECT_EQ(open.serial(), "01");
  use("second");
  server.signal(SIGHUP);
  ASSERT_TRUE(
      server.wait_for_error_text("The configuration was read again: no option that can change now has; certificate "
                                 "and key were read again, with other contents: ssl-certfile, ssl-keyfile\n"))
      << server.err();
  server.signal(SIGHUP);
  ASSERT_TRUE(server.wait_for_error_text("; certificate and key were read again and are the same\n")) << server.err();
  EXPECT_EQ(TlsConnection(server.port()).serial(), "04");
  open.send(kHealth);
  EXPECT_TRUE(open.receive().starts_with("HTTP/1.1 200"));
  // Half of a pair is no reason to stop serving with the old one.
  fs::copy_file(all.key("server"), key, fs::copy_options::overwrite_existing);
  server.signal(SIGHUP);
  ASSERT_TRUE(server.wait_for_error_text("the configuration stays as it was: --ssl-keyfile: ")) << server.err();
  EXPECT_EQ(TlsConnection(server.port()).serial(), "04");
}

}  // namespace
}  // namespace battery_twin::system
