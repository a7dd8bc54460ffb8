// Many WebSocket clients in one epoll loop: starts batches in groups, waits each time until every client has got every
// message of the group, and counts.
//
// Usage: bench_ws_load PORT CLIENTS BATCHES GROUP
//   CLIENTS connections to /ws/status?replay=0; BATCHES batches, GROUP at a time. Prints "ready" once all are
//   connected, starts when a line comes in on stdin, prints one JSON object at the end. Fails when a client is closed,
//   or has not got what the others have.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "bench_ws_load: " << what << "\n";
  std::exit(1);
}

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (descriptor < 0 || ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail("cannot connect");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

void send_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) fail("cannot send");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Blocks until the header's end has come; gives what came behind it.
std::string read_header(int descriptor, std::string& header) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto end = header.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string rest = header.substr(end + 4);
      header.resize(end + 4);
      return rest;
    }
    const ssize_t read = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (read <= 0) fail("the server closed the connection");
    header.append(buffer.data(), static_cast<std::size_t>(read));
  }
}

// Sends bodies of POST /factory/start over one connection, one by one.
class Starter {
 public:
  explicit Starter(std::uint16_t port) : port_(port), descriptor_(connect_to(port)) {}

  void start_batch() {
    static constexpr std::string_view kBody = "{}";
    send_all(descriptor_, "POST /factory/start HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) +
                              "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kBody.size()) +
                              "\r\n\r\n" + std::string(kBody));
    std::string header;
    std::string body = read_header(descriptor_, header);
    if (!header.starts_with("HTTP/1.1 200")) fail("a batch was refused: " + header.substr(0, header.find('\r')));
    const auto field = header.find("Content-Length: ");
    if (field == std::string::npos) fail("an answer without a length");
    const std::size_t length = std::stoul(header.substr(field + 16));
    std::array<char, 4096> buffer{};
    while (body.size() < length) {
      const ssize_t read = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
      if (read <= 0) fail("the server closed the connection");
      body.append(buffer.data(), static_cast<std::size_t>(read));
    }
  }

 private:
  std::uint16_t port_;
  int descriptor_;
};

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t completed = 0;  // batch_completed messages
};

class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(connect_to(port)) {
    send_all(descriptor_, "GET /ws/status?replay=0 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    std::string header;
    partial_ = read_header(descriptor_, header);
    if (!header.starts_with("HTTP/1.1 101")) fail("the handshake was refused: " + header.substr(0, header.find('\r')));
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  void receive(std::vector<char>& buffer, Counts& counts) {
    const ssize_t read = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (read <= 0) fail("the server closed a WebSocket");
    const std::string_view text(buffer.data(), static_cast<std::size_t>(read));
    if (partial_.empty()) {
      partial_ = text.substr(take_frames(text, counts));
    } else {
      partial_ += text;
      partial_.erase(0, take_frames(partial_, counts));
    }
  }

 private:
  // Counts the whole frames and gives where the first one that is not whole begins.
  std::size_t take_frames(std::string_view text, Counts& counts) {
    const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    std::size_t at = 0;
    for (;;) {
      if (text.size() - at < 2) return at;
      std::size_t header = 2;
      std::uint64_t length = byte(at + 1) & 0x7Fu;
      if (length >= 126) {
        const std::size_t bytes = length == 126 ? 2 : 8;
        if (text.size() - at < 2 + bytes) return at;
        length = 0;
        for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | byte(at + 2 + i);
        header += bytes;
      }
      if (text.size() - at - header < length) return at;
      const unsigned opcode = byte(at) & 0x0Fu;
      if (opcode == 8) fail("the server closed a WebSocket");
      if (opcode == 1) {
        const std::string_view payload = text.substr(at + header, length);
        // batch_progress is conflated: how often it comes depends on the clock, so it is not part of the count.
        if (payload.find("\"status\":\"batch_progress\"") == std::string_view::npos) {
          ++messages_;
          ++counts.messages;
          counts.bytes += header + length;
          if (payload.find("\"status\":\"batch_completed\"") != std::string_view::npos) ++counts.completed;
        }
      }
      at += header + static_cast<std::size_t>(length);
    }
  }

  int descriptor_;
  std::uint64_t messages_ = 0;
  std::string partial_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: bench_ws_load PORT CLIENTS BATCHES GROUP");
  const auto port = static_cast<std::uint16_t>(std::stoul(argv[1]));
  const std::size_t count = std::stoul(argv[2]);
  const std::uint64_t batches = std::stoul(argv[3]);
  const std::uint64_t group = std::stoul(argv[4]);

  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);

  Starter starter(port);
  std::vector<Client> clients;
  clients.reserve(count);
  const int poller = ::epoll_create1(0);
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(poller, EPOLL_CTL_ADD, clients.back().descriptor(), &event) != 0) fail("epoll_ctl");
  }
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);

  Counts counts;
  std::vector<char> buffer(256 * 1024);
  std::array<epoll_event, 256> events{};
  const auto begin = Clock::now();
  for (std::uint64_t started = 0; started < batches;) {
    for (std::uint64_t i = 0; i < group && started < batches; ++i, ++started) starter.start_batch();
    while (counts.completed < started * count) {
      const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), 30'000);
      if (ready <= 0) fail("no message for 30 s");
      for (int i = 0; i < ready; ++i) clients[events[static_cast<std::size_t>(i)].data.u64].receive(buffer, counts);
    }
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();

  for (const Client& client : clients) {
    if (client.messages() != clients.front().messages()) fail("the clients did not all get the same messages");
  }
  std::cout << std::fixed << "{\"seconds\":" << elapsed << ",\"messages\":" << counts.messages
            << ",\"bytes\":" << counts.bytes << "}" << std::endl;
}
