// The limit that the server is measured against: a bare epoll loop, one thread, that answers every request with the
// same small JSON document and looks at nothing but the empty line that ends a request.
//
// Usage: bench_responder    prints the port it listens on

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

// As long as an answer to GET /health.
constexpr std::string_view kBody =
    R"({"status":"healthy","version":"0.1.0","uptime_s":12.345,"simulation":{"state":"running","accepting":true,)"
    R"("running":1,"queued":0,"paused":false},"database":{"backend":"none","status":"disabled","latency_ms":null},)"
    R"("websocket_clients":0,"filler":"0123456789abcdef"})";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string answers_to(std::size_t requests) {
  const std::string one =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kBody.size()) +
      std::string(kEnd) + std::string(kBody);
  std::string all;
  for (; requests > 0; --requests) all += one;
  return all;
}

int listen_on_any_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, SOMAXCONN) != 0)
    fail("listen");
  socklen_t length = sizeof address;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  std::cout << ntohs(address.sin_port) << std::endl;
  return listener;
}

// Counts the requests that end in `text` and gives what is behind the last end.
std::size_t take_requests(std::string_view& text) {
  std::size_t count = 0;
  for (auto at = text.find(kEnd); at != std::string_view::npos; at = text.find(kEnd)) {
    text.remove_prefix(at + kEnd.size());
    ++count;
  }
  return count;
}

}  // namespace

int main() {
  const int listener = listen_on_any_port();
  const int poller = ::epoll_create1(0);
  const auto watch = [poller](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (::epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
  };
  watch(listener);

  const std::string one = answers_to(1);
  std::unordered_map<int, std::string> tails;  // of each connection, the request that has not ended yet
  std::array<epoll_event, 256> events{};
  std::array<char, 64 * 1024> buffer{};
  // Small answers to clients that wait for them: the socket's buffer takes them whole.
  const auto answer = [](int descriptor, const std::string& bytes) {
    return ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  };
  for (;;) {
    const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0) continue;
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        tails[client].clear();
        watch(client);
        continue;
      }
      const ssize_t read = ::recv(descriptor, buffer.data(), buffer.size(), 0);
      bool open = read > 0;
      if (open) {
        std::string& tail = tails[descriptor];
        const std::string_view fresh(buffer.data(), static_cast<std::size_t>(read));
        if (!tail.empty()) tail += fresh;
        std::string_view text = tail.empty() ? fresh : std::string_view(tail);
        const std::size_t count = take_requests(text);
        std::string rest(text);
        tail.swap(rest);
        if (count == 1) open = answer(descriptor, one);
        if (count > 1) open = answer(descriptor, answers_to(count));
      }
      if (!open) {
        ::close(descriptor);
        tails.erase(descriptor);
      }
    }
  }
}
