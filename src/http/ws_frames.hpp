#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "utf8.hpp"

namespace battery_twin::http {

/// What `Sec-WebSocket-Accept` answers to a key.
[[nodiscard]] std::string websocket_accept(std::string_view key);

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes that the server gives (RFC 6455 7.4).
enum class CloseCode : std::uint16_t {
  normal = 1000,
  protocol_error = 1002,
  unsupported = 1003,
  bad_text = 1007,
  too_big = 1009,
  internal_error = 1011,
  restart = 1012,
  try_again_later = 1013,
};

/// What stands before the payload of a frame of the server: at most ten bytes.
struct FrameHead {
  FrameHead() = default;  ///< nothing stands there
  FrameHead(Opcode opcode, std::size_t payload);
  std::array<char, 10> bytes{};
  std::size_t size = 0;
};

/// What a client sent, whole.
struct WsMessage {
  enum class Kind {
    text,
    ping,
    pong,
    close,      ///< to be answered with `code`
    violation,  ///< of the protocol, or more than is taken; to be closed with `code`. Nothing can be read behind it
  };
  Kind kind;
  std::string payload{};
  std::uint16_t code = 0;
};

/// Takes a client's frames apart, strictly: what RFC 6455 does not allow is seen at the first byte that shows it. A
/// length that is announced is never allocated.
class FrameReader {
 public:
  /// @param max_message  bytes of a message, in one frame or several
  explicit FrameReader(std::size_t max_message) : max_message_(max_message) {}

  /// Takes bytes off the front. @return the next message, or nothing when all bytes are taken and it is not whole
  [[nodiscard]] std::optional<WsMessage> next(std::string_view& bytes);

 private:
  std::optional<WsMessage> take_head(std::string_view& bytes);
  std::optional<WsMessage> check_first(unsigned first);
  std::optional<WsMessage> start_frame(std::uint64_t length);
  std::optional<WsMessage> take_payload(std::string_view& bytes);
  std::optional<WsMessage> end_frame();
  [[nodiscard]] bool is_control() const { return opcode_ >= Opcode::close; }

  std::size_t max_message_;
  std::array<unsigned char, 14> head_{};
  std::size_t head_size_ = 0;  // bytes of it so far
  bool in_payload_ = false;
  Opcode opcode_ = Opcode::text;
  bool final_ = true;
  std::uint64_t remaining_ = 0;  // of the frame's payload
  std::array<unsigned char, 4> mask_{};
  std::size_t mask_at_ = 0;
  bool in_message_ = false;  // between the frames of one
  std::string message_;
  Utf8Check utf8_;
  std::string control_;
};

}  // namespace battery_twin::http
