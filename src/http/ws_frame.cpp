#include "ws_frame.hpp"

#include <algorithm>
#include <bit>
#include <boost/uuid/detail/sha1.hpp>
#include <cstring>
#include <utility>

namespace battery_twin::http {
namespace {

constexpr std::uint8_t kReservedBits = 0x70;
constexpr std::uint8_t kMaskBit = 0x80;
constexpr std::uint8_t kTwoBytes = 126;    // the length is in the two bytes that follow
constexpr std::uint8_t kEightBytes = 127;  // likewise
constexpr std::size_t kLongestControl = 125;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 0x3F] : '=';
  }
  return out;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

void put_big_endian(char* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 0xFF);
}

Incoming fault(CloseCode code) { return {.kind = Incoming::Kind::fault, .code = code}; }

}  // namespace

bool may_be_sent(CloseCode code) {
  const auto number = static_cast<std::uint16_t>(code);
  return (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014) || (number >= 3000 && number <= 4999);
}

std::string accept_key(std::string_view key) {
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  boost::uuids::detail::sha1 hash;
  hash.process_bytes(key.data(), key.size());
  hash.process_bytes(kGuid.data(), kGuid.size());
  boost::uuids::detail::sha1::digest_type digest;
  hash.get_digest(digest);
  std::string bytes;
  for (const auto part : digest) {  // five words, or, in later versions of Boost, twenty bytes
    std::array<char, sizeof part> these{};
    put_big_endian(these.data(), part, these.size());
    bytes.append(these.data(), these.size());
  }
  return base64(bytes);
}

void unmask(std::span<char> bytes, const std::array<char, 4>& mask, std::size_t offset) {
  std::array<char, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(offset + i) % mask.size()];
  const auto eight = std::bit_cast<std::uint64_t>(turned);
  std::size_t i = 0;
  for (; i + sizeof eight <= bytes.size(); i += sizeof eight) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    word ^= eight;
    std::memcpy(bytes.data() + i, &word, sizeof word);
  }
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i % turned.size()]);
}

std::size_t MessageReader::header_size() const {
  const std::uint8_t length = byte(1) & ~kMaskBit;
  return length == kEightBytes ? 14 : length == kTwoBytes ? 8 : 6;
}

std::optional<CloseCode> MessageReader::check_opening() const {
  if ((byte(0) & kReservedBits) != 0) return CloseCode::protocol_error;
  switch (opcode()) {
    case Opcode::continuation:
      if (!within_) return CloseCode::protocol_error;
      break;
    case Opcode::text:
      if (within_) return CloseCode::protocol_error;
      break;
    case Opcode::binary:
      return within_ ? CloseCode::protocol_error : CloseCode::unsupported_data;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!is_final()) return CloseCode::protocol_error;
      break;
    default:
      return CloseCode::protocol_error;
  }
  if (have_ < 2) return std::nullopt;
  if ((byte(1) & kMaskBit) == 0) return CloseCode::protocol_error;
  if (is_control() && (byte(1) & ~kMaskBit) > static_cast<int>(kLongestControl)) return CloseCode::protocol_error;
  return std::nullopt;
}

// Of a whole header.
std::optional<CloseCode> MessageReader::check_length() {
  const std::size_t width = header_size() - 6;
  size_ = width == 0 ? byte(1) & ~kMaskBit : big_endian({header_.data() + 2, width});
  if (width == 2 && size_ < kTwoBytes) return CloseCode::protocol_error;
  if (width == 8 && (size_ <= 0xFFFF || size_ >> 63 != 0)) return CloseCode::protocol_error;
  if (!is_control() && size_ > max_message_ - message_.size()) return CloseCode::message_too_big;
  left_ = size_;
  return std::nullopt;
}

std::optional<CloseCode> MessageReader::read_header(std::span<char>& bytes) {
  while (!bytes.empty() && !header_done()) {
    // What is wrong with the first two bytes is told at each of them.
    const std::size_t wanted = have_ < 2 ? 1 : header_size() - have_;
    const std::size_t taken = std::min(wanted, bytes.size());
    std::copy_n(bytes.begin(), taken, header_.begin() + have_);
    have_ = static_cast<std::uint8_t>(have_ + taken);
    bytes = bytes.subspan(taken);
    if (have_ <= 2) {
      if (const auto wrong = check_opening()) return wrong;
    }
    if (header_done()) {
      if (const auto wrong = check_length()) return wrong;
      if (opcode() == Opcode::text) within_ = true;
    }
  }
  return std::nullopt;
}

Incoming MessageReader::next(std::span<char>& bytes) {
  for (;;) {
    if (!header_done()) {
      if (const auto wrong = read_header(bytes)) return fault(*wrong);
      if (!header_done()) return {};
    }
    const std::span<char> chunk = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    bytes = bytes.subspan(chunk.size());
    std::array<char, 4> mask{};
    std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(header_size() - mask.size()), mask.size(), mask.begin());
    unmask(chunk, mask, static_cast<std::size_t>((size_ - left_) % mask.size()));
    left_ -= chunk.size();
    auto found = is_control() ? read_control(chunk) : read_text(chunk);
    if (left_ == 0) have_ = 0;
    if (found) return std::move(*found);
    if (left_ > 0) return {};
  }
}

