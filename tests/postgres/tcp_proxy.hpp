#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace battery_twin::postgres {

/// Stands between clients and a port of 127.0.0.1, on a thread of its own, and lets the network fail. Every method may
/// be called from any thread at any time; when it returns, what it says is so.
class TcpProxy {
 public:
  enum class Mode {
    pass,
    black_hole,  ///< connections are taken and stay open, and no byte moves; what waits goes on its way with `pass`
    refuse       ///< all connections are cut, and new ones refused
  };
  enum class Direction { to_server, to_client };

  /// @throws std::runtime_error
  explicit TcpProxy(std::uint16_t target);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  /// The same for as long as the proxy lives.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void set_mode(Mode mode);
  /// Cuts what is open; new connections are as the mode has them.
  void cut_all();

  // Traps. There is one at a time, a new one replaces it, and it cuts one connection only. What has passed before the
  // cut does arrive.

  /// So many further bytes pass, of all connections together; whichever has the next one is cut instead.
  void cut_after(Direction direction, std::uint64_t bytes);
  /// The first client that sends the text is cut, and the text does not pass. It is sought in each piece that is read:
  /// it must be one that is sent at once.
  void cut_request(std::string text);
  /// The first client that sends the text is cut as soon as the server answers, in front of the answer.
  void cut_answer(std::string text);
  /// Waits for the trap to cut. False when it does not in time.
  [[nodiscard]] bool wait_for_cut(std::chrono::milliseconds patience = std::chrono::seconds(30));

  [[nodiscard]] std::size_t connections() const;
  /// Bytes that have passed since the beginning.
  [[nodiscard]] std::uint64_t passed(Direction direction) const;

 private:
  struct Connection;
  struct Flow;
  struct Trap;

  void run();
  void accept_all();
  bool serve(Connection& connection, short client_events, short server_events);
  bool move(Connection& connection, Direction direction);
  [[nodiscard]] std::size_t allowed(const Connection& connection, Direction direction) const;
  [[nodiscard]] bool may_pass(const Connection& connection, Direction direction, const std::string& bytes);
  void set_trap(Trap trap);
  void drop_all();
  void wake();

  std::uint16_t target_;
  std::uint16_t port_ = 0;
  int wake_ = -1;
  mutable std::mutex mutex_;  // for all below
  std::condition_variable cut_;
  bool ends_ = false;
  std::uint64_t changes_ = 0;  // what was polled before one is of no more interest
  Mode mode_ = Mode::pass;
  int listener_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Trap> trap_;
  std::array<std::uint64_t, 2> passed_{};
  std::thread thread_;
};

}  // namespace battery_twin::postgres
