// The server by TLS where there are too many clients, or some that mean ill.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <regex>

#include "certificates.hpp"
#include "tls_client.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

namespace fs = std::filesystem;

constexpr int kDescriptorsOfClient = 3;  // of a client by TLS: it, and both ends of the pair behind it

std::string get_text(const std::string& target, const Headers& headers = {}) {
  return request_text("GET", target, {}, headers);
}

// Numbers of the descriptors that are open there.
std::set<int> descriptors_of(const Process& process) {
  std::set<int> numbers;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process.pid()) + "/fd"))
    numbers.insert(std::stoi(entry.path().filename().string()));
  return numbers;
}

std::string status_of(TlsConnection& connection, const std::string& target = "/health/live") {
  connection.send(get_text(target));
  const std::string answer = connection.receive();
  return answer.substr(std::min<std::size_t>(answer.size(), 9), 3);
}

// What a client that comes now is answered; empty where it is closed before.
std::string status_now(std::uint16_t port) {
  try {
    TlsConnection connection(port);
    return status_of(connection);
  } catch (const std::runtime_error&) {
    return {};
  }
}

TEST(TlsLimits, WhoIsTurnedAwayLeavesDescriptorsForOthers) {
  constexpr int kServed = 8;  // a third of what is left of 64 when 40 are kept
  constexpr int kMore = 20;
  const ServerProcess server(certificates().options() + Words{"--db", "none", "--timeout-keep-alive", "60"},
                             {"bash", "-c", "ulimit -n 64; exec \"$0\" \"$@\""});
  const std::size_t before = descriptors_of(server).size();
  std::vector<std::unique_ptr<TlsConnection>> served;
  for (int i = 0; i < kServed; ++i) {
    served.push_back(std::make_unique<TlsConnection>(server.port()));
    ASSERT_EQ(status_of(*served.back()), "200") << i;
  }
  std::vector<std::unique_ptr<TlsConnection>> told;  // they stay
  int closed = 0;
  for (int i = 0; i < kMore; ++i) {
    try {
      auto one = std::make_unique<TlsConnection>(server.port());
      EXPECT_EQ(status_of(*one), "503");
      told.push_back(std::move(one));
    } catch (const std::runtime_error&) {
      ++closed;
    }
    EXPECT_LE(descriptors_of(server).size(), before + kServed * kDescriptorsOfClient + 16);
  }
  EXPECT_GT(told.size(), 0u);
  EXPECT_GT(closed, 0);
  for (const auto& one : served) EXPECT_EQ(status_of(*one), "200");
  EXPECT_EQ(server.err().find("cannot accept"), std::string::npos) << server.err();
  EXPECT_EQ(server.err().find(" ended"), std::string::npos) << server.err();
}

TEST(TlsLimits, WhatEndsManyConnectionsIsToldOnceASecond) {
  // UBSan makes a pipe to look at an object's type, and takes one that it cannot look at for a wrong one.
  if (is_sanitized()) GTEST_SKIP() << "a server with sanitizers needs descriptors";
  constexpr int kClients = 10;
  const ServerProcess server(certificates().options() + Words{"--db", "none"});
  const std::set<int> open = descriptors_of(server);
  ASSERT_EQ(status_now(server.port()), "200");
  ASSERT_TRUE(Twin::eventually([&] { return descriptors_of(server) == open; }));
  rlimit usual{};
  // Two numbers are left: a client can come, and there is no pair of sockets for it.
  rlim_t limit = 0;
  for (int free = 0; free < 2; ++limit) free += open.contains(static_cast<int>(limit)) ? 0 : 1;
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_NOFILE, nullptr, &usual), 0);
  const rlimit tight{.rlim_cur = limit, .rlim_max = usual.rlim_max};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_NOFILE, &tight, nullptr), 0);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kClients; ++i) EXPECT_EQ(status_now(server.port()), "") << i;
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_NOFILE, &usual, nullptr), 0);
  const auto lines = [&] {
    const std::string log = server.err();
    static const std::regex kLine("ERROR:    (a|\\d+) TLS connections? ended[:,].*Too many open files.*\n");
    return std::distance(std::sregex_iterator(log.begin(), log.end(), kLine), {});
  };
  EXPECT_TRUE(Twin::eventually([&] { return lines() > 0; })) << server.err();
  const auto told = lines();
  const auto took = std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LE(told, took + 2) << server.err();
  EXPECT_EQ(status_now(server.port()), "200");
}

