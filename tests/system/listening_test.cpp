// Where the server listens: Unix sockets, inherited sockets, and what systemd is told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// A socket of ours, closed with the object.
class Descriptor {
 public:
  Descriptor(int family, int type) : number_(::socket(family, type, 0)) {}
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }
  bool bind(const fs::path& path) const {
    const sockaddr_un address = address_of(path);
    return ::bind(number_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  bool connect(const fs::path& path) const {
    const sockaddr_un address = address_of(path);
    return ::connect(number_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  // A datagram, or the next bytes; empty when none comes.
  [[nodiscard]] std::string receive() const {
    pollfd entry{.fd = number_, .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, 30'000) <= 0) return {};
    std::array<char, 4096> bytes{};
    const ssize_t size = ::recv(number_, bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  int number_;
};

std::string get_by(const fs::path& path) {
  const Descriptor socket(AF_UNIX, SOCK_STREAM);
  if (!socket.connect(path)) return "no connection";
  const std::string request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::send(socket.number(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "no request";
  std::string answer;
  for (std::string part = socket.receive(); !part.empty(); part = socket.receive()) answer += part;
  return answer.substr(0, 15);
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

// A listening socket of 127.0.0.1 at a free port.
std::uint16_t listen_anywhere(const Descriptor& socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(socket.number(), 16), 0);
  EXPECT_EQ(::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

// A shell that becomes the server with the descriptor in the place of another.
Words with_descriptor(int from, int to, const std::string& before = "") {
  return {"bash", "-c", before + "exec \"$0\" \"$@\" " + std::to_string(to) + "<&" + std::to_string(from)};
}

TEST(UnixSocket, IsForEverybodyAndGoneAtTheEnd) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "twin.sock";
  ServerProcess server({"--uds", path.string()}, {"sh", "-c", "umask 077; exec \"$0\" \"$@\""});
  EXPECT_NE(server.err().find("battery-twin running on unix socket " + path.string() + " (Press"), std::string::npos);
  EXPECT_EQ(mode_of(path), 0666u);
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_NE(server.out().find("unix: - \"GET /health/live HTTP/1.1\" 200"), std::string::npos) << server.out();
}

TEST(UnixSocket, AStaleOneIsReplacedAndKeepsItsMode) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "twin.sock";
  {
    ServerProcess killed({"--uds", path.string()});
    killed.signal(SIGKILL);
    EXPECT_EQ(killed.wait(), 128 + SIGKILL);
  }
  ASSERT_TRUE(fs::exists(path));
  ASSERT_EQ(::chmod(path.c_str(), 0660), 0);
  const ServerProcess server({"--uds", path.string()});
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
  EXPECT_EQ(mode_of(path), 0660u);
  Process second({binary(), "--uds", path.string()});
  EXPECT_EQ(second.wait(), 3);
  EXPECT_NE(second.err().find("another server listens there"), std::string::npos) << second.err();
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
}

TEST(UnixSocket, OneWhoseServerIsTooBusyIsLeftAlone) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "twin.sock";
  const Descriptor busy(AF_UNIX, SOCK_STREAM);
  ASSERT_TRUE(busy.bind(path));
  ASSERT_EQ(::listen(busy.number(), 0), 0);
  const Descriptor waiting(AF_UNIX, SOCK_STREAM);  // there is room for one
  ASSERT_TRUE(waiting.connect(path));
  Process process({binary(), "--db", "none", "--uds", path.string()});
  EXPECT_EQ(process.wait(), 3);
  EXPECT_NE(process.err().find("another server listens there"), std::string::npos) << process.err();
  EXPECT_GE(::accept(busy.number(), nullptr, nullptr), 0);
  const Descriptor later(AF_UNIX, SOCK_STREAM);
  EXPECT_TRUE(later.connect(path));
}

TEST(UnixSocket, OneOfAnotherKindIsLeftAlone) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "notify";
  const Descriptor datagrams(AF_UNIX, SOCK_DGRAM);
  ASSERT_TRUE(datagrams.bind(path));
  Process process({binary(), "--db", "none", "--uds", path.string()});
  EXPECT_EQ(process.wait(), 3);
  const Descriptor sender(AF_UNIX, SOCK_DGRAM);
  EXPECT_TRUE(sender.connect(path));
}

TEST(UnixSocket, OneThatTookOurPlaceStaysAtTheEnd) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "twin.sock";
  ServerProcess first({"--db", "none", "--uds", path.string()});
  ASSERT_TRUE(fs::remove(path));
  ServerProcess second({"--db", "none", "--uds", path.string()});
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
}

TEST(UnixSocket, TheNextServerMayComeBeforeTheLastRequestIsAnswered) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "twin.sock";
  ServerProcess first({"--db", "none", "--uds", path.string()});
  const Descriptor client(AF_UNIX, SOCK_STREAM);
  ASSERT_TRUE(client.connect(path));
  const std::string begun =
      "POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n";
  ASSERT_EQ(::send(client.number(), begun.data(), begun.size(), MSG_NOSIGNAL), static_cast<ssize_t>(begun.size()));
  EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 100"));
  first.signal(SIGTERM);
  ASSERT_TRUE(Twin::eventually([&] { return !fs::exists(path); }));
  ServerProcess second({"--db", "none", "--uds", path.string()});
  ASSERT_EQ(::send(client.number(), "{}", 2, MSG_NOSIGNAL), 2);
  EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 "));
  ::shutdown(client.number(), SHUT_RDWR);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
}

TEST(UnixSocket, AFileThatIsNoneStays) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "file";
  ASSERT_GE(::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600)), 0);
  Process process({binary(), "--uds", path.string()});
  EXPECT_EQ(process.wait(), 3);
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST(InheritedSocket, IsListenedOn) {
  const Descriptor socket(AF_INET, SOCK_STREAM);
  const std::uint16_t port = listen_anywhere(socket);
  const ServerProcess server({"--fd", "7"}, with_descriptor(socket.number(), 7));
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(HttpClient(port).get("/health/live").status, 200);
}

TEST(InheritedSocket, MayBeAUnixSocketWhoseFileStays) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "theirs.sock";
  const Descriptor socket(AF_UNIX, SOCK_STREAM);
  ASSERT_TRUE(socket.bind(path));
  ServerProcess server({"--fd", "5"}, with_descriptor(socket.number(), 5));
  EXPECT_NE(server.err().find("running on unix socket " + path.string()), std::string::npos) << server.err();
  EXPECT_EQ(get_by(path), "HTTP/1.1 200 OK");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_TRUE(fs::exists(path));
}

TEST(InheritedSocket, MustBeOneOfStreams) {
  const Descriptor socket(AF_INET, SOCK_DGRAM);
  Words arguments = with_descriptor(socket.number(), 7);
  for (const std::string& word : {binary(), std::string("--fd"), std::string("7")}) arguments.push_back(word);
  Process process(arguments);
  EXPECT_EQ(process.wait(), 3);
  EXPECT_NE(process.err().find("it is not a stream socket"), std::string::npos) << process.err();
}

TEST(InheritedSocket, MustBeBound) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
    const Descriptor socket(family, SOCK_STREAM);
    Words arguments = with_descriptor(socket.number(), 7);
    for (const char* word : {"--db", "none", "--fd", "7"}) arguments.emplace_back(word);
    arguments.insert(arguments.begin() + 3, binary());
    Process process(arguments);
    EXPECT_EQ(process.wait(), 3) << family;
    EXPECT_NE(process.err().find("cannot listen on file descriptor 7: it is not bound to an address"),
              std::string::npos)
        << process.err();
  }
}

