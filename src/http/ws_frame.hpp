#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "utf8.hpp"

namespace battery_twin::http {

// RFC 6455 on the server's side, without a socket: what a client's bytes mean, and the bytes of our own frames.

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Why the server closes. A client may give others (`may_be_sent`).
enum class CloseCode : std::uint16_t {
  protocol_error = 1002,
  unsupported_data = 1003,
  none_given = 1005,  ///< never on the wire
  invalid_text = 1007,
  message_too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
};

/// The codes that may stand in a close frame.
[[nodiscard]] bool may_be_sent(CloseCode code);

/// `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
[[nodiscard]] std::string accept_key(std::string_view key);

/// XORs a frame's payload with its mask. @param offset  of the first byte in the payload
void unmask(std::span<char> bytes, const std::array<char, 4>& mask, std::size_t offset);

/// What a client's bytes came to.
struct Incoming {
  enum class Kind {
    nothing,  ///< more bytes are needed
    text,     ///< a whole message
    ping,
    pong,
    close,  ///< `code` is the client's, or none_given
    fault,  ///< against the rules; `code` is the one to close with
  };
  Kind kind = Kind::nothing;
  CloseCode code{};
  std::string_view in_place{};  ///< the payload, when it came in one piece: among the bytes that were read
  std::string kept{};           ///< the payload, when it came in several

  [[nodiscard]] std::string_view payload() const { return kept.empty() ? in_place : kept; }
};

/// Reads what a client sends, in whatever pieces it comes. Holds no more than the unfinished message.
class MessageReader {
 public:
  /// @param max_message  bytes; a longer message is a fault as soon as a frame header announces it
  explicit MessageReader(std::size_t max_message) : max_message_(max_message) {}

  /// Takes bytes off the front, up to the end of the next message or control frame, and unmasks them where they are.
  /// Must not be called again after a fault or a close.
  [[nodiscard]] Incoming next(std::span<char>& bytes);

 private:
  static constexpr std::size_t kLongestHeader = 14;

  // The fault, if the header is one; nothing while it is good so far.
  std::optional<CloseCode> read_header(std::span<char>& bytes);
  std::optional<CloseCode> check_opening() const;
  std::optional<CloseCode> check_length();
  [[nodiscard]] std::size_t header_size() const;
  [[nodiscard]] std::uint8_t byte(std::size_t at) const { return static_cast<std::uint8_t>(header_[at]); }
  [[nodiscard]] Opcode opcode() const { return static_cast<Opcode>(byte(0) & 0x0F); }
  [[nodiscard]] bool is_final() const { return (byte(0) & 0x80) != 0; }
  [[nodiscard]] bool is_control() const { return (byte(0) & 0x08) != 0; }
  [[nodiscard]] bool header_done() const { return have_ >= 2 && have_ == header_size(); }
  std::optional<Incoming> read_control(std::span<char> chunk);
  std::optional<Incoming> read_text(std::span<char> chunk);

  std::size_t max_message_;
  std::array<char, kLongestHeader> header_{};
  std::uint8_t have_ = 0;   // bytes of the header
  bool within_ = false;     // a message that is not finished: continuation frames are due
  Utf8Check utf8_;          // of that message
  std::uint64_t size_ = 0;  // of the frame's payload
  std::uint64_t left_ = 0;  // of it, still to come
  std::string message_;     // its finished part
  std::string control_;     // the finished part of a control frame's payload
};

/// The header of a frame that the server sends: whole and unmasked.
class FrameHeader {
 public:
  FrameHeader(Opcode opcode, std::size_t payload);
  [[nodiscard]] std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 10> bytes_{};
  std::size_t size_;
};

/// Text messages as they go out, one after the other.
[[nodiscard]] std::string frames_of(std::span<const std::shared_ptr<const std::string>> texts);

/// The payload of a close frame. @param code  none_given: empty
[[nodiscard]] std::string close_payload(CloseCode code);

/// What one client is still to be sent, in order. Payloads are shared; the headers before them are made when they go.
class FrameQueue {
 public:
  using Payload = std::shared_ptr<const std::string>;

  void push(Opcode opcode, Payload payload);
  /// Bytes that go out as they are, without a frame around them.
  void push_raw(Payload bytes);

  /// Appends the next bytes to go, up to that many in all.
  void gather(std::string& out, std::size_t limit) const;
  /// The next bytes to go, where they are all there is and stand together already; else nothing.
  [[nodiscard]] std::string_view in_one_piece() const;
  /// That many of them went.
  void drop(std::size_t bytes);
  /// Forgets all but the frame of which some bytes went already.
  void drop_unbegun();

  [[nodiscard]] bool empty() const { return frames_.empty(); }
  /// What all of it takes: payloads and something for each frame, so that empty ones count, too.
  [[nodiscard]] std::size_t cost() const { return cost_; }
  /// The same without the frame that is next, or on its way.
  [[nodiscard]] std::size_t cost_behind_first() const { return empty() ? 0 : cost_ - cost_of(frames_[first_]); }

 private:
  struct Frame {
    Payload payload;
    std::optional<Opcode> opcode;  // none: raw
  };
  static constexpr std::size_t kFrameCost = 48;
  static constexpr std::size_t kKeptFrames = 64;  // room for them is kept when the queue runs empty

  static std::size_t cost_of(const Frame& frame) { return frame.payload->size() + kFrameCost; }
  static std::size_t header_size(const Frame& frame);
  void add(Frame frame);

  std::vector<Frame> frames_;  // from `first_` on
  std::size_t first_ = 0;
  std::size_t sent_ = 0;  // bytes of the first one
  std::size_t cost_ = 0;
};

}  // namespace battery_twin::http
