#include "ws_frames.hpp"

#include <algorithm>
#include <boost/beast/websocket/detail/hybi13.hpp>
#include <utility>

namespace battery_twin::http {
namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kReserved = 0x70;
constexpr unsigned kMasked = 0x80;
constexpr std::size_t kMaxControl = 125;

WsMessage violation(CloseCode code) {
  return {.kind = WsMessage::Kind::violation, .code = static_cast<std::uint16_t>(code)};
}

// Codes that may stand in a close frame: those that are defined and not reserved for what never is sent, those of
// libraries and those of applications.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

WsMessage read_close(const std::string& payload) {
  constexpr auto kNormal = static_cast<std::uint16_t>(CloseCode::normal);
  if (payload.empty()) return {.kind = WsMessage::Kind::close, .code = kNormal};
  if (payload.size() == 1) return violation(CloseCode::protocol_error);
  const unsigned code = static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
  if (!may_be_sent(code)) return violation(CloseCode::protocol_error);
  if (!is_utf8(std::string_view(payload).substr(2))) return violation(CloseCode::bad_text);
  return {.kind = WsMessage::Kind::close, .code = static_cast<std::uint16_t>(code)};
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  boost::beast::websocket::detail::sec_ws_accept_type accept;
  boost::beast::websocket::detail::make_sec_ws_accept(accept, {key.data(), key.size()});
  return {accept.data(), accept.size()};
}

FrameHead::FrameHead(Opcode opcode, std::size_t payload) {
  const auto put = [this](std::size_t byte) { bytes[size++] = static_cast<char>(byte & 0xFF); };
  put(kFinal | static_cast<unsigned>(opcode));
  if (payload <= kMaxControl) {
    put(payload);
    return;
  }
  const bool is_short = payload <= 0xFFFF;
  put(is_short ? 126 : 127);
  for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8) put(payload >> shift);
}

std::optional<WsMessage> FrameReader::next(std::string_view& bytes) {
  while (!bytes.empty()) {
    auto message = in_payload_ ? take_payload(bytes) : take_head(bytes);
    if (message) return message;
  }
  return std::nullopt;
}

// Two bytes, the length where it is long, the mask.
std::optional<WsMessage> FrameReader::take_head(std::string_view& bytes) {
  while (!bytes.empty()) {
    head_[head_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (head_size_ == 1) {
      if (auto wrong = check_first(head_[0])) return wrong;
      continue;
    }
    const unsigned marker = head_[1] & 0x7Fu;
    if (head_size_ == 2 && ((head_[1] & kMasked) == 0 || (is_control() && marker > kMaxControl)))
      return violation(CloseCode::protocol_error);
    const std::size_t width = marker == 127 ? 8 : marker == 126 ? 2 : 0;
    if (head_size_ < 2 + width + mask_.size()) continue;

    std::uint64_t length = width == 0 ? marker : 0;
    for (std::size_t i = 0; i < width; ++i) length = length << 8 | head_[2 + i];
    const std::uint64_t shortest = width == 8 ? 0x10000 : width == 2 ? kMaxControl + 1 : 0;
    if (length < shortest || length >> 63 != 0) return violation(CloseCode::protocol_error);
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(2 + width), mask_.size(), mask_.begin());
    head_size_ = 0;
    return start_frame(length);
  }
  return std::nullopt;
}

std::optional<WsMessage> FrameReader::check_first(unsigned first) {
  opcode_ = static_cast<Opcode>(first & 0x0F);
  final_ = (first & kFinal) != 0;
  bool valid = (first & kReserved) == 0;
  switch (opcode_) {
    case Opcode::continuation:
      valid = valid && in_message_;
      break;
    case Opcode::text:
    case Opcode::binary:
      valid = valid && !in_message_;
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      valid = valid && final_;
      break;
    default:
      valid = false;
  }
  if (!valid) return violation(CloseCode::protocol_error);
  if (opcode_ == Opcode::binary) return violation(CloseCode::unsupported);
  return std::nullopt;
}

std::optional<WsMessage> FrameReader::start_frame(std::uint64_t length) {
  if (!is_control() && length > max_message_ - message_.size()) return violation(CloseCode::too_big);
  remaining_ = length;
  mask_at_ = 0;
  in_payload_ = true;
  return remaining_ == 0 ? end_frame() : std::nullopt;
}

std::optional<WsMessage> FrameReader::take_payload(std::string_view& bytes) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  std::string& target = is_control() ? control_ : message_;
  const std::size_t start = target.size();
  target.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  remaining_ -= size;
  for (std::size_t i = start; i < target.size(); ++i)
    target[i] = static_cast<char>(static_cast<unsigned char>(target[i]) ^ mask_[mask_at_++ % mask_.size()]);
  if (!is_control() && !utf8_.take(std::string_view(target).substr(start))) return violation(CloseCode::bad_text);
  return remaining_ == 0 ? end_frame() : std::nullopt;
}

std::optional<WsMessage> FrameReader::end_frame() {
  in_payload_ = false;
  if (is_control()) {
    std::string payload = std::exchange(control_, {});
    if (opcode_ == Opcode::close) return read_close(payload);
    return WsMessage{.kind = opcode_ == Opcode::ping ? WsMessage::Kind::ping : WsMessage::Kind::pong,
                     .payload = std::move(payload)};
  }
  in_message_ = !final_;
  if (!final_) return std::nullopt;
  if (!utf8_.is_whole()) return violation(CloseCode::bad_text);
  return WsMessage{.kind = WsMessage::Kind::text, .payload = std::exchange(message_, {})};
}

}  // namespace battery_twin::http
