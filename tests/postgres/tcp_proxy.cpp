#include "tcp_proxy.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "free_port.hpp"

namespace battery_twin::postgres {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr short kReadable = POLLIN | POLLERR | POLLHUP;
constexpr short kWritable = POLLOUT | POLLERR | POLLHUP;

int listen_on(std::uint16_t port) {
  const int descriptor = bind_to(port);
  if (descriptor >= 0 && ::listen(descriptor, SOMAXCONN) == 0) return descriptor;
  if (descriptor >= 0) ::close(descriptor);
  return -1;
}

void send_at_once(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Whether somebody is there shows with the first byte to be read or written.
int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  send_at_once(descriptor);
  const sockaddr_in address = local_address(port);
  ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return descriptor;
}

// Even where the other thread is polling it, which keeps a closed socket alive.
void end_now(int descriptor) {
  ::shutdown(descriptor, SHUT_RDWR);
  ::close(descriptor);
}

bool waits(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR); }

}  // namespace

// One direction of a connection. Nothing is read before what was read last is written.
struct TcpProxy::Flow {
  int from = -1;
  int to = -1;
  std::string pending{};
  bool ended = false;

  [[nodiscard]] bool reads() const { return !ended && pending.empty(); }
  [[nodiscard]] bool is_over() const { return ended && pending.empty(); }

  bool write() {
    const ssize_t sent = ::send(to, pending.data(), pending.size(), MSG_NOSIGNAL);
    if (sent < 0) return waits(sent);
    pending.erase(0, static_cast<std::size_t>(sent));
    if (is_over()) ::shutdown(to, SHUT_WR);
    return true;
  }
};

struct TcpProxy::Connection {
  int client;
  int server = -1;  // none before it is first wanted
  Flow to_server{};
  Flow to_client{};

  explicit Connection(int descriptor) : client(descriptor) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    end_now(client);
    if (server >= 0) end_now(server);
  }

  void connect(std::uint16_t target) {
    server = connect_to(target);
    to_server = {.from = client, .to = server};
    to_client = {.from = server, .to = client};
  }
  [[nodiscard]] Flow& flow(Direction direction) { return direction == Direction::to_server ? to_server : to_client; }
  [[nodiscard]] static short events(const Flow& from_it, const Flow& to_it) {
    return static_cast<short>((from_it.reads() ? POLLIN : 0) | (to_it.pending.empty() ? 0 : POLLOUT));
  }
};

struct TcpProxy::Trap {
  enum class Kind { bytes, request, answer } kind;
  Direction direction = Direction::to_server;
  std::uint64_t left = 0;
  std::string text{};
  const Connection* asked = nullptr;  // whose answer must not pass
};

TcpProxy::TcpProxy(std::uint16_t target) : target_(target), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw std::runtime_error("no eventfd");
  while (listener_ < 0) {
    port_ = free_port();
    listener_ = listen_on(port_);
  }
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    wake();
  }
  thread_.join();
  connections_.clear();
  if (listener_ >= 0) ::close(listener_);
  ::close(wake_);
}

void TcpProxy::set_mode(Mode mode) {
  const std::lock_guard lock(mutex_);
  if (mode == Mode::refuse) {
    drop_all();
    if (listener_ >= 0) end_now(std::exchange(listener_, -1));
  } else if (listener_ < 0) {
    listener_ = listen_on(port_);
    if (listener_ < 0) throw std::runtime_error("somebody took the proxy's port");
  }
  mode_ = mode;
  wake();
}

void TcpProxy::cut_all() {
  const std::lock_guard lock(mutex_);
  accept_all();
  drop_all();
  wake();
}

void TcpProxy::cut_after(Direction direction, std::uint64_t bytes) {
  set_trap({.kind = Trap::Kind::bytes, .direction = direction, .left = bytes});
}

void TcpProxy::cut_request(std::string text) { set_trap({.kind = Trap::Kind::request, .text = std::move(text)}); }

void TcpProxy::cut_answer(std::string text) { set_trap({.kind = Trap::Kind::answer, .text = std::move(text)}); }

void TcpProxy::set_trap(Trap trap) {
  const std::lock_guard lock(mutex_);
  trap_ = std::make_unique<Trap>(std::move(trap));
}

bool TcpProxy::wait_for_cut(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return cut_.wait_for(lock, patience, [this] { return trap_ == nullptr; });
}

std::size_t TcpProxy::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

std::uint64_t TcpProxy::passed(Direction direction) const {
  const std::lock_guard lock(mutex_);
  return passed_[static_cast<std::size_t>(direction)];
}

