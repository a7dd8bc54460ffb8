#include "ws_client.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace battery_twin::system {
namespace {

constexpr std::array<char, 4> kMask{0x12, 0x34, 0x56, 0x78};
constexpr std::size_t kTidyFrom = 256 * 1024;  // used bytes that are worth moving the rest for

std::size_t byte_at(const std::string& bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

}  // namespace

std::string upgrade_text(std::string_view target, const Headers& extra) {
  Headers headers{{"Upgrade", "websocket"},
                  {"Connection", "Upgrade"},
                  {"Sec-WebSocket-Key", std::string(kWebSocketKey)},
                  {"Sec-WebSocket-Version", "13"}};
  headers.insert(headers.end(), extra.begin(), extra.end());
  return request_text("GET", target, {}, headers);
}

std::string frame_bytes(Opcode opcode, std::string_view payload, bool final, bool masked) {
  std::string bytes;
  const auto put = [&](std::size_t value) { bytes += static_cast<char>(value & 0xFF); };
  const std::size_t mask_bit = masked ? 0x80 : 0;
  put((final ? 0x80u : 0u) | static_cast<std::size_t>(opcode));
  const std::size_t size = payload.size();
  if (size < 126) {
    put(mask_bit | size);
  } else if (size < 65536) {
    put(mask_bit | 126);
    put(size >> 8);
    put(size);
  } else {
    put(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) put(size >> shift);
  }
  if (!masked) return bytes.append(payload);
  bytes.append(kMask.data(), kMask.size());
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(payload[i] ^ kMask[i % kMask.size()]);
  return bytes;
}

WsClient::WsClient(std::uint16_t port, std::string target) : WsClient(port, Options{.target = std::move(target)}) {}

WsClient::WsClient(std::uint16_t port, const Options& options) : connection_(port, options.connection) {
  connection_.send(upgrade_text(options.target, options.headers) + options.sent_ahead);
  handshake_ = read_response(connection_);
  if (handshake_.status != 101)
    throw std::runtime_error("no upgrade: " + std::to_string(handshake_.status) + " " + handshake_.body);
}

bool WsClient::take_frame(Opcode& opcode, bool& final, std::string& payload) {
  std::string& bytes = connection_.buffer();
  const std::size_t there = bytes.size() - used_;
  if (there < 2) return false;
  std::size_t head = 2;
  std::size_t size = byte_at(bytes, used_ + 1);
  if ((size & 0x80) != 0) throw std::runtime_error("the server masked a frame");
  if (size >= 126) {
    const std::size_t width = size == 126 ? 2 : 8;
    if (there < head + width) return false;
    size = 0;
    for (std::size_t i = 0; i < width; ++i) size = size << 8 | byte_at(bytes, used_ + head + i);
    head += width;
  }
  if (there < head + size) return false;
  const std::size_t first = byte_at(bytes, used_);
  if ((first & 0x70) != 0) throw std::runtime_error("the server set a reserved bit");
  final = (first & 0x80) != 0;
  opcode = static_cast<Opcode>(first & 0x0F);
  payload = bytes.substr(used_ + head, size);
  used_ += head + size;
  if (used_ == bytes.size() || used_ > kTidyFrom) {
    bytes.erase(0, used_);
    used_ = 0;
  }
  return true;
}

void WsClient::end(int code) {
  closed_ = true;
  close_code_ = code;
}

std::optional<std::string> WsClient::next_text() {
  Opcode opcode{};
  bool final = false;
  std::string payload;
  while (!closed_ && take_frame(opcode, final, payload)) {
    switch (opcode) {
      case Opcode::continuation:
      case Opcode::text:
        message_ += payload;
        if (final) return std::exchange(message_, {});
        break;
      case Opcode::ping:
        ++pings_;
        connection_.send(frame_bytes(Opcode::pong, payload));
        break;
      case Opcode::close: {
        end(payload.size() < 2 ? 1005 : static_cast<int>(byte_at(payload, 0) << 8 | byte_at(payload, 1)));
        try {
          connection_.send(frame_bytes(Opcode::close, payload.substr(0, 2)));
          connection_.shutdown_send();  // the server need not wait for the rest of us
        } catch (const std::runtime_error&) {
          // it has gone already
        }
        break;
      }
      case Opcode::pong:
        pongs_.push_back(payload);
        break;
      default:
        throw std::runtime_error("the server sent a frame of an unexpected kind");
    }
  }
  return std::nullopt;
}

std::optional<std::string> WsClient::receive() {
  for (;;) {
    if (auto text = next_text()) return text;
    if (closed_) return std::nullopt;
    if (!connection_.receive()) end(1006);
  }
}

std::vector<std::string> WsClient::receive_now() {
  std::vector<std::string> texts;
  if (closed_) return texts;
  const bool open = connection_.receive_now();
  while (auto text = next_text()) texts.push_back(std::move(*text));
  if (!open && !closed_) end(1006);
  return texts;
}

Json WsClient::receive_json() {
  const auto text = receive();
  if (!text) throw std::runtime_error("the server closed with " + std::to_string(close_code_));
  return Json::parse(*text);
}

Json WsClient::wait_for(const std::function<bool(const Json&)>& wanted, std::vector<Json>* seen) {
  for (;;) {
    Json message = receive_json();
    if (seen != nullptr) seen->push_back(message);
    if (wanted(message)) return message;
  }
}

Json WsClient::wait_for_status(std::string_view status, std::string_view batch_id, std::vector<Json>* seen) {
  return wait_for(
      [&](const Json& message) {
        return message.at("status") == status && message.at("data").at("batch_id") == batch_id;
      },
      seen);
}

int WsClient::wait_for_close() {
  while (receive()) {
  }
  return close_code_;
}

}  // namespace battery_twin::system
