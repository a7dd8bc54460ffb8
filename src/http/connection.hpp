#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "access_policy.hpp"
#include "battery_twin/api/handler.hpp"
#include "battery_twin/http/server.hpp"
#include "response_writer.hpp"
#include "tally.hpp"

namespace battery_twin::http {

using Clock = std::chrono::steady_clock;
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;

/// The time, for a fraction of what the exact one costs. It may lag by a few milliseconds and is never ahead.
[[nodiscard]] inline Clock::time_point about_now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);  // steady_clock is CLOCK_MONOTONIC
  return Clock::time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

/// Who is at the other end.
struct Peer {
  std::string name;                                   ///< for the access log, e.g. "127.0.0.1:38480"
  std::optional<boost::asio::ip::address> address{};  ///< of one that came by a Unix socket: none
  bool trusted = false;                               ///< a proxy whose X-Forwarded-For and X-Forwarded-Proto count
  bool secure = false;                                ///< it came by TLS

  /// Says whether it is trusted.
  void decide(const TrustedProxies& proxies) { trusted = address ? proxies.trusts(*address) : proxies.trusts_unix(); }
};

/// One client, speaking HTTP or WebSocket. Keeps itself alive while it has something to do and is known to the server
/// from construction to destruction.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;
  /// The deadline has passed.
  virtual void expire() = 0;
  /// The server stops: finish what is under way, then go.
  virtual void drain() = 0;
  /// The server cannot wait any longer.
  virtual void cut() = 0;
  /// The turn of the loop is over (`Hub::flush_later`): writes what was queued in it.
  virtual void flush() {}
  /// The configuration has changed: what was decided by the old one for requests to come is forgotten.
  virtual void forget() {}

  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }

 protected:
  void set_deadline(Clock::time_point time) { deadline_ = time; }
  void set_deadline_in(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
  void clear_deadline() { deadline_ = Clock::time_point::max(); }

 private:
  Clock::time_point deadline_ = Clock::time_point::max();
};

/// What sessions share. Belongs to the server, which outlives every session.
struct Hub {
  const ServerConfig& config;
  api::Handler& handler;
  AccessPolicy policy;
  ResponseWriter writer;
  std::unordered_set<Connection*> connections;
  std::size_t relays = 0;  // connections by TLS
  Tally broken_relays{"a TLS connection ended", "TLS connections ended"};
  bool draining = false;
  std::size_t unsent_bytes = 0;   // of HTTP answers that clients have not taken yet
  std::function<void()> on_gone;  // a connection has gone
  std::string outgoing;           // where a WebSocket puts together what it writes at once
  std::string answers;            // the same of HTTP
  std::deque<std::shared_ptr<Connection>> to_flush;
  bool flush_is_posted = false;

  /// Calls the connection's `flush` after all that the loop has to do already. So what a connection is given by several
  /// handlers, or by one in several pieces, goes out in one write.
  void flush_later(std::shared_ptr<Connection> connection, const Executor& executor) {
    to_flush.push_back(std::move(connection));
    try {
      post_flush(executor);
    } catch (...) {
      to_flush.pop_back();  // it tries again with what comes next
      throw;
    }
  }

  void post_flush(const Executor& executor) {
    if (flush_is_posted) return;
    boost::asio::post(executor, [this, executor] { flush(executor); });
    flush_is_posted = true;
  }

  /// Of many clients as many as have their turn; between two turns others have theirs.
  void flush(const Executor& executor) {
    constexpr std::chrono::milliseconds kTurn{4};
    flush_is_posted = false;
    bool may_wait = true;
    const auto started = about_now();
    for (std::size_t left = to_flush.size(); left > 0; --left) {
      const auto connection = std::move(to_flush.front());
      to_flush.pop_front();
      try {
        connection->flush();
      } catch (...) {  // out of memory: it ends this one, not those behind it
        connection->cut();
      }
      if (!may_wait || about_now() - started < kTurn) continue;
      try {
        if (!to_flush.empty()) post_flush(executor);
        return;
      } catch (...) {
        may_wait = false;
      }
    }
  }
};

/// Puts a connection on the hub's list for as long as it lives.
class Registration {
 public:
  Registration(Hub& hub, Connection* connection) : hub_(hub), connection_(connection) {
    hub_.connections.insert(connection_);
  }
  ~Registration() {
    hub_.connections.erase(connection_);
    if (hub_.on_gone) hub_.on_gone();
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  Hub& hub_;
  Connection* connection_;
};

}  // namespace battery_twin::http
