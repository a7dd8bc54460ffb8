// Many WebSocket clients in one epoll loop, which count what they get and how long it takes until the last has it.
//
// Usage: bench_ws_load PORT CLIENTS plant BATCHES GROUP
//          The plant at work: BATCHES batches, GROUP at a time; the next group starts when every client has got every
//          message of the last.
//        bench_ws_load PORT CLIENTS events ROUNDS BURST
//          Events on command: BURST requests that change a machine's parameters in one write, ROUNDS times; the next
//          burst starts when every client has got every event of the last.
//   Connects CLIENTS clients to /ws/status?replay=0 and prints "ready", starts when a line comes in on stdin, prints
//   one JSON object at the end. Fails when a client is closed, or has not got what the others have.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "sockets.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatience = 30'000;  // ms

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "bench_ws_load: " << what << "\n";
  std::exit(1);
}

// Blocks until the header's end has come; gives what came behind it.
std::string read_header(int descriptor, std::string& header) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto end = header.find(bench::kHeaderEnd);
    if (end != std::string::npos) {
      std::string rest = header.substr(end + bench::kHeaderEnd.size());
      header.resize(end + bench::kHeaderEnd.size());
      return rest;
    }
    const ssize_t read = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (read <= 0) fail("the server closed the connection");
    header.append(buffer.data(), static_cast<std::size_t>(read));
  }
}

// Makes things happen in the plant, over one connection.
class Operator {
 public:
  explicit Operator(std::uint16_t port)
      : descriptor_(bench::connect_to(port)), host_("Host: 127.0.0.1:" + std::to_string(port) + "\r\n") {}

  void start_batch() {
    bench::send_all(descriptor_, request("POST /factory/start"));
    take_answers(1);
  }

  // An empty change is one, too: each is an event of its own.
  void send_changes(std::size_t count) {
    while (changes_.size() < count) changes_.push_back(request("PATCH /machine/anode/coating/parameters"));
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += changes_[i];
    bench::send_all(descriptor_, all);
  }

  void take_answers(std::size_t count) {
    for (; count > 0; --count) {
      std::string header = std::exchange(rest_, {});
      rest_ = read_header(descriptor_, header);
      if (!header.starts_with("HTTP/1.1 200")) fail("a request was refused: " + header.substr(0, header.find('\r')));
      const auto field = header.find("Content-Length: ");
      if (field == std::string::npos) fail("an answer without a length");
      const std::size_t length = std::stoul(header.substr(field + std::strlen("Content-Length: ")));
      std::array<char, 16384> buffer{};
      while (rest_.size() < length) {
        const ssize_t read = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
        if (read <= 0) fail("the server closed the connection");
        rest_.append(buffer.data(), static_cast<std::size_t>(read));
      }
      rest_.erase(0, length);
    }
  }

 private:
  [[nodiscard]] std::string request(const std::string& what) const {
    return what + " HTTP/1.1\r\n" + host_ + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  }

  int descriptor_;
  std::string host_;
  std::string rest_;
  std::vector<std::string> changes_;
};

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t completed = 0;  // batch_completed messages
};

class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(bench::connect_to(port)) {
    bench::send_all(descriptor_, "GET /ws/status?replay=0 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    std::string header;
    partial_ = read_header(descriptor_, header);
    if (!header.starts_with("HTTP/1.1 101")) fail("the handshake was refused: " + header.substr(0, header.find('\r')));
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  void receive(std::vector<char>& buffer, Counts& counts, bool look_inside) {
    const ssize_t read = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (read <= 0) fail("the server closed a WebSocket");
    const std::string_view text(buffer.data(), static_cast<std::size_t>(read));
    if (partial_.empty()) {
      partial_ = text.substr(take_frames(text, counts, look_inside));
    } else {
      partial_ += text;
      partial_.erase(0, take_frames(partial_, counts, look_inside));
    }
  }

 private:
  // Counts the whole frames and gives where the first one that is not whole begins.
  std::size_t take_frames(std::string_view text, Counts& counts, bool look_inside) {
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
      const std::string_view payload = text.substr(at + header, length);
      // batch_progress is conflated: how often it comes depends on the clock, so it is not part of the count.
      if (opcode == 1 && (!look_inside || payload.find("\"status\":\"batch_progress\"") == std::string_view::npos)) {
        ++messages_;
        ++counts.messages;
        counts.bytes += header + length;
        if (look_inside && payload.find("\"status\":\"batch_completed\"") != std::string_view::npos) ++counts.completed;
      }
      at += header + static_cast<std::size_t>(length);
    }
  }

  int descriptor_;
  std::uint64_t messages_ = 0;
  std::string partial_;
};

class Crowd {
 public:
  Crowd(std::uint16_t port, std::size_t count) : port_(port), operator_(port) {
    clients_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      clients_.emplace_back(port_);
      bench::watch(poller_, clients_.back().descriptor(), i);
    }
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }
  void forget_counts() { counts_ = {}; }

  void run_plant(std::uint64_t batches, std::uint64_t group) {
    for (std::uint64_t started = 0; started < batches;) {
      for (std::uint64_t i = 0; i < group && started < batches; ++i, ++started) operator_.start_batch();
      while (counts_.completed < started * clients_.size()) receive(true);
    }
  }

  // Gives for each burst how long it took from its requests to the last client's last event, in µs.
  std::vector<double> run_events(std::uint64_t rounds, std::uint64_t burst) {
    std::vector<double> times;
    for (; rounds > 0; --rounds) {
      const std::uint64_t wanted = counts_.messages + burst * clients_.size();
      const auto begin = Clock::now();
      operator_.send_changes(burst);
      while (counts_.messages < wanted) receive(false);
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
      operator_.take_answers(burst);
    }
    return times;
  }

  void check_equal() const {
    for (const Client& client : clients_) {
      if (client.messages() != clients_.front().messages()) fail("the clients did not all get the same messages");
    }
  }

 private:
  void receive(bool look_inside) {
    const int ready = ::epoll_wait(poller_, events_.data(), static_cast<int>(events_.size()), kPatience);
    if (ready <= 0) fail("no message for 30 s");
    for (int i = 0; i < ready; ++i)
      clients_[events_[static_cast<std::size_t>(i)].data.u64].receive(buffer_, counts_, look_inside);
  }

  std::uint16_t port_;
  Operator operator_;
  std::vector<Client> clients_;
  int poller_ = ::epoll_create1(0);
  std::array<epoll_event, 256> events_{};
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  Counts counts_;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc == 6 ? argv[3] : "";
  if (way != "plant" && way != "events") fail("usage: bench_ws_load PORT CLIENTS plant|events COUNT TOGETHER");
  const std::uint64_t count = std::stoull(argv[4]);
  const std::uint64_t together = std::stoull(argv[5]);
  bench::raise_descriptor_limit();

  Crowd crowd(static_cast<std::uint16_t>(std::stoul(argv[1])), std::stoul(argv[2]));
  if (way == "events") (void)crowd.run_events(count / 10 + 1, together);  // so that everything is warm
  crowd.forget_counts();
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);

  std::vector<double> times;
  const auto begin = Clock::now();
  if (way == "plant")
    crowd.run_plant(count, together);
  else
    times = crowd.run_events(count, together);
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  crowd.check_equal();
  std::cout << std::fixed << "{\"seconds\":" << elapsed << ",\"messages\":" << crowd.counts().messages
            << ",\"bytes\":" << crowd.counts().bytes << ",\"last_p50\":" << percentile(times, .5)
            << ",\"last_p99\":" << percentile(times, .99) << "}" << std::endl;
}
