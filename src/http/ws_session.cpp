#include "ws_session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <deque>
#include <exception>
#include <span>
#include <vector>

#include "ws_frames.hpp"

namespace battery_twin::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Text = std::shared_ptr<const std::string>;

constexpr std::chrono::seconds kCloseTime{4};  // a client that does not answer our close has gone
constexpr std::size_t kReadAtOnce = 64 * 1024;
constexpr std::size_t kFramesAtOnce = 16;  // in one write

// One WebSocket client. Sends through one queue, one write at a time; everything runs on the I/O thread.
class WsSession final : public Connection, public api::Sink {
 public:
  WsSession(Hub& hub, Socket socket)
      : hub_(hub), registration_(hub, this), socket_(std::move(socket)), frames_(hub.config.ws_max_message) {}

  void start(std::string answer, std::string_view leftover, const api::RequestHead& head) {
    error_code error;
    socket_.non_blocking(true, error);
    if (error) return;
    heard();
    push({.text = std::make_shared<const std::string>(std::move(answer))});
    call([&] {
      feed_ = hub_.handler.open_feed(head, *this);
      feed_->refill();
    });
    take(leftover);
    read();
  }

  void send(Text text) override {
    if (closing_) return;
    if (unread_events_ + text->size() > hub_.config.ws_max_backlog) return close(CloseCode::try_again_later);
    unread_events_ += text->size();
    push({.head = FrameHead(Opcode::text, text->size()), .text = std::move(text), .is_event = true});
  }

  void expire() override {
    if (closing_ || pinged_) return cut();
    push_frame(Opcode::ping, {});
    pinged_ = true;
    set_deadline_in(hub_.config.ws_ping_timeout);
  }

  void drain() override { close(CloseCode::restart); }

