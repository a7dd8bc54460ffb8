#include "ws_session.hpp"

#include <boost/beast/core/buffered_read_stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

namespace battery_twin::http {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

// Reads first what came with the handshake, then the socket: those bytes are the client's first frames.
class UpgradedStream : public beast::buffered_read_stream<Socket, beast::flat_buffer> {
 public:
  using buffered_read_stream::buffered_read_stream;
};

template <class Handler>
void async_teardown(beast::role_type role, UpgradedStream& stream, Handler&& handler) {
  websocket::async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kCloseTime{5};

// One WebSocket client. Sends through one queue, one write at a time; everything runs on the I/O thread.
class WsSession final : public Connection, public api::Sink {
 public:
  WsSession(Hub& hub, Socket socket, beast::flat_buffer leftover)
      : hub_(hub), registration_(hub, this), stream_(std::move(socket)) {
    const auto bytes = leftover.cdata();
    auto& kept = stream_.next_layer().buffer();
    kept.commit(boost::asio::buffer_copy(kept.prepare(bytes.size()), bytes));
  }

  void start(beast::http::request<beast::http::string_body> handshake, const api::RequestHead& head) {
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = kHandshakeTime;
    timeout.idle_timeout = hub_.config.ws_ping_interval + hub_.config.ws_ping_timeout;
    timeout.keep_alive_pings = true;  // half-way through the idle time-out
    stream_.set_option(timeout);
    stream_.set_option(websocket::stream_base::decorator([&config = hub_.config](websocket::response_type& response) {
      if (!config.server_header.empty()) response.set(beast::http::field::server, config.server_header);
      for (const auto& [name, value] : config.extra_headers) response.insert(name, value);
    }));
    stream_.read_message_max(hub_.config.ws_max_message);
    stream_.auto_fragment(false);
    stream_.text(true);
    handshake_ = std::move(handshake);
    head_ = head;
    stream_.async_accept(handshake_, [self = self()](error_code error) { self->accepted(error); });
  }

  void send(std::shared_ptr<const std::string> text) override {
    if (closing_) return;
    queued_bytes_ += text->size();
    queue_.push_back(std::move(text));
    if (queued_bytes_ > hub_.config.ws_max_backlog) return close(websocket::close_code::try_again_later);
    if (!writing_) write();
  }

  void expire() override { cut(); }
  void drain() override { close(websocket::close_code::service_restart); }
  void cut() override {
    clear_deadline();
    error_code ignored;
    socket().close(ignored);
  }

 private:
  std::shared_ptr<WsSession> self() { return std::static_pointer_cast<WsSession>(shared_from_this()); }
  Socket& socket() { return stream_.next_layer().next_layer(); }

  void accepted(error_code error) {
    if (error || closing_) return cut();
    handshake_ = {};
    feed_ = hub_.handler.open_feed(head_, *this);
    feed_->refill();
    read();
  }

  void read() {
    reading_ = true;
    stream_.async_read(inbox_, [self = self()](error_code error, std::size_t) { self->received(error); });
  }

  void received(error_code error) {
    reading_ = false;
    if (error) return gone();
    if (closing_) {
      // Only the answer to our close is of interest; the close operation reads it.
      return;
    }
    if (!stream_.got_text()) return close(websocket::close_code::unknown_data);
    const std::string text = beast::buffers_to_string(inbox_.cdata());
    inbox_.consume(inbox_.size());
    if (inbox_.capacity() > kKeptInbox) inbox_ = {};
    send(std::make_shared<const std::string>(feed_->on_text(text)));
    read_on();
  }

  // A client that sends without reading its answers is not read from either.
  void read_on() {
    if (!reading_ && !closing_ && queued_bytes_ <= hub_.config.ws_max_backlog / 2) read();
  }

  void write() {
    writing_ = true;
    stream_.async_write(boost::asio::buffer(*queue_.front()),
                        [self = self()](error_code error, std::size_t) { self->written(error); });
  }

  void written(error_code error) {
    writing_ = false;
    if (error) return gone();
    if (closing_) return send_close();
    queued_bytes_ -= queue_.front()->size();
    queue_.pop_front();
    if (queue_.empty()) feed_->refill();
    read_on();
    if (!queue_.empty() && !writing_ && !closing_) write();
  }

  // Nothing more is queued from here on. The close frame goes out behind the message that is being written, or, when
  // the client does not take that one, never.
  void close(websocket::close_code code) {
    if (closing_) return;
    closing_ = true;
    code_ = code;
    set_deadline_in(kCloseTime);
    if (!feed_) return;  // still in the handshake
    if (writing_) {
      while (queue_.size() > 1) queue_.pop_back();  // the first one is on its way
    } else {
      send_close();
    }
  }

  void send_close() {
    stream_.async_close(code_, [self = self()](error_code) { self->cut(); });
  }

  // Closed by the client, timed out or broken: the stream has answered what there was to answer.
  void gone() {
    if (!closing_) cut();
    closing_ = true;
  }

  static constexpr std::size_t kKeptInbox = 4 * 1024;

  Hub& hub_;
  Registration registration_;
  websocket::stream<UpgradedStream, false> stream_;
  beast::http::request<beast::http::string_body> handshake_;
  api::RequestHead head_;
  std::unique_ptr<api::Feed> feed_;
  beast::flat_buffer inbox_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t queued_bytes_ = 0;
  websocket::close_code code_ = websocket::close_code::none;
  bool reading_ = false;
  bool writing_ = false;
  bool closing_ = false;
};

}  // namespace

void start_ws_session(Hub& hub, Socket socket, beast::flat_buffer leftover,
                      beast::http::request<beast::http::string_body> handshake, const api::RequestHead& head) {
  std::make_shared<WsSession>(hub, std::move(socket), std::move(leftover))->start(std::move(handshake), head);
}

}  // namespace battery_twin::http
