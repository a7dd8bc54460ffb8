#include "ws_session.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <span>

#include "ws_frame.hpp"

namespace battery_twin::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::seconds kCloseTime{3};
constexpr std::size_t kWsReadAtOnce = 16 * 1024;
constexpr std::size_t kWsWriteAtOnce = 64 * 1024;

// One WebSocket client. Everything that it is sent goes through one queue, which is written at the end of the loop's
// turn, as far as the socket takes it; the rest follows when the socket takes more. While it is idle it holds neither
// a buffer nor a timer, only a wait for something to read.
class WsSession final : public Connection, public api::Sink {
 public:
  WsSession(Hub& hub, Socket socket, std::uint64_t token)
      : hub_(hub), registration_(hub, this), socket_(std::move(socket)), token_(token) {}

  void start(std::string answer, std::string_view leftover, const api::RequestHead& head) {
    socket_.non_blocking(true);
    heard();
    unread_ = leftover;
    queue_.push_raw(std::make_shared<const std::string>(std::move(answer)));
    flush_later();
    if (!hub_.config.tokens.knows(token_)) return close(CloseCode::policy_violation);  // not any more
    guarded([&] {
      feed_ = hub_.handler.open_feed(head, *this);
      feed_->refill();
    });
    if (hub_.draining) drain();  // it began while the answers before it were sent
  }

  void send(std::shared_ptr<const std::string> text) override {
    add([&] { push(Opcode::text, std::move(text)); });
  }

  void send_all(api::Bundle& bundle) override {
    if (!bundle.wire) bundle.wire = std::make_shared<const std::string>(frames_of(bundle.texts));
    add([&] {
      queue_.push_raw(bundle.wire);
      queued();
    });
  }

  void expire() override {
    if (state_ != State::open) return abort();
    if (pinged_) return close(CloseCode::internal_error);
    pinged_ = true;
    set_deadline_in(hub_.config.ws_ping_timeout);
    push(Opcode::ping, std::make_shared<const std::string>());
  }

  void drain() override { close(CloseCode::service_restart); }

  void cut() override {
    clear_deadline();
    state_ = State::cut;
    error_code ignored;
    socket_.close(ignored);
  }

  void forget() override {
    if (!hub_.config.tokens.knows(token_)) close(CloseCode::policy_violation);
  }

  void flush() override {
    flush_is_due_ = false;
    write();
    if (queue_.empty()) {
      if (state_ == State::open) guarded([this] { feed_->refill(); });
      if (state_ == State::ending) end();
    }
    read_on();
  }

 private:
  enum class State {
    open,
    closing,  // our close frame is queued or sent; only the client's is of interest
    ending,   // nothing that the client sends is of interest
    cut,
  };

  std::shared_ptr<WsSession> self() { return std::static_pointer_cast<WsSession>(shared_from_this()); }