// To be called with the lock: what is being polled is of no more interest.
void TcpProxy::wake() {
  ++changes_;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
}

void TcpProxy::drop_all() {
  connections_.clear();
  if (trap_) trap_->asked = nullptr;
}

void TcpProxy::run() {
  std::vector<pollfd> polled;
  std::unique_lock lock(mutex_);
  while (!ends_) {
    // Whoever has no events to wait for is left out: it would be told of hang-ups all the time.
    const auto poll_for = [&](int descriptor, short events) {
      polled.push_back({.fd = events != 0 ? descriptor : -1, .events = events, .revents = 0});
    };
    polled.clear();
    poll_for(wake_, POLLIN);
    poll_for(listener_, POLLIN);
    if (mode_ == Mode::pass) {
      for (const auto& connection : connections_) {
        if (connection->server < 0) connection->connect(target_);
        poll_for(connection->client, Connection::events(connection->to_server, connection->to_client));
        poll_for(connection->server, Connection::events(connection->to_client, connection->to_server));
      }
    }
    const std::uint64_t changes = changes_;
    lock.unlock();
    ::poll(polled.data(), polled.size(), -1);
    lock.lock();
    if (polled[0].revents != 0) {
      std::uint64_t ignored = 0;
      static_cast<void>(!::read(wake_, &ignored, sizeof ignored));
    }
    if (changes != changes_) continue;
    for (std::size_t i = polled.size(); i > 2; i -= 2) {
      const auto connection = connections_.begin() + static_cast<std::ptrdiff_t>(i / 2 - 2);
      if (serve(**connection, polled[i - 2].revents, polled[i - 1].revents)) continue;
      if (trap_ && trap_->asked == connection->get()) trap_->asked = nullptr;
      connections_.erase(connection);
    }
    if (polled[1].revents != 0) accept_all();
  }
}

void TcpProxy::accept_all() {
  for (;;) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    send_at_once(descriptor);
    connections_.push_back(std::make_unique<Connection>(descriptor));
  }
}

// False when the connection is to be closed.
bool TcpProxy::serve(Connection& connection, short client_events, short server_events) {
  const auto serve_flow = [&](Direction direction, short from_events, short to_events) {
    Flow& flow = connection.flow(direction);
    if (!flow.pending.empty()) return (to_events & kWritable) == 0 || flow.write();
    return flow.ended || (from_events & kReadable) == 0 || move(connection, direction);
  };
  return serve_flow(Direction::to_server, client_events, server_events) &&
         serve_flow(Direction::to_client, server_events, client_events) &&
         !(connection.to_server.is_over() && connection.to_client.is_over());
}

bool TcpProxy::move(Connection& connection, Direction direction) {
  Flow& flow = connection.flow(direction);
  // What a trap holds back stays unread, and the end of a connection is no byte.
  const std::size_t most = allowed(connection, direction);
  std::string bytes(std::max<std::size_t>(most, 1), '\0');
  const ssize_t size = ::recv(flow.from, bytes.data(), bytes.size(), most == 0 ? MSG_PEEK : 0);
  if (size < 0) return waits(size);
  if (size == 0) {
    flow.ended = true;
    ::shutdown(flow.to, SHUT_WR);
    return true;
  }
  bytes.resize(static_cast<std::size_t>(size));
  if (most == 0 || !may_pass(connection, direction, bytes)) {
    trap_.reset();
    cut_.notify_all();
    return false;
  }
  passed_[static_cast<std::size_t>(direction)] += bytes.size();
  flow.pending = std::move(bytes);
  return flow.write();
}

// How many of the next bytes the trap lets pass.
std::size_t TcpProxy::allowed(const Connection& connection, Direction direction) const {
  if (!trap_) return kPiece;
  if (trap_->kind == Trap::Kind::bytes && trap_->direction == direction) {
    return std::min<std::uint64_t>(trap_->left, kPiece);
  }
  return trap_->asked == &connection && direction == Direction::to_client ? 0 : kPiece;
}

bool TcpProxy::may_pass(const Connection& connection, Direction direction, const std::string& bytes) {
  if (!trap_) return true;
  if (trap_->kind == Trap::Kind::bytes) {
    if (trap_->direction == direction) trap_->left -= bytes.size();
    return true;
  }
  const bool is_it = direction == Direction::to_server && bytes.find(trap_->text) != std::string::npos;
  if (is_it && trap_->asked == nullptr) trap_->asked = &connection;
  return !is_it || trap_->kind == Trap::Kind::answer;
}

}  // namespace battery_twin::postgres
