#include "battery_twin/http/server.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <utility>

#include "addresses.hpp"
#include "http_session.hpp"
#include "tls_relay.hpp"

namespace battery_twin::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Local = asio::local::stream_protocol;

constexpr std::chrono::milliseconds kSweep{250};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::size_t kKeptDescriptors = 40;  // for logs, timers, the database, and for those who are turned away
constexpr int kDroppedAtOnce = 64;
constexpr std::size_t kDescriptorsOfRelay = 3;
constexpr mode_t kForEverybody = 0666;  // who may use a Unix socket, as with uvicorn; its folder may say otherwise

Peer peer_of(const tcp::endpoint& endpoint) {
  return {.name = bracketed(endpoint.address()) + ":" + std::to_string(endpoint.port()), .address = endpoint.address()};
}

Peer peer_of(const Local::endpoint& /*endpoint*/) { return {.name = "unix:"}; }

std::size_t descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

// Which file it is, whatever its name.
using File = std::optional<std::pair<dev_t, ino_t>>;

File file_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

template <class Protocol>
class TheServer final : public Server {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol, Executor>;
  using Accepted = typename Protocol::socket::template rebind_executor<Executor>::other;

  /// @param acceptor  bound, or listening already
  TheServer(api::Handler& handler, ServerConfig config, Acceptor acceptor)
      : config_(std::move(config)),
        acceptor_(std::move(acceptor)),
        endpoint_(acceptor_.local_endpoint()),
        hub_{.config = config_,
             .handler = handler,
             .policy = policy(),
             .writer = ResponseWriter(config_),
             .connections = {},
             .relays = 0,
             .draining = false,
             .unsent_bytes = 0,
             .on_gone = {},
             .outgoing = {},
             .answers = {},
             .to_flush = {}},
        sweep_timer_(acceptor_.get_executor()),
        accept_timer_(acceptor_.get_executor()) {
    if (!config_.uds.empty()) socket_file_ = file_at(config_.uds);
    acceptor_.listen(config_.backlog);
    set_limits();
    accept();
    sweep();
  }

  ~TheServer() override {
    hub_.on_gone = {};
    if (spare_ >= 0) ::close(spare_);
    remove_socket_file();
  }

