#include "framing.hpp"

#include <optional>

#include "../../src/http/body_reader.hpp"
#include "../../src/http/request_guard.hpp"
#include "fuzzing.hpp"

namespace battery_twin::fuzz {
namespace {

using http::HeaderText;

// What a session gets to know from a header.
struct Head {
  HeaderText::State state = HeaderText::State::incomplete;
  int status = 0;        // when it is refused
  std::size_t size = 0;  // when it is complete, as are the others
  SeenRequest request{};
  std::optional<std::uint64_t> length{};  // none: chunked
  bool closes = false;                    // no further request is read
};

Head refused(int status) { return {.state = HeaderText::State::refused, .status = status}; }

// The one place that knows how a header is read, once it is not incomplete any more.
Head head_of(const HeaderText& text, HeaderText::State state, const std::string& bytes) {
  if (state == HeaderText::State::refused) {
    require(!text.refusal().sentence.empty(), "a refusal says why");
    return refused(text.refusal().status);
  }
  if (state != HeaderText::State::complete) return {.state = state};
  http::RequestHeader header;
  if (const auto refusal = http::read_header({bytes.data(), text.size()}, header)) return refused(refusal->status);
  Head head{.state = state, .size = text.size(), .closes = header.websocket || !header.keep_alive};
  head.request = {.method = std::string(header.method),
                  .path = std::string(header.path()),
                  .query = std::string(header.query),
                  .host = std::string(header.host),
                  .body = {},
                  .end = 0};
  if (!header.chunked) head.length = header.length.value_or(0);
  return head;
}

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
    HeaderText text(kMaxHeader);
    HeaderText::State state = text.look(buffer_);
    while (state == HeaderText::State::incomplete) {
      if (!read_more()) return end(Seen::End::incomplete);
      state = text.look(buffer_);
    }
    Head head = head_of(text, state, buffer_);
    if (head.state == HeaderText::State::foreign) return end(Seen::End::foreign);
    if (head.state == HeaderText::State::refused) return refuse(head.status);
    consume(head.size);
    http::BodyReader body(head.length, kMaxBody);
    consume(body.take(buffer_));
    while (!body.done() && !body.refusal()) {
      if (!read_more()) return end(Seen::End::incomplete);
      consume(body.take(buffer_));
    }
    if (body.refusal()) return refuse(body.refusal()->status);
    head.request.body = body.body();
    head.request.end = consumed_;
    seen_.requests.push_back(std::move(head.request));
    return head.closes ? end(Seen::End::closing) : true;
  }

  bool end(Seen::End how) {
    seen_.end = how;
    return false;
  }
  bool refuse(int status) {
    seen_.status = status;
    return end(Seen::End::refused);
  }

  Pieces pieces_;
  std::string buffer_;
  std::size_t consumed_ = 0;
  Seen seen_;
};

}  // namespace

Seen read_connection(std::string_view bytes, std::uint8_t longest) { return Connection(bytes, longest).read(); }

}  // namespace battery_twin::fuzz
