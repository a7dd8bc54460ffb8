// What a WebSocket client sends. The first byte says how it is cut, the second how long a message may be.

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../src/http/ws_frame.hpp"
#include "fuzzing.hpp"

namespace battery_twin::fuzz {
namespace {

using http::CloseCode;
using http::Incoming;
using http::Opcode;
using Kind = Incoming::Kind;

struct Event {
  Kind kind;
  int code;
  std::string payload;

  bool operator==(const Event&) const = default;
};

bool is_last(const Event& event) { return event.kind == Kind::close || event.kind == Kind::fault; }

std::vector<Event> read(std::string bytes, std::uint8_t longest, std::size_t max_message) {
  http::MessageReader reader(max_message);
  std::vector<Event> events;
  for (Pieces pieces(bytes, longest); !pieces.empty();) {
    std::string piece(pieces.next());
    for (std::span<char> left = piece;;) {
      const Incoming incoming = reader.next(left);
      if (incoming.kind == Kind::nothing) {
        require(left.empty(), "more bytes are asked for when all have been taken");
        break;
      }
      events.push_back({incoming.kind, static_cast<int>(incoming.code), std::string(incoming.payload())});
      if (is_last(events.back())) {
        if (incoming.kind == Kind::fault) events.back().payload.clear();
        return events;
      }
    }
  }
  return events;
}

// How many bytes of the text are UTF-8; where a character is not whole at the end, up to that.
struct Utf8 {
  std::size_t bad_at;  // the first byte that cannot stand there, or the text's size
  bool whole;
};
Utf8 read_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(i);
    const std::size_t size = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size == 0 || first > 0xF4 || first == 0xC0 || first == 0xC1) return {i, false};
    for (std::size_t k = 1; k < size; ++k) {
      if (i + k == text.size()) return {text.size(), false};
      if (byte(i + k) < 0x80 || byte(i + k) > 0xBF) return {i + k, false};
      // Behind the first two bytes it is known whether the character is too long a form, a surrogate or too high.
      const unsigned start = first << 8 | byte(i + 1);
      const bool wrong = (first == 0xE0 && start < 0xE0A0) || (first == 0xED && start > 0xED9F) ||
                         (first == 0xF0 && start < 0xF090) || (first == 0xF4 && start > 0xF48F);
      if (wrong) return {i + 1, false};
    }
    i += size;
  }
  return {text.size(), true};
}

Event fault(CloseCode code) { return {Kind::fault, static_cast<int>(code), {}}; }

// RFC 6455 5 read by the letter, all bytes at hand.
class LetterReader {
 public:
  LetterReader(std::string_view bytes, std::size_t max_message) : left_(bytes), max_message_(max_message) {}

  std::vector<Event> read() {
    while (!left_.empty()) {
      auto event = read_frame();
      if (event) events_.push_back(std::move(*event));
      if (!events_.empty() && is_last(events_.back())) break;
    }
    return std::move(events_);
  }

 private:
  std::optional<Event> read_frame() {
    const unsigned first = byte(0);
    const bool final = (first & 0x80) != 0;
    const unsigned opcode = first & 0x0F;
    const bool control = opcode >= 8;
    if ((first & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10) return fault(CloseCode::protocol_error);
    if (control ? !final : (opcode == 0) != within_) return fault(CloseCode::protocol_error);
    if (opcode == 2) return fault(CloseCode::unsupported_data);
    if (left_.size() < 2) return stop();
    const unsigned second = byte(1);
    if (second < 0x80 || (control && second > 0x80 + 125)) return fault(CloseCode::protocol_error);
    const std::size_t width = second == 0xFE ? 2 : second == 0xFF ? 8 : 0;
    if (left_.size() < 6 + width) return stop();
    std::uint64_t size = second & 0x7F;
    if (width > 0) size = 0;
    for (std::size_t i = 0; i < width; ++i) size = size << 8 | byte(2 + i);
    if ((width == 2 && size < 126) || (width == 8 && (size < 65536 || size >> 63 != 0)))
      return fault(CloseCode::protocol_error);
    if (!control && size > max_message_ - message_.size()) return fault(CloseCode::message_too_big);
    const std::string_view mask = left_.substr(2 + width, 4);
    left_.remove_prefix(6 + width);
    const bool whole = size <= left_.size();
    std::string payload(left_.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, left_.size()))));
    left_.remove_prefix(payload.size());
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
    return control ? read_control(opcode, payload, whole) : read_text(payload, whole, final);
  }

  static std::optional<Event> read_control(unsigned opcode, const std::string& payload, bool whole) {
    if (!whole) return std::nullopt;
    if (opcode != 8) return Event{opcode == 9 ? Kind::ping : Kind::pong, 0, payload};
    if (payload.empty()) return Event{Kind::close, static_cast<int>(CloseCode::none_given), payload};
    if (payload.size() == 1) return fault(CloseCode::protocol_error);
    const int code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
    const bool sendable =
        (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
    if (!sendable) return fault(CloseCode::protocol_error);
    if (!read_utf8(std::string_view(payload).substr(2)).whole) return fault(CloseCode::invalid_text);
    return Event{Kind::close, code, payload};
  }

  std::optional<Event> read_text(const std::string& payload, bool whole, bool final) {
    within_ = true;
    message_ += payload;
    const Utf8 utf8 = read_utf8(message_);
    if (utf8.bad_at < message_.size()) return fault(CloseCode::invalid_text);
    if (!whole || !final) return std::nullopt;
    if (!utf8.whole) return fault(CloseCode::invalid_text);
    within_ = false;
    Event event{Kind::text, 0, std::move(message_)};
    message_.clear();
    return event;
  }

  std::optional<Event> stop() {
    left_ = {};
    return std::nullopt;
  }
  [[nodiscard]] unsigned byte(std::size_t at) const { return static_cast<unsigned char>(left_[at]); }

  std::string_view left_;
  std::size_t max_message_;
  bool within_ = false;
  std::string message_;
  std::vector<Event> events_;
};

