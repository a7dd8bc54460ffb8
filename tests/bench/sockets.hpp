// What the load tools and the bare loops share.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

inline constexpr std::string_view kHeaderEnd = "\r\n\r\n";

[[noreturn]] inline void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

inline std::string standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

inline void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

inline void send_at_once(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Blocks until it is connected.
inline int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  if (descriptor < 0 || ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail("cannot connect");
  send_at_once(descriptor);
  return descriptor;
}

/// Prints the port.
inline int listen_on_any_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address = loopback(0);
  if (listener < 0 || ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, SOMAXCONN) != 0)
    fail("cannot listen");
  socklen_t length = sizeof address;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  std::cout << ntohs(address.sin_port) << std::endl;
  return listener;
}

inline void send_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) fail("cannot send");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// One send that the socket's buffer takes whole, as it does for clients that keep up.
inline bool send_whole(int descriptor, std::string_view text) {
  return ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

inline void watch(int poller, int descriptor, std::uint64_t data) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = data;
  if (::epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

/// Accepts and reads for ever.
/// @param on_requests  (descriptor, text, count) -> whether the connection stays: `text` holds `count` whole requests,
///                     that is ends of headers; only called with at least one
/// @param on_close     (descriptor)
template <class OnRequests, class OnClose>
[[noreturn]] void serve(const OnRequests& on_requests, const OnClose& on_close) {
  raise_descriptor_limit();
  const int listener = listen_on_any_port();
  const int poller = ::epoll_create1(0);
  watch(poller, listener, static_cast<std::uint64_t>(listener));

  std::vector<std::string> tails;  // by descriptor: the request that has not ended yet
  std::array<epoll_event, 512> events{};
  std::vector<char> buffer(64 * 1024);

  const auto read = [&](int descriptor) {
    const ssize_t size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    std::string& tail = tails[static_cast<std::size_t>(descriptor)];
    std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    if (!tail.empty()) text = tail += text;
    std::size_t count = 0;
    std::size_t taken = 0;
    for (auto end = text.find(kHeaderEnd); end != std::string_view::npos; end = text.find(kHeaderEnd, taken)) {
      taken = end + kHeaderEnd.size();
      ++count;
    }
    const bool stays = count == 0 || on_requests(descriptor, text.substr(0, taken), count);
    if (taken < text.size() || !tail.empty()) tail = std::string(text.substr(taken));
    return stays;
  };

  for (;;) {
    const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const auto descriptor = static_cast<int>(events[static_cast<std::size_t>(i)].data.u64);
      if (descriptor == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0) continue;
        send_at_once(client);
        if (tails.size() <= static_cast<std::size_t>(client)) tails.resize(static_cast<std::size_t>(client) + 1);
        watch(poller, client, static_cast<std::uint64_t>(client));
      } else if (!read(descriptor)) {
        tails[static_cast<std::size_t>(descriptor)] = {};
        on_close(descriptor);
        ::close(descriptor);
      }
    }
  }
}

}  // namespace bench