  // The client has had its time. Without this the system would go on holding what it does not take, some megabytes for
  // some minutes.
  void abort() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    cut();
  }

  // Something that the client did not ask for, and may be too slow for.
  template <class Work>
  void add(const Work& work) {
    if (state_ != State::open) return;
    try {
      work();
      // What is on its way already does not count: it may be an answer of the greatest size.
      if (queue_.cost_behind_first() <= hub_.config.ws_max_backlog) return;
      close(CloseCode::try_again_later);
      if (hub_.config.on_left_behind) hub_.config.on_left_behind();
    } catch (...) {  // out of memory: it ends this client, which has missed something, not those behind it
      cut();
    }
  }

  void push(Opcode opcode, std::shared_ptr<const std::string> payload) {
    queue_.push(opcode, std::move(payload));
    queued();
  }

  void queued() {
    flush_later();
    // Much in one turn: the socket may take it now, so that it is no backlog.
    if (queue_.cost() > kWsWriteAtOnce) write();
  }

  void flush_later() {
    if (flush_is_due_) return;
    hub_.flush_later(self(), socket_.get_executor());
    flush_is_due_ = true;  // not before: where memory ran out, the next one tries again
  }

  void write() {
    while (!queue_.empty() && !blocked_ && state_ != State::cut) {
      std::string_view bytes = queue_.in_one_piece();
      if (bytes.empty()) {
        hub_.outgoing.clear();
        queue_.gather(hub_.outgoing, kWsWriteAtOnce);
        bytes = hub_.outgoing;
      }
      error_code error;
      const std::size_t sent = socket_.write_some(asio::buffer(bytes), error);
      if (error && error != asio::error::would_block) return cut();
      queue_.drop(sent);
      if (sent < bytes.size()) wait_until_writable();
    }
  }

  void wait_until_writable() {
    blocked_ = true;
    socket_.async_wait(Socket::wait_write, [self = self()](error_code error) {
      self->blocked_ = false;
      if (error) return self->cut();
      self->heard();  // it takes what it was sent, so it lives
      self->flush();
    });
  }

  // A client that sends without reading its answers is not read from either.
  [[nodiscard]] bool paused() const { return state_ == State::open && queue_.cost() > hub_.config.ws_max_backlog / 2; }

  void read_on() {
    if (!unread_.empty() && !paused()) {
      std::string bytes = std::exchange(unread_, {});
      take(bytes);
    }
    if (reading_ || half_closed_ || paused() || state_ == State::cut) return;
    reading_ = true;
    socket_.async_wait(Socket::wait_read, [self = self()](error_code error) {
      self->reading_ = false;
      if (error) return self->cut();
      self->read();
      self->read_on();
    });
  }

  void read() {
    std::array<char, kWsReadAtOnce> bytes;
    error_code error;
    const std::size_t size = socket_.read_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block) return;
    if (error) return gone(error);
    heard();
    take(std::span(bytes).first(size));
  }

  void heard() {
    if (state_ != State::open) return;
    pinged_ = false;
    set_deadline_in(hub_.config.ws_ping_interval);
  }

  void take(std::span<char> bytes) {
    while (state_ == State::open || state_ == State::closing) {
      if (paused()) {
        unread_.assign(bytes.begin(), bytes.end());
        return;
      }
      const Incoming incoming = reader_.next(bytes);
      switch (incoming.kind) {
        case Incoming::Kind::nothing:
          return;
        case Incoming::Kind::text:
          if (state_ == State::open) {
            guarded(
                [&] { push(Opcode::text, std::make_shared<const std::string>(feed_->on_text(incoming.payload()))); });
          }
          break;
        case Incoming::Kind::ping:
          if (state_ == State::open) push(Opcode::pong, std::make_shared<const std::string>(incoming.payload()));
          break;
        case Incoming::Kind::pong:
          break;
        case Incoming::Kind::close:
        case Incoming::Kind::fault:
          close(incoming.code);
          if (state_ == State::cut) return;
          state_ = State::ending;
          if (queue_.empty()) end();
          return;
      }
    }
  }

  // What fails behind the feed ends this client, with a word in the log.
  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      hub_.config.on_error(std::string("internal error of a WebSocket: ") + error.what());
      close(CloseCode::internal_error);
    }
  }

  // Nothing is queued behind our close frame, and the client has only so much time to take it.
  void close(CloseCode code) {
    if (state_ != State::open) return;
    state_ = State::closing;
    set_deadline_in(kCloseTime);
    if (code == CloseCode::try_again_later) queue_.drop_unbegun();
    push(Opcode::close, std::make_shared<const std::string>(close_payload(code)));
  }

  // Closing at once could reset the connection and with that take our last frames from the client, so what it still
  // sends is read until it has closed, too.
  void end() {
    if (half_closed_) return cut();
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  // The client has closed its side, or all of it. What it is still owed is our close frame, if there is one.
  void gone(error_code error) {
    if (error != asio::error::eof || state_ == State::open || queue_.empty()) return cut();
    half_closed_ = true;
    state_ = State::ending;
  }

  // First what every event needs: with many clients most of the time goes into fetching it from memory.
  Hub& hub_;
  Registration registration_;
  State state_ = State::open;
  bool pinged_ = false;  // and not heard of since
  bool flush_is_due_ = false;
  bool blocked_ = false;  // the socket takes nothing more; a wait for that is under way
  bool reading_ = false;  // a wait for something to read is under way
  bool half_closed_ = false;
  FrameQueue queue_;
  std::unique_ptr<api::Feed> feed_;
  std::string unread_;  // while paused
  Socket socket_;
  std::uint64_t token_;  // that it was opened with
  MessageReader reader_{hub_.config.ws_max_message};
};

}  // namespace

void start_ws_session(Hub& hub, Socket socket, std::string answer, std::string_view leftover, std::uint64_t token,
                      const api::RequestHead& head) {
  std::make_shared<WsSession>(hub, std::move(socket), token)->start(std::move(answer), leftover, head);
}

}  // namespace battery_twin::http