Opcode opcode_of(Kind kind) {
  return kind == Kind::text ? Opcode::text : kind == Kind::ping ? Opcode::ping : Opcode::pong;
}

// The events sent back, through the queue in which they wait for the socket.
void check_answers(const std::vector<Event>& events, std::uint8_t longest) {
  http::FrameQueue queue;
  std::string wanted;
  for (const Event& event : events) {
    if (is_last(event)) break;
    queue.push(opcode_of(event.kind), std::make_shared<const std::string>(event.payload));
    wanted.append(http::FrameHeader(opcode_of(event.kind), event.payload.size()).bytes()).append(event.payload);
  }
  std::string sent;
  for (std::size_t step = 1; !queue.empty(); ++step) {
    require(queue.cost_behind_first() < queue.cost(), "the first frame costs something");
    std::string bytes;
    queue.gather(bytes, std::size_t{longest} + 1);
    require(!bytes.empty() && bytes.size() <= std::size_t{longest} + 1, "some bytes go, and no more than asked for");
    const std::size_t taken = 1 + step % bytes.size();  // a socket may take fewer
    queue.drop(taken);
    sent.append(bytes, 0, taken);
  }
  require(queue.cost() == 0, "nothing that waits costs nothing");
  require(sent == wanted, "the frames go as they are, however they are cut");
}

// The events as a client would send them.
std::string frames_of(const std::vector<Event>& events) {
  constexpr char kMask[] = {0x12, 0x34, 0x56, 0x78};
  std::string bytes;
  for (const Event& event : events) {
    if (event.kind == Kind::fault) break;
    const Opcode opcode = event.kind == Kind::close ? Opcode::close : opcode_of(event.kind);
    std::string header(http::FrameHeader(opcode, event.payload.size()).bytes());
    header[1] = static_cast<char>(header[1] | 0x80);
    bytes.append(header).append(kMask, sizeof kMask);
    for (std::size_t i = 0; i < event.payload.size(); ++i)
      bytes += static_cast<char>(event.payload[i] ^ kMask[i % sizeof kMask]);
  }
  return bytes;
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace battery_twin::fuzz;
  Input input(data, size);
  const std::uint8_t longest = input.choice();
  const std::size_t max_message = std::size_t{input.choice()} * 400;  // 64-bit lengths, too
  const std::string bytes(input.rest());

  std::vector<Event> events = read(bytes, Pieces::kWhole, max_message);
  require(read(bytes, longest, max_message) == events, "what is read does not depend on how the bytes are cut");
  require(read(bytes, Pieces::kSingleBytes, max_message) == events, "nor when each of them comes alone");
  require(LetterReader(bytes, max_message).read() == events, "it is what RFC 6455 says");
  check_answers(events, longest);
  if (!events.empty() && events.back().kind == Kind::fault) {
    require(battery_twin::http::may_be_sent(static_cast<CloseCode>(events.back().code)), "a fault's code may be sent");
    events.pop_back();
  }
  require(read(frames_of(events), longest, max_message) == events, "sent again it is the same");
  return 0;
}