  std::string url() const override {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      return url_of(endpoint_.address());
    } else {
      return "unix socket " + endpoint_.path();
    }
  }

  std::string browser_url() const override {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      return url_of(for_a_browser(endpoint_.address()));
    } else {
      return {};
    }
  }

  bool is_private() const override {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      return unmapped(endpoint_.address()).is_loopback();
    } else {
      return true;
    }
  }

  void configure(ServerConfig config) override {
    config.host = config_.host;
    config.port = config_.port;
    config.uds = config_.uds;
    config.fd = config_.fd;
    config.backlog = config_.backlog;
    if (!config.tls || !config_.tls) config.tls = config_.tls;
    config_ = std::move(config);
    hub_.policy = policy();
    hub_.writer.forget();
    set_limits();
    for_all([](Connection& connection) { connection.forget(); });
  }

  void drain(std::chrono::milliseconds timeout, std::function<void()> done) override {
    hub_.draining = true;
    error_code ignored;
    remove_socket_file();
    acceptor_.close(ignored);
    accept_timer_.cancel();
    for_all([](Connection& connection) { connection.drain(); });
    drain_until_ = Clock::now() + timeout;
    drained_ = std::move(done);
    hub_.on_gone = [this] { check_drained(); };
    check_drained();
  }

  void cut() override {
    for_all([](Connection& connection) { connection.cut(); });
  }

 private:
  std::string url_of(const asio::ip::address& address) const {
    return (config_.tls ? "https://" : "http://") + bracketed(address) + ":" + std::to_string(endpoint_.port());
  }

  // A server that others cannot reach knows its names.
  AccessPolicy policy() const {
    bool check_host = !config_.allowed_hosts.empty();
    if constexpr (std::is_same_v<Protocol, tcp>) check_host = check_host || is_private();
    return {config_.cors_origins, config_.allowed_hosts, check_host};
  }

  void set_limits() {
    const std::size_t descriptors = descriptor_limit();
    const std::size_t kept = std::min(kKeptDescriptors, descriptors * 5 / 8);
    const std::size_t each = config_.tls ? kDescriptorsOfRelay : 1;
    max_connections_ = std::max((descriptors - kept) / each, std::size_t{1});
    if (config_.limit_concurrency > 0) max_connections_ = std::min(max_connections_, config_.limit_concurrency);
    max_turned_away_ = kept * 2 / 5 / each;
  }

  void accept() {
    acceptor_.async_accept(peer_, [this](error_code error, Accepted socket) {
      if (!acceptor_.is_open()) return;
      if (error) return pause_accepting(error);
      const auto peer = peer_;
      accept();  // first: whatever happens to this one, the next is to be served
      take(std::move(socket), peer);
    });
  }

  // While the socket still listens: later the path may be another server's. It is now where somebody removed our file.
  void remove_socket_file() {
    if (!config_.uds.empty() && file_at(config_.uds) == socket_file_) ::unlink(config_.uds.c_str());
    config_.uds.clear();
  }

  void take(Accepted socket, const typename Protocol::endpoint& peer) {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
    }
    // Behind each relay there is a session, for the same client. It may outlive it, while its answer is made.
    const std::size_t connections = std::max(hub_.relays, hub_.connections.size() - hub_.relays);
    Peer client = peer_of(peer);
    client.decide(config_.trusted_proxies);
    if (connections < max_connections_) return begin(Socket(std::move(socket)), std::move(client), start_http_session);
    complain("too many connections, new ones are answered 503");
    if (connections < max_connections_ + max_turned_away_)
      return begin(Socket(std::move(socket)), std::move(client), start_turning_away);
    turn_away(Socket(std::move(socket)));
  }

  void begin(Socket socket, Peer peer, Serve serve) {
    if (!config_.tls) return serve(hub_, std::move(socket), std::move(peer));
    peer.secure = true;
    start_tls_relay(hub_, config_.tls, std::move(socket), std::move(peer), serve);
  }

  // Without patience: who has to shake hands first gets no answer.
  void turn_away(Socket socket) {
    if (!config_.tls) turn_away_at_once(hub_, std::move(socket));
  }

  // Out of descriptors or memory, or the client was gone already: none of it is a reason to stop, all of it one to
  // catch breath.
  void pause_accepting(error_code error) {
    complain("cannot accept connections for the moment: " + error.message());
    if (error == asio::error::no_descriptors || error.value() == ENFILE) drop_waiting();
    accept_timer_.expires_after(kAcceptPause);
    accept_timer_.async_wait([this](error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) accept();
    });
  }

  // Nobody should wait for an answer that cannot come: the descriptor that is kept for this gives them one.
  void drop_waiting() {
    if (spare_ >= 0) ::close(spare_);
    error_code error;
    acceptor_.non_blocking(true, error);
    for (int dropped = 0; dropped < kDroppedAtOnce && !error; ++dropped) {
      Accepted socket(acceptor_.get_executor());
      acceptor_.accept(socket, error);
      if (!error) turn_away(Socket(std::move(socket)));
    }
    spare_ = ::eventfd(0, EFD_CLOEXEC);
  }

  // At most once a second.
  void complain(const std::string& text) {
    const auto now = Clock::now();
    if (now - complained_ < std::chrono::seconds(1)) return;
    complained_ = now;
    config_.on_error(text);
  }

  // One timer for everybody's deadlines.
  void sweep() {
    sweep_timer_.expires_after(kSweep);
    sweep_timer_.async_wait([this](error_code error) {
      if (error) return;
      const auto now = Clock::now();
      try {
        if (const std::string text = hub_.broken_relays.sentence(now); !text.empty()) config_.on_error(text);
        for_all([now](Connection& connection) {
          if (connection.deadline() <= now) connection.expire();
        });
      } catch (const std::exception& failed) {  // out of memory: it is tried again
        complain(std::string("cannot look after deadlines for the moment: ") + failed.what());
      }
      if (drained_ && now >= drain_until_) {
        cut();
        finish_drain();
        return;
      }
      sweep();
    });
  }

  // What is called may end connections, this one or others.
  template <class Call>
  void for_all(Call call) {
    std::vector<std::weak_ptr<Connection>> all;
    all.reserve(hub_.connections.size());
    for (Connection* connection : hub_.connections) all.push_back(connection->weak_from_this());
    for (const auto& weak : all) {
      if (const auto connection = weak.lock()) call(*connection);
    }
  }

  void check_drained() {
    if (hub_.connections.empty()) finish_drain();
  }

  void finish_drain() {
    if (!drained_) return;
    sweep_timer_.cancel();
    asio::post(acceptor_.get_executor(), std::exchange(drained_, {}));
  }

  ServerConfig config_;
  Acceptor acceptor_;
  typename Protocol::endpoint endpoint_;  // its own; it is asked for also when nobody listens any more
  Hub hub_;
  typename Protocol::endpoint peer_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> sweep_timer_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> accept_timer_;
  File socket_file_;
  std::size_t max_connections_ = 0;
  std::size_t max_turned_away_ = 0;  // beyond them, at once, that are told so with patience
  int spare_ = ::eventfd(0, EFD_CLOEXEC);
  Clock::time_point complained_{};
  Clock::time_point drain_until_{};
  std::function<void()> drained_;
};