TEST(TlsLimits, EmptyRecordsDoNotKeepOthersFromTheirTurn) {
  constexpr int kRecords = 1500;  // less than the system's buffer holds
  ServerProcess server(certificates().options() + Words{"--db", "none", "--timeout-keep-alive", "60"});
  TlsConnection flood(server.port());
  TlsConnection other(server.port());
  ASSERT_EQ(status_of(flood), "200");
  ASSERT_EQ(status_of(other), "200");
  // While the server stands still, the flood arrives, with a request behind it, and then what the other one wants.
  server.signal(SIGSTOP);
  siginfo_t stopped{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(server.pid()), &stopped, WSTOPPED | WNOWAIT), 0);
  flood.send_key_updates(kRecords);
  flood.send(get_text("/health/live?flood"));
  other.send(get_text("/health/live?other"));
  server.signal(SIGCONT);
  EXPECT_TRUE(other.receive().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(flood.receive().starts_with("HTTP/1.1 200"));
  flood.reset();
  other.reset();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  const auto first = server.out().find("?other");
  const auto second = server.out().find("?flood");
  ASSERT_NE(second, std::string::npos) << server.out();
  EXPECT_LT(first, second) << server.out();
}

TEST(TlsLimits, ASessionThatOutlivesItsClientCounts) {
  const ServerProcess server(certificates().options() +
                             Words{"--db", "none", "--timeout-keep-alive", "60", "--limit-concurrency", "2"});
  TlsConnection watching(server.port());
  ASSERT_EQ(status_of(watching), "200");
  TlsConnection resetting(server.port());
  const Headers json{{"Content-Type", "application/json"}};
  resetting.send(request_text("POST", "/factory/start", "{}", json));
  ASSERT_TRUE(resetting.receive().starts_with("HTTP/1.1 200"));
  resetting.send(request_text("POST", "/reset", {}, {}));  // waits for the end of the batch, some seconds
  const std::size_t before = descriptors_of(server).size();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of(watching), "200");  // by now it has come
  resetting.reset();
  EXPECT_TRUE(Twin::eventually([&] { return descriptors_of(server).size() == before - (kDescriptorsOfClient - 1); }));
  EXPECT_EQ(status_now(server.port()), "503");
}

TEST(TlsLimits, AClientThatOutlivesItsSessionCounts) {
  // A socket that holds little, so that the answers stay in the server.
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  constexpr int kLittle = 4096;
  ::setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &kLittle, sizeof(kLittle));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const ServerProcess server(certificates().options() + Words{"--db", "none", "--fd", "7", "--limit-concurrency", "1"},
                             {"bash", "-c", "exec \"$0\" \"$@\" 7<&" + std::to_string(listening)});
  ::close(listening);
  const std::size_t before = descriptors_of(server).size();
  auto slow = std::make_unique<TlsConnection>(server.port(), TlsConnection::Options{.receive_buffer = kLittle});
  constexpr int kAnswers = 8;
  for (int i = 1; i < kAnswers; ++i) slow->send(get_text("/plant/state"));
  slow->send(get_text("/plant/state", {{"Connection", "close"}}));
  slow->send(std::string(1100 * 1024, 'x'));  // more than the session listens to at its end
  EXPECT_TRUE(Twin::eventually([&] { return descriptors_of(server).size() == before + kDescriptorsOfClient - 1; }));
  EXPECT_EQ(status_now(server.port()), "503");
  const std::string all = slow->receive_all();
  EXPECT_TRUE(slow->ended_properly());
  std::size_t answers = 0;
  for (auto at = all.find("HTTP/1.1 200"); at != std::string::npos; at = all.find("HTTP/1.1 200", at + 1)) ++answers;
  EXPECT_EQ(answers, static_cast<std::size_t>(kAnswers));
  slow.reset();
  EXPECT_TRUE(Twin::eventually([&] { return status_now(server.port()) == "200"; }));
}

}  // namespace
}  // namespace battery_twin::system
