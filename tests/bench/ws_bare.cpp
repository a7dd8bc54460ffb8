// The limit of sending events to WebSocket clients: a bare loop that sends a frame made beforehand.
//
// Usage: bench_ws_bare single|gathered < FRAME    prints the port it listens on
//   Every upgrade is a client from then on. Every other request is one event: `single` sends the frame to each client
//   with a send of its own; `gathered` sends what events came with one read, at most 16, to each client in one writev.
//   Requests are answered 200 as soon as their events are sent. Nothing is checked, not even the handshake's key.

#include <sys/uio.h>

#include <algorithm>

#include "sockets.hpp"

namespace {

constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
constexpr std::size_t kGathered = 16;

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc == 2 ? argv[1] : "";
  if (way != "single" && way != "gathered") bench::fail("usage: bench_ws_bare single|gathered < FRAME");
  std::string frame = bench::standard_input();
  if (frame.empty()) bench::fail("bench_ws_bare: no frame on standard input");
  std::vector<int> clients;
  std::vector<iovec> parts(kGathered, iovec{frame.data(), frame.size()});

  const auto single = [&](std::size_t events) {
    for (; events > 0; --events) {
      for (const int client : clients) {
        if (!bench::send_whole(client, frame)) bench::fail("bench_ws_bare: a client does not keep up");
      }
    }
  };
  const auto gathered = [&](std::size_t events) {
    while (events > 0) {
      const std::size_t now = std::min(events, kGathered);
      for (const int client : clients) {
        if (::writev(client, parts.data(), static_cast<int>(now)) != static_cast<ssize_t>(now * frame.size()))
          bench::fail("bench_ws_bare: a client does not keep up");
      }
      events -= now;
    }
  };

  bench::serve(
      [&](int descriptor, std::string_view text, std::size_t count) {
        if (text.find("Upgrade: websocket") != std::string_view::npos) {
          clients.push_back(descriptor);
          return bench::send_whole(descriptor, kSwitching);
        }
        way == "single" ? single(count) : gathered(count);
        std::string answers;
        for (; count > 0; --count) answers += kAnswer;
        return bench::send_whole(descriptor, answers);
      },
      [&](int descriptor) { std::erase(clients, descriptor); });
}
