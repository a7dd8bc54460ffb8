#include "framing.hpp"

#include <optional>
#include <string>

#include "../../src/http/body_reader.hpp"
#include "../../src/http/request_guard.hpp"
#include "fuzzing.hpp"

namespace battery_twin::fuzz {
namespace {

using http::HeaderText;

class Connection {
 public:
  Connection(std::string_view bytes, std::uint8_t longest) : pieces_(bytes, longest) {}

  Seen read() {
    while (first_byte()) {
      if (!read_request()) return std::move(seen_);
    }
    return std::move(seen_);
  }

 private:
  bool read_more() {
    if (pieces_.empty()) return false;
    buffer_ += pieces_.next();
    return true;
  }

  void consume(std::size_t bytes) {
    require(bytes <= buffer_.size(), "no more is taken than has come");
    buffer_.erase(0, bytes);
    consumed_ += bytes;
  }

  // One empty line before a request is not a part of it.
  bool first_byte() {
    for (bool skipped = false;;) {
      if (!skipped && buffer_.starts_with("\r\n")) {
        consume(2);
        skipped = true;
      }
      const bool half_line = !skipped && buffer_ == "\r";
      if (!buffer_.empty() && !half_line) return true;
      if (!read_more()) return false;
    }
  }

  bool read_request() {
    if (!read_header()) return false;
    SeenRequest request{.method = std::string(header_.method),
                        .path = std::string(header_.path()),
                        .query = std::string(header_.query),
                        .host = std::string(header_.host),
                        .body = {},
                        .end = 0};
    if (header_.has_body()) {
      http::BodyReader body(header_.chunked ? std::nullopt : header_.length, kMaxBody);
      consume(body.take(buffer_));
      while (!body.done() && !body.refusal()) {
        if (!read_more()) return end(Seen::End::incomplete);
        consume(body.take(buffer_));
      }
      if (body.refusal()) return refuse(*body.refusal());
      request.body = body.body();
    }
    request.end = consumed_;
    seen_.requests.push_back(std::move(request));
    return header_.websocket || !header_.keep_alive ? end(Seen::End::closing) : true;
  }

  // The one place that knows how a header is read.
  bool read_header() {
    if (!header_text_.empty() && buffer_.starts_with(header_text_)) {  // the same again: as it was understood
      consume(header_text_.size());
      return true;
    }
    HeaderText text(kMaxHeader);
    HeaderText::State state = text.look(buffer_);
    while (state == HeaderText::State::incomplete) {
      if (!read_more()) return end(Seen::End::incomplete);
      state = text.look(buffer_);
    }
    if (state == HeaderText::State::foreign) return end(Seen::End::foreign);
    if (state == HeaderText::State::refused) return refuse(text.refusal());
    header_text_ = buffer_.substr(0, text.size());
    header_ = {};
    const auto refusal = http::read_header(header_text_, header_);
    consume(text.size());
    return refusal ? refuse(*refusal) : true;
  }

  bool end(Seen::End how) {
    seen_.end = how;
    return false;
  }
  bool refuse(const http::Refusal& refusal) {
    require(!refusal.sentence.empty(), "a refusal says why");
    seen_.status = refusal.status;
    return end(Seen::End::refused);
  }

  Pieces pieces_;
  std::string buffer_;
  std::size_t consumed_ = 0;
  std::string header_text_;
  http::RequestHeader header_;  // of header_text_
  Seen seen_;
};

}  // namespace

Seen read_connection(std::string_view bytes, std::uint8_t longest) { return Connection(bytes, longest).read(); }

}  // namespace battery_twin::fuzz