template <class Protocol>
std::unique_ptr<Server> make_bound_server(asio::io_context& io, api::Handler& handler, ServerConfig config,
                                          const typename Protocol::endpoint& endpoint) {
  typename TheServer<Protocol>::Acceptor acceptor(io.get_executor());
  acceptor.open(endpoint.protocol());
  if constexpr (std::is_same_v<Protocol, tcp>) acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint);
  return std::make_unique<TheServer<Protocol>>(handler, std::move(config), std::move(acceptor));
}

// What the system says to who wants to connect there, without waiting.
error_code try_to_connect(const Local::endpoint& endpoint) {
  const auto last = [] { return error_code(errno, boost::system::system_category()); };
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return last();
  const bool connected = ::connect(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0;
  const error_code error = connected ? error_code() : last();
  ::close(descriptor);
  return error;
}

std::unique_ptr<Server> make_unix_server(asio::io_context& io, api::Handler& handler, ServerConfig config) {
  const std::string path = config.uds;
  try {
    // A socket that a crashed server left behind is in the way; one that answers belongs to a living one.
    struct stat status {};
    mode_t mode = kForEverybody;
    if (::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
      const error_code refused = try_to_connect(Local::endpoint(path));
      // One that is too busy to take us is there, too.
      if (!refused || refused == asio::error::would_block) throw std::runtime_error("another server listens there");
      if (refused != asio::error::connection_refused) throw boost::system::system_error(refused);
      ::unlink(path.c_str());
      mode = status.st_mode & 0777;
    }
    auto server = make_bound_server<Local>(io, handler, std::move(config), Local::endpoint(path));
    if (::chmod(path.c_str(), mode) != 0) throw boost::system::system_error(errno, boost::system::system_category());
    return server;
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on unix socket " + path + ": " + error.code().message());
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot listen on unix socket " + path + ": " + error.what());
  }
}

bool is_bound(const tcp::endpoint& endpoint) { return endpoint.port() != 0; }
bool is_bound(const Local::endpoint& endpoint) { return !endpoint.path().empty(); }

// To listen on a socket that is not bound would be to listen on any port of every address.
template <class Protocol>
std::unique_ptr<Server> make_server_of(asio::io_context& io, api::Handler& handler, ServerConfig config,
                                       const Protocol& protocol, const std::string& where) {
  typename TheServer<Protocol>::Acceptor acceptor(io.get_executor(), protocol, config.fd);
  if (!is_bound(acceptor.local_endpoint())) throw std::runtime_error(where + "it is not bound to an address");
  return std::make_unique<TheServer<Protocol>>(handler, std::move(config), std::move(acceptor));
}

// The socket's own family says what it is.
std::unique_ptr<Server> make_inheriting_server(asio::io_context& io, api::Handler& handler, ServerConfig config) {
  const int fd = config.fd;
  const std::string where = "cannot listen on file descriptor " + std::to_string(fd) + ": ";
  config.uds.clear();  // whose file that is, is not known: it stays
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  int type = 0;
  socklen_t type_size = sizeof(type);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0)
    throw std::runtime_error(where + boost::system::error_code(errno, boost::system::system_category()).message());
  if (type != SOCK_STREAM) throw std::runtime_error(where + "it is not a stream socket");
  try {
    if (address.ss_family == AF_UNIX) return make_server_of(io, handler, std::move(config), Local(), where);
    if (address.ss_family == AF_INET) return make_server_of(io, handler, std::move(config), tcp::v4(), where);
    if (address.ss_family == AF_INET6) return make_server_of(io, handler, std::move(config), tcp::v6(), where);
    throw std::runtime_error(where + "it is a socket of neither TCP nor Unix");
  } catch (const boost::system::system_error& failed) {
    throw std::runtime_error(where + failed.code().message());
  }
}

}  // namespace

std::unique_ptr<Server> make_server(asio::io_context& io, api::Handler& handler, ServerConfig config) {
  if (config.fd >= 0) return make_inheriting_server(io, handler, std::move(config));
  if (!config.uds.empty()) return make_unix_server(io, handler, std::move(config));
  const std::string where = config.host + ":" + std::to_string(config.port);
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(config.host, std::to_string(config.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) throw std::runtime_error("cannot listen on " + where + ": the host is not known");
  const tcp::endpoint endpoint = found.begin()->endpoint();
  try {
    return make_bound_server<tcp>(io, handler, std::move(config), endpoint);
  } catch (const boost::system::system_error& failed) {
    throw std::runtime_error("cannot listen on " + where + ": " + failed.code().message());
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace battery_twin::http