  void cut() override {
    closing_ = true;
    clear_deadline();
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  struct Outgoing {
    FrameHead head{};
    Text text;
    bool is_event = false;
    [[nodiscard]] std::size_t size() const { return head.size + text->size(); }
  };

  std::shared_ptr<WsSession> self() { return std::static_pointer_cast<WsSession>(shared_from_this()); }

  // What the handler does must not end the server.
  template <class Call>
  void call(Call what) {
    try {
      what();
    } catch (const std::exception& error) {
      hub_.config.on_error(std::string("internal error of a WebSocket: ") + error.what());
      close(CloseCode::internal_error);
    }
  }

  // The client is there.
  void heard() {
    if (closing_) return;
    pinged_ = false;
    set_deadline_in(hub_.config.ws_ping_interval);
  }

  void read() {
    if (reading_ || ended_ || !socket_.is_open()) return;
    // A client that sends without reading its answers is not read from either, until it is to be closed.
    if (!closing_ && unread_bytes_ > hub_.config.ws_max_backlog / 2) return;
    reading_ = true;
    // Waits without a buffer of its own: most clients are idle most of the time.
    socket_.async_wait(Socket::wait_read, [self = self()](error_code error) {
      self->reading_ = false;
      if (!error) self->receive();
    });
  }

  void receive() {
    static std::array<char, kReadAtOnce> bytes;  // one thread
    error_code error;
    const std::size_t size = socket_.read_some(asio::buffer(bytes), error);
    if (error && error != asio::error::would_block) return end_of_stream();
    if (size > 0) heard();
    take({bytes.data(), size});
    read();
  }

  void end_of_stream() {
    ended_ = true;
    // A client that closes and shuts down in one go gets its answer.
    if (!peer_done_ || queue_.empty()) cut();
  }

  // Whatever else the client sends after its close, or after something that broke the protocol, is thrown away.
  void take(std::string_view bytes) {
    while (!peer_done_) {
      const auto message = frames_.next(bytes);
      if (!message) return;
      switch (message->kind) {
        case WsMessage::Kind::text:
          if (!closing_) answer(message->payload);
          break;
        case WsMessage::Kind::ping:
          if (!closing_) push_frame(Opcode::pong, message->payload);
          break;
        case WsMessage::Kind::pong:
          break;
        case WsMessage::Kind::close:
        case WsMessage::Kind::violation:
          peer_done_ = true;
          close(static_cast<CloseCode>(message->code));
          finish();
      }
    }
  }

  void answer(std::string_view text) {
    call([&] { push_frame(Opcode::text, feed_->on_text(text)); });
  }

  void push_frame(Opcode opcode, std::string payload) {
    const FrameHead head(opcode, payload.size());
    push({.head = head, .text = std::make_shared<const std::string>(std::move(payload))});
  }

  void push(Outgoing outgoing) {
    unread_bytes_ += outgoing.size();
    queue_.push_back(std::move(outgoing));
    write();
  }

  void pop_back() {
    unread_bytes_ -= queue_.back().size();
    queue_.pop_back();
  }

  // As many frames as go into one write.
  void write() {
    if (in_flight_ > 0 || queue_.empty() || !socket_.is_open()) return;
    buffers_.clear();
    std::size_t skip = sent_;
    for (const Outgoing& one : queue_) {
      for (auto part : {asio::buffer(one.head.bytes.data(), one.head.size), asio::buffer(*one.text)}) {
        const std::size_t skipped = std::min(skip, part.size());
        skip -= skipped;
        if (part.size() > skipped) buffers_.push_back(part + skipped);
      }
      if (++in_flight_ == kFramesAtOnce) break;
    }
    socket_.async_write_some(std::span<const asio::const_buffer>(buffers_),
                             [self = self()](error_code error, std::size_t size) { self->written(error, size); });
  }

  void written(error_code error, std::size_t size) {
    in_flight_ = 0;
    if (error) return cut();
    // To be heard of it must be read from; until then that it takes something has to do.
    if (!reading_) heard();
    sent_ += size;
    while (!queue_.empty() && sent_ >= queue_.front().size()) {
      const Outgoing& done = queue_.front();
      sent_ -= done.size();
      unread_bytes_ -= done.size();
      if (done.is_event) unread_events_ -= done.text->size();
      queue_.pop_front();
    }
    if (closing_) {
      send_close();
    } else if (queue_.empty() && feed_) {
      call([this] { feed_->refill(); });
    }
    finish();
    write();
    read();
  }

  // Nothing more is queued from here on. The close frame goes out behind the message that is being written, or, when
  // the client does not take that one, never.
  void close(CloseCode code) {
    if (closing_) return;
    closing_ = true;
    close_code_ = code;
    set_deadline_in(kCloseTime);
    while (queue_.size() > in_flight_) pop_back();
    if (in_flight_ == 0) send_close();
    read();
  }

  void send_close() {
    if (close_sent_) return;
    close_sent_ = true;
    while (queue_.size() > (sent_ > 0 ? 1 : 0)) pop_back();
    const auto code = static_cast<std::uint16_t>(close_code_);
    push_frame(Opcode::close, {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)});
  }

  // When both sides have closed, TCP is ended by the server; the rest is read so that a reset does not overtake our
  // close.
  void finish() {
    if (!peer_done_ || !close_sent_ || !queue_.empty() || !socket_.is_open()) return;
    if (ended_) return cut();
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  Hub& hub_;
  Registration registration_;
  Socket socket_;
  FrameReader frames_;
  std::unique_ptr<api::Feed> feed_;
  std::deque<Outgoing> queue_;
  std::vector<asio::const_buffer> buffers_;  // of the write under way
  std::size_t in_flight_ = 0;                // messages of the write under way
  std::size_t sent_ = 0;                     // bytes of the first message
  std::size_t unread_bytes_ = 0;             // in the queue
  std::size_t unread_events_ = 0;            // of them; the rest answers what the client sent
  CloseCode close_code_ = CloseCode::normal;
  bool reading_ = false;
  bool pinged_ = false;      // and not heard of since
  bool closing_ = false;     // no more messages
  bool close_sent_ = false;  // it stands in the queue, or has gone out
  bool peer_done_ = false;   // it has closed, or broken the protocol
  bool ended_ = false;       // no more bytes come
};

}  // namespace

void start_ws_session(Hub& hub, Socket socket, std::string answer, std::string_view leftover,
                      const api::RequestHead& head) {
  std::make_shared<WsSession>(hub, std::move(socket))->start(std::move(answer), leftover, head);
}

}  // namespace battery_twin::http
