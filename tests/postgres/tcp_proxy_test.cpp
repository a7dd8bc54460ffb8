// The network that other tests let fail.

#include "tcp_proxy.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <string>
#include <thread>

#include "free_port.hpp"
#include "postgres_cluster.hpp"

namespace battery_twin::postgres {
namespace {

using Direction = TcpProxy::Direction;
using Mode = TcpProxy::Mode;

constexpr int kPatience = 30'000;  // milliseconds
constexpr int kAWhile = 100;       // for nothing to happen

/// One end of a connection that is read and written without any wit.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(const std::string& text) const { ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL); }
  void end() const { ::shutdown(descriptor_, SHUT_WR); }

  [[nodiscard]] bool has_news(int patience) const {
    pollfd polled{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, patience) == 1;
  }

  /// So many bytes, or fewer where the connection ends before.
  [[nodiscard]] std::string receive(std::size_t most) const {
    std::string text;
    while (text.size() < most && has_news(kPatience)) {
      std::string piece(most - text.size(), '\0');
      const ssize_t size = ::recv(descriptor_, piece.data(), piece.size(), 0);
      if (size <= 0) break;
      text.append(piece, 0, static_cast<std::size_t>(size));
    }
    return text;
  }
  [[nodiscard]] bool is_cut() const { return has_news(kPatience) && receive(1).empty(); }

 private:
  int descriptor_;
};

/// @return -1 where it is refused
int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local_address(port);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

class TcpProxyTest : public ::testing::Test {
 protected:
  TcpProxyTest() { ::listen(listener_, 10); }
  ~TcpProxyTest() override { ::close(listener_); }

  [[nodiscard]] int accept() const {
    pollfd polled{.fd = listener_, .events = POLLIN, .revents = 0};
    ::poll(&polled, 1, kPatience);
    return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  }

  std::uint16_t target_ = free_port();
  int listener_ = bind_to(target_);
  TcpProxy proxy_{target_};
};

TEST_F(TcpProxyTest, PassesBothWays) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  client.send("question");
  EXPECT_EQ(server.receive(8), "question");
  server.send("answer");
  EXPECT_EQ(client.receive(6), "answer");
  EXPECT_EQ(proxy_.passed(Direction::to_server), 8u);
  EXPECT_EQ(proxy_.passed(Direction::to_client), 6u);
  client.end();
  EXPECT_EQ(server.receive(1), "");
  server.send("more");
  EXPECT_EQ(client.receive(4), "more");
  server.end();
  EXPECT_TRUE(client.is_cut());
}

TEST_F(TcpProxyTest, PassesMoreThanFitsIntoAnyBuffer) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  std::string much;
  while (much.size() < 20'000'000) much += std::to_string(much.size());
  std::thread sender([&] { client.send(much); });
  EXPECT_TRUE(server.receive(much.size()) == much);
  sender.join();
}

TEST_F(TcpProxyTest, BlackHoleHoldsBack) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  proxy_.set_mode(Mode::black_hole);
  client.send("question");
  server.send("news");
  const Socket late(connect_to(proxy_.port()));
  late.send("late");
  EXPECT_FALSE(server.has_news(kAWhile));
  EXPECT_FALSE(client.has_news(0));
  EXPECT_FALSE(late.has_news(0));
  EXPECT_EQ(proxy_.connections(), 2u);
  proxy_.set_mode(Mode::pass);
  EXPECT_EQ(server.receive(8), "question");
  EXPECT_EQ(client.receive(4), "news");
  EXPECT_EQ(Socket(accept()).receive(4), "late");
}

TEST_F(TcpProxyTest, RefusesAndTakesAgain) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  proxy_.set_mode(Mode::refuse);
  EXPECT_TRUE(client.is_cut());
  EXPECT_TRUE(server.is_cut());
  EXPECT_EQ(connect_to(proxy_.port()), -1);
  proxy_.set_mode(Mode::pass);
  const Socket again(connect_to(proxy_.port()));
  again.send("again");
  EXPECT_EQ(Socket(accept()).receive(5), "again");
}

TEST_F(TcpProxyTest, CutsWhatIsOpen) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  proxy_.cut_all();
  EXPECT_TRUE(client.is_cut());
  EXPECT_TRUE(server.is_cut());
  const Socket again(connect_to(proxy_.port()));
  again.send("again");
  EXPECT_EQ(Socket(accept()).receive(5), "again");
}

TEST_F(TcpProxyTest, CutsAfterSoManyBytes) {
  for (const Direction direction : {Direction::to_server, Direction::to_client}) {
    const Socket client(connect_to(proxy_.port()));
    const Socket server(accept());
    const Socket& sender = direction == Direction::to_server ? client : server;
    const Socket& receiver = direction == Direction::to_server ? server : client;
    proxy_.cut_after(direction, 5);
    sender.send("abc");
    EXPECT_EQ(receiver.receive(3), "abc");
    receiver.send("does not count");
    EXPECT_EQ(sender.receive(14), "does not count");
    sender.send("de");
    EXPECT_EQ(receiver.receive(2), "de");
    EXPECT_FALSE(proxy_.wait_for_cut(std::chrono::milliseconds(kAWhile)));
    sender.send("fg");
    EXPECT_TRUE(proxy_.wait_for_cut());
    EXPECT_EQ(receiver.receive(2), "");
    EXPECT_TRUE(sender.is_cut());
  }
}

TEST_F(TcpProxyTest, CutsInTheMiddleOfAPiece) {
  const Socket client(connect_to(proxy_.port()));
  const Socket server(accept());
  proxy_.cut_after(Direction::to_server, 5);
  client.send("abcdefg");
  EXPECT_EQ(server.receive(7), "abcde");
}

TEST_F(TcpProxyTest, IsCutWhereNobodyListens) {
  ::close(std::exchange(listener_, -1));
  const Socket client(connect_to(proxy_.port()));
  EXPECT_TRUE(client.is_cut());
}

TEST_F(TcpProxyTest, LeavesNothingOpen) {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = descriptors();
  for (const Mode mode : {Mode::pass, Mode::black_hole, Mode::refuse}) {
    TcpProxy proxy(target_);
    const Socket client(connect_to(proxy.port()));
    const Socket server(accept());
    proxy.set_mode(mode);
    const Socket other(connect_to(proxy.port()));
  }
  EXPECT_EQ(descriptors(), before);
}

// Whether the row is there after a commit that the client has heard nothing of.
bool is_kept(TcpProxy& proxy) {
  const std::string url = shared_cluster().url(shared_cluster().create_database());
  execute(url, "CREATE TABLE kept (n int)");
  std::string by_proxy = url;
  const std::string port = std::to_string(shared_cluster().port());
  by_proxy.replace(by_proxy.find(port), port.size(), std::to_string(proxy.port()));
  EXPECT_THROW(execute(by_proxy, "BEGIN; INSERT INTO kept VALUES (1); COMMIT"), std::runtime_error);
  EXPECT_TRUE(proxy.wait_for_cut());
  return query(url, "SELECT n FROM kept").size() == 1;
}

TEST(PostgresBehindProxy, LosesARequest) {
  TcpProxy proxy(shared_cluster().port());
  proxy.cut_request("COMMIT");
  EXPECT_FALSE(is_kept(proxy));
}

TEST(PostgresBehindProxy, LosesAnAnswer) {
  TcpProxy proxy(shared_cluster().port());
  proxy.cut_answer("COMMIT");
  EXPECT_TRUE(is_kept(proxy));
}

}  // namespace
}  // namespace battery_twin::postgres
