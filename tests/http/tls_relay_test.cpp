// What of the relay wants limits that a test can wait for.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "battery_twin/http/tls.hpp"
#include "made_up_server.hpp"
#include "system/certificates.hpp"
#include "system/tls_client.hpp"

namespace battery_twin::http {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using system::certificates;
using system::TlsConnection;

long open_descriptors() { return std::distance(fs::directory_iterator("/proc/self/fd"), {}); }

// A listening socket whose connections hold little on their way out.
int listen_with_little_room() {
  constexpr int kLittle = 4096;
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &kLittle, sizeof(kLittle));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw std::runtime_error("no address");
  return descriptor;
}

TEST(TlsRelay, AClientThatTakesNotEvenTheEndHasADeadline) {
  MadeUpHandler handler;
  handler.on_request = [](const api::RequestHead& head, std::string_view, const api::Later&) {
    return api::Response{.body = std::string(std::stoul(std::string(head.path.substr(1))), 'x')};
  };
  ServerConfig config{.fd = listen_with_little_room(), .write_timeout = milliseconds(300)};
  config.tls = load_tls({.certificates = certificates().certificate("server"), .key = certificates().key("server")});
  MadeUpServer server(handler, std::move(config));
  const long before = open_descriptors();
  // Answers of many lengths: to some of these clients all of it goes out and there is no room for the end.
  std::vector<std::unique_ptr<TlsConnection>> clients;
  for (int i = 0; i < 150; ++i) {
    clients.push_back(std::make_unique<TlsConnection>(server.port(), TlsConnection::Options{.receive_buffer = 4096}));
    clients.back()->send("GET /" + std::to_string(i * 100) +
                         " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  }
  const auto deadline = std::chrono::steady_clock::now() + system::kPatience;
  while (open_descriptors() > before + static_cast<long>(clients.size()) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(open_descriptors(), before + static_cast<long>(clients.size()));
}

}  // namespace
}  // namespace battery_twin::http
