#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/api/handler.hpp"
#include "battery_twin/http/tls.hpp"
#include "battery_twin/http/trusted_proxies.hpp"

namespace battery_twin::http {

struct ServerConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any free one
  std::string uds;            ///< path of a Unix socket to listen on instead of host and port; or empty
  int fd = -1;                ///< a socket of somebody else's to listen on instead of all these; or -1
  int backlog = 2048;
  std::size_t limit_concurrency = 0;  ///< connections served at once, 503 beyond; 0: as many as there are descriptors

  std::vector<std::string> cors_origins;       ///< allowed beside the own and loopback origins; "*": every one
  std::vector<std::string> allowed_hosts;      ///< names that `Host` may hold beside addresses and localhost
  TrustedProxies trusted_proxies;              ///< whose word on a client's address and scheme counts
  std::shared_ptr<const Tls> tls;              ///< how all connections are encrypted; null: they are not
  std::string server_header = "battery-twin";  ///< empty: no `Server` field
  bool date_header = true;
  std::vector<std::pair<std::string, std::string>> extra_headers;  ///< on every answer

  std::size_t max_header = 16 * 1024;         ///< bytes
  std::uint64_t max_body = 1024 * 1024;       ///< bytes
  std::size_t max_unsent = 64 * 1024 * 1024;  ///< bytes of all answers that wait to be read; then long ones are 503
  std::size_t ws_max_message = 1024 * 1024;   ///< bytes a client may send in one message
  std::size_t ws_max_backlog = 1024 * 1024;   ///< bytes of events a client may leave unread
  std::chrono::milliseconds header_timeout{10'000};   ///< from the first byte of a request to the end of its header
  std::chrono::milliseconds request_timeout{60'000};  ///< from the first byte of a request to its end
  std::chrono::milliseconds keep_alive_timeout{5'000};
  std::chrono::milliseconds write_timeout{30'000};  ///< without progress
  std::chrono::milliseconds ws_ping_interval{20'000};
  std::chrono::milliseconds ws_ping_timeout{20'000};

  /// Told every answered request: peer ("127.0.0.1:38480"), request line without version, status; "-" stands for what
  /// of the request line did not come or cannot be read; and whether it asked for a WebSocket. May be empty.
  std::function<void(std::string_view peer, std::string_view method, std::string_view target, std::string_view version,
                     int status, bool websocket)>
      on_access;
  /// Told whenever a WebSocket client is closed with 1013 because it does not read. May be empty.
  std::function<void()> on_left_behind;
  /// Told what a person should know of: accept errors, internal errors. Never empty.
  std::function<void(std::string_view text)> on_error = [](std::string_view) {};
};

/// Listens, and hosts the HTTP and WebSocket sessions. Everything runs on the thread that runs the io_context.
class Server {
 public:
  virtual ~Server() = default;
  /// Takes another configuration, but where it listens. Whether it speaks TLS stays, with other certificates. Open
  /// connections keep theirs; all else is true for them from their next request on.
  virtual void configure(ServerConfig config) = 0;
  /// Where it listens, e.g. "http://127.0.0.1:8000" or "unix socket /run/twin.sock".
  [[nodiscard]] virtual std::string url() const = 0;
  /// Where a browser on this machine finds it: as above, but with an address for "all of them". Empty for a Unix
  /// socket.
  [[nodiscard]] virtual std::string browser_url() const = 0;
  /// Only this machine can reach it: loopback or a Unix socket.
  [[nodiscard]] virtual bool is_private() const = 0;
  /// Stops accepting, closes WebSockets with 1012 and idle connections; requests under way are finished, those of which
  /// a part of the header has come are answered 503.
  /// @param done  called when the last connection has gone, at the latest after `timeout`, when the rest is cut off
  virtual void drain(std::chrono::milliseconds timeout, std::function<void()> done) = 0;
  /// Cuts every connection off. They are gone once the io_context has run what is ready then; the server and the
  /// handler must live until that.
  virtual void cut() = 0;
};

/// Binds and listens; serves from the next turn of the io_context on.
/// @param handler  must outlive the server
/// @throws std::runtime_error  one sentence why it cannot listen
[[nodiscard]] std::unique_ptr<Server> make_server(boost::asio::io_context& io, api::Handler& handler,
                                                  ServerConfig config);

/// Raises the limit of open descriptors as far as the system allows.
void raise_descriptor_limit();

}  // namespace battery_twin::http