std::optional<Incoming> MessageReader::read_control(std::span<char> chunk) {
  Incoming found{.in_place = {chunk.data(), chunk.size()}};
  if (left_ > 0 || !control_.empty()) {
    control_.append(chunk.data(), chunk.size());
    if (left_ > 0) return std::nullopt;
    found.kept = std::exchange(control_, {});
  }
  if (opcode() != Opcode::close) {
    found.kind = opcode() == Opcode::ping ? Incoming::Kind::ping : Incoming::Kind::pong;
    return found;
  }
  found.kind = Incoming::Kind::close;
  found.code = CloseCode::none_given;
  const std::string_view payload = found.payload();
  if (payload.empty()) return found;
  if (payload.size() < 2) return fault(CloseCode::protocol_error);
  found.code = static_cast<CloseCode>(big_endian(payload.substr(0, 2)));
  if (!may_be_sent(found.code)) return fault(CloseCode::protocol_error);
  Utf8Check reason;
  if (!reason.take(payload.substr(2)) || !reason.complete()) return fault(CloseCode::invalid_text);
  return found;
}

std::optional<Incoming> MessageReader::read_text(std::span<char> chunk) {
  if (!utf8_.take({chunk.data(), chunk.size()})) return fault(CloseCode::invalid_text);
  const bool done = left_ == 0 && is_final();
  if (done && !utf8_.complete()) return fault(CloseCode::invalid_text);
  if (done && message_.empty()) {
    within_ = false;
    return Incoming{.kind = Incoming::Kind::text, .in_place = {chunk.data(), chunk.size()}};
  }
  message_.append(chunk.data(), chunk.size());
  if (!done) return std::nullopt;
  within_ = false;
  return Incoming{.kind = Incoming::Kind::text, .kept = std::exchange(message_, {})};
}

FrameHeader::FrameHeader(Opcode opcode, std::size_t payload) {
  constexpr std::uint8_t kFinal = 0x80;
  bytes_[0] = static_cast<char>(kFinal | static_cast<std::uint8_t>(opcode));
  if (payload < kTwoBytes) {
    bytes_[1] = static_cast<char>(payload);
    size_ = 2;
  } else if (payload <= 0xFFFF) {
    bytes_[1] = static_cast<char>(kTwoBytes);
    put_big_endian(bytes_.data() + 2, payload, 2);
    size_ = 4;
  } else {
    bytes_[1] = static_cast<char>(kEightBytes);
    put_big_endian(bytes_.data() + 2, payload, 8);
    size_ = 10;
  }
}

std::string close_payload(CloseCode code) {
  if (code == CloseCode::none_given) return {};
  std::string payload(2, '\0');
  put_big_endian(payload.data(), static_cast<std::uint16_t>(code), 2);
  return payload;
}

std::string frames_of(std::span<const std::shared_ptr<const std::string>> texts) {
  std::string out;
  for (const auto& text : texts) out.append(FrameHeader(Opcode::text, text->size()).bytes()).append(*text);
  return out;
}

void FrameQueue::push(Opcode opcode, Payload payload) { add({std::move(payload), opcode}); }

void FrameQueue::push_raw(Payload bytes) { add({std::move(bytes), std::nullopt}); }

void FrameQueue::add(Frame frame) {
  const std::size_t cost = cost_of(frame);
  frames_.push_back(std::move(frame));
  cost_ += cost;
}

std::size_t FrameQueue::header_size(const Frame& frame) {
  if (!frame.opcode) return 0;
  const std::size_t payload = frame.payload->size();
  return payload < kTwoBytes ? 2 : payload <= 0xFFFF ? 4 : 10;
}

void FrameQueue::gather(std::string& out, std::size_t limit) const {
  std::size_t skip = sent_;
  const auto put = [&](std::string_view part) {
    const std::size_t skipped = std::min(skip, part.size());
    skip -= skipped;
    out.append(part.substr(skipped, limit - out.size()));
  };
  for (std::size_t i = first_; i < frames_.size() && out.size() < limit; ++i) {
    const Frame& frame = frames_[i];
    if (frame.opcode) put(FrameHeader(*frame.opcode, frame.payload->size()).bytes());
    put(*frame.payload);
  }
}

std::string_view FrameQueue::in_one_piece() const {
  if (frames_.size() != first_ + 1 || frames_[first_].opcode) return {};
  return std::string_view(*frames_[first_].payload).substr(sent_);
}

void FrameQueue::drop(std::size_t bytes) {
  sent_ += bytes;
  while (first_ < frames_.size()) {
    Frame& frame = frames_[first_];
    const std::size_t size = header_size(frame) + frame.payload->size();
    if (sent_ < size) break;
    sent_ -= size;
    cost_ -= cost_of(frame);
    frame.payload.reset();
    ++first_;
  }
  if (first_ == frames_.size()) {
    frames_.clear();
    first_ = 0;
    if (frames_.capacity() > kKeptFrames) std::vector<Frame>().swap(frames_);
  } else if (first_ > frames_.size() / 2) {
    frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void FrameQueue::drop_unbegun() {
  if (empty()) return;
  const std::size_t kept = sent_ > 0 ? 1 : 0;
  frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(first_ + kept), frames_.end());
  frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
  cost_ = kept > 0 ? cost_of(frames_.front()) : 0;
}

}  // namespace battery_twin::http
