#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http_client.hpp"

namespace battery_twin::system {

/// A key as RFC 6455 has it in its example, and the answer that belongs to it.
inline constexpr std::string_view kWebSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view kWebSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Text of an upgrade request.
[[nodiscard]] std::string upgrade_text(std::string_view target, const Headers& extra = {});

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Bytes of one frame as a client sends it.
[[nodiscard]] std::string frame_bytes(Opcode opcode, std::string_view payload, bool final = true, bool masked = true);

/// A WebSocket client that reads only when it is told to. Answers pings and the server's close while it reads.
class WsClient {
 public:
  struct Options {
    std::string target = "/ws/status";
    Headers headers{};
    Connection::Options connection{};
    std::string sent_ahead{};  ///< bytes that go out together with the upgrade request
  };

  explicit WsClient(std::uint16_t port, std::string target = "/ws/status");
  /// @throws std::runtime_error  when the server does not upgrade
  WsClient(std::uint16_t port, const Options& options);

  void send_text(std::string_view text) { connection_.send(frame_bytes(Opcode::text, text)); }
  void send_bytes(std::string_view bytes) { connection_.send(bytes); }

  /// The next text message, or nothing when the server has closed.
  /// @throws std::runtime_error  when nothing comes in time
  [[nodiscard]] std::optional<std::string> receive();
  /// The next text message as a document. @throws std::runtime_error  when the server closes instead
  [[nodiscard]] Json receive_json();
  /// Receives until a message satisfies it; that one. All that came, with it, is appended to `seen`.
  Json wait_for(const std::function<bool(const Json&)>& wanted, std::vector<Json>* seen = nullptr);
  /// The same for the first message with that status.
  Json wait_for_status(std::string_view status, std::string_view batch_id, std::vector<Json>* seen = nullptr);
  /// Everything up to the server's close; its code (1005 when it gave none, 1006 when there was no close frame).
  [[nodiscard]] int wait_for_close();

  /// Text messages that are there already, without waiting.
  [[nodiscard]] std::vector<std::string> receive_now();

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] int close_code() const { return close_code_; }
  [[nodiscard]] int pings() const { return pings_; }
  /// Payloads of the pongs so far.
  [[nodiscard]] const std::vector<std::string>& pongs() const { return pongs_; }
  [[nodiscard]] const HttpResponse& handshake() const { return handshake_; }
  [[nodiscard]] Connection& connection() { return connection_; }

 private:
  // The next text message among what was received.
  std::optional<std::string> next_text();
  bool take_frame(Opcode& opcode, bool& final, std::string& payload);
  void end(int code);

  Connection connection_;
  HttpResponse handshake_;
  std::size_t used_ = 0;  // of the connection's buffer
  std::string message_;   // fragments so far
  bool closed_ = false;
  int close_code_ = 1006;
  int pings_ = 0;
  std::vector<std::string> pongs_;
};

}  // namespace battery_twin::system
