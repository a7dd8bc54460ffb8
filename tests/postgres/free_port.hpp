#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace battery_twin::postgres {

[[nodiscard]] inline sockaddr_in local_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A socket that is bound to the port of 127.0.0.1, or -1 where the port is taken.
[[nodiscard]] inline int bind_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) throw std::runtime_error("no socket");
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = local_address(port);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

/// A free port below those that the system gives to outgoing connections. From among those, a client that tries a
/// closed port again and again is one day given that port as its own, and is connected to itself.
[[nodiscard]] inline std::uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<std::uint16_t> any(20'000, 32'000);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::uint16_t port = any(random);
    const int descriptor = bind_to(port);
    if (descriptor < 0) continue;
    ::close(descriptor);
    return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace battery_twin::postgres