TEST(Systemd, PassesASocket) {
  const Descriptor socket(AF_INET, SOCK_STREAM);
  const std::uint16_t port = listen_anywhere(socket);
  const ServerProcess server({}, with_descriptor(socket.number(), 3, "export LISTEN_FDS=1 LISTEN_PID=$$; "));
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(HttpClient(port).get("/health/live").status, 200);
}

TEST(Systemd, ASocketOfAnotherProcessIsNotOurs) {
  const Descriptor socket(AF_INET, SOCK_STREAM);
  const std::uint16_t port = listen_anywhere(socket);
  const ServerProcess server({}, with_descriptor(socket.number(), 3, "export LISTEN_FDS=1 LISTEN_PID=1; "));
  EXPECT_NE(server.port(), port);
}

TEST(Systemd, TwoSocketsAreOneTooMany) {
  Process process({"bash", "-c", "export LISTEN_FDS=2 LISTEN_PID=$$; exec \"$0\" \"$@\"", binary()});
  EXPECT_EQ(process.wait(), 3);
  EXPECT_NE(process.err().find("systemd passed 2 sockets"), std::string::npos) << process.err();
}

TEST(Systemd, ANumberOfSocketsThatIsNoneIsNoStart) {
  for (const std::string number : {"-1", "0", "0x1", "1x", "one", "''", "99999999999999999999"}) {
    Process process(
        {"bash", "-c", "export LISTEN_FDS=" + number + " LISTEN_PID=$$; exec \"$0\" \"$@\"", binary(), "--db", "none"});
    EXPECT_EQ(process.wait(), 3) << number;
    EXPECT_NE(process.err().find("LISTEN_FDS does not say how many sockets"), std::string::npos) << process.err();
  }
}

TEST(Host, LoopbackWrittenAsOneOfIPv6IsLoopback) {
  const ServerProcess server({"--db", "none", "--host", "::ffff:127.0.0.1"});
  const std::string log = server.err();
  constexpr std::string_view kUrl = "running on http://[::ffff:127.0.0.1]:";
  const auto url = log.find(kUrl);
  ASSERT_NE(url, std::string::npos) << log;
  EXPECT_EQ(log.find("WARNING"), std::string::npos) << log;
  const HttpClient http(static_cast<std::uint16_t>(std::stoi(log.substr(url + kUrl.size()))));
  EXPECT_EQ(http.get("/health/live").status, 200);
  EXPECT_EQ(http.get("/health/live", {{"Host", "evil.example"}}).status, 421);
}

TEST(Systemd, IsToldOfStartReloadAndEnd) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "notify";
  const Descriptor socket(AF_UNIX, SOCK_DGRAM);
  ASSERT_TRUE(socket.bind(path));
  ServerProcess server({}, {"env", "NOTIFY_SOCKET=" + path.string()});
  EXPECT_EQ(socket.receive(), "READY=1");
  server.signal(SIGHUP);
  EXPECT_TRUE(socket.receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(socket.receive(), "READY=1");
  server.signal(SIGTERM);
  EXPECT_EQ(socket.receive(), "STOPPING=1");
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace
}  // namespace battery_twin::system
