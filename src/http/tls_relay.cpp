#include "tls_relay.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <new>
#include <string>
#include <string_view>

namespace battery_twin::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kLastWords{2};  // of the client, after it has been told that there is no more
constexpr std::size_t kAtOnce = 16 * 1024;     // what a record holds
constexpr int kPairHolds = 64 * 1024;  // bytes on their way from the session; the system counts its own beside them
constexpr int kRoundsAtOnce = 16;      // then others have their turn

// One client that speaks TLS. Whatever is ready is moved, then it waits for what would let it move more. While nothing
// moves it holds no buffer of its own.
class TlsRelay final : public Connection {
 public:
  TlsRelay(Hub& hub, std::shared_ptr<const Tls> tls, Socket socket, Peer peer, Serve serve)
      : hub_(hub),
        registration_(hub, this),
        tls_(std::move(tls)),
        client_(std::move(socket)),
        session_(client_.get_executor()),
        peer_(std::move(peer)),
        serve_(serve),
        ssl_(SSL_new(tls_->context())) {
    if (!ssl_) throw std::bad_alloc();
    client_.non_blocking(true);
    client_.native_non_blocking(true);
    if (SSL_set_fd(ssl_.get(), client_.native_handle()) != 1) throw std::bad_alloc();
    set_deadline_in(kHandshakeTime);
    ++hub_.relays;
  }
  ~TlsRelay() override { --hub_.relays; }

  void turn() {
    try {
      if (state_ == State::handshake) shake_hands();
      if (state_ == State::serving) move();
      if (state_ != State::cut) wait();
    } catch (const std::exception& error) {  // out of memory or descriptors
      cut();
      hub_.broken_relays.note(error.what());
    }
  }

  void expire() override { cut(); }

  // The session is told so itself.
  void forget() override { peer_.decide(hub_.config.trusted_proxies); }

  // The session that is served ends when it is told so itself.
  void drain() override {
    if (state_ == State::handshake) cut();
  }

  void cut() override {
    clear_deadline();
    state_ = State::cut;
    error_code ignored;
    client_.close(ignored);
    session_.close(ignored);
  }

 private:
  enum class State { handshake, serving, cut };

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  std::shared_ptr<TlsRelay> self() { return std::static_pointer_cast<TlsRelay>(shared_from_this()); }

  // Whoever does not speak TLS, or has not the certificate that is wanted, is not answered: it would not understand it.
  void shake_hands() {
    ERR_clear_error();
    needs_client_to_send_ = needs_client_to_take_ = false;
    const int result = SSL_accept(ssl_.get());
    if (result != 1) {
      look_at(result);
      if (client_ended_) cut();
      return;
    }
    clear_deadline();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
      throw boost::system::system_error(errno, boost::system::system_category());
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kPairHolds, sizeof(kPairHolds));
    const asio::generic::stream_protocol protocol(AF_UNIX, 0);
    Socket other(client_.get_executor());
    session_.assign(protocol, ends[0]);
    other.assign(protocol, ends[1]);
    session_.non_blocking(true);
    state_ = State::serving;
    serve_(hub_, std::move(other), std::move(peer_));
  }

  // What the last call on the TLS side needs to go on; or the client is no longer there.
  void look_at(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        needs_client_to_send_ = true;
        return;
      case SSL_ERROR_WANT_WRITE:
        needs_client_to_take_ = true;
        return;
      case SSL_ERROR_ZERO_RETURN:
        client_ended_ = true;
        return;
      default:
        return cut();
    }
  }

  void move() {
    needs_client_to_send_ = needs_client_to_take_ = false;
    needs_session_to_send_ = needs_session_to_take_ = false;
    has_sent_ = false;
    bool moved = true;
    for (int round = 0; moved && state_ == State::serving; ++round) {
      if (round == kRoundsAtOnce) {
        asio::post(client_.get_executor(), [self = self()] { self->turn(); });
        break;
      }
      moved = to_client();
      if (state_ == State::serving) moved = to_session() || moved;
    }
    if (state_ != State::serving) return;
    if (told_end_ && client_ended_) return cut();
    if (told_end_) return;
    // The session cannot see that its last bytes, or the word that they were the last, are not taken.
    if (client_pending_.empty() && !session_ended_)
      clear_deadline();
    else if (has_sent_ || deadline() == Clock::time_point::max())
      set_deadline_in(hub_.config.write_timeout);
  }

  // @return whether something was moved, so that there may be more
  bool to_client() {
    std::array<char, kAtOnce> bytes;
    std::string_view text = client_pending_;
    if (text.empty() && !session_ended_) {
      error_code error;
      const std::size_t size = session_.read_some(asio::buffer(bytes), error);
      if (error == asio::error::would_block)
        needs_session_to_send_ = true;
      else if (error)
        session_ended_ = true;
      else
        text = {bytes.data(), size};
    }
    if (text.empty()) {
      if (session_ended_ && !told_end_) tell_end();
      return false;
    }
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    if (sent <= 0) look_at(sent);
    if (sent > 0) {
      has_sent_ = true;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::string(text).swap(client_pending_);  // not an assignment: that would keep the memory
    return sent > 0;
  }

  // Nothing comes from the session any more. Closing at once could reset the connection and with that take its last
  // bytes from the client, so what that still sends is read for a while.
  void tell_end() {
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    if (result < 0) return look_at(result);
    told_end_ = true;
    error_code ignored;
    client_.shutdown(Socket::shutdown_send, ignored);
    set_deadline_in(kLastWords);
  }

  // @return as above
  bool to_session() {
    std::array<char, kAtOnce> bytes;
    std::string_view text = session_pending_;
    if (text.empty() && !client_ended_) {
      ERR_clear_error();
      const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (size <= 0)
        look_at(size);
      else
        text = {bytes.data(), static_cast<std::size_t>(size)};
    }
    if (state_ != State::serving) return false;
    error_code error;
    if (text.empty()) {
      if (client_ended_) session_.shutdown(Socket::shutdown_send, error);
      return false;
    }
    std::size_t taken = session_.write_some(asio::buffer(text), error);
    if (error == asio::error::would_block)
      needs_session_to_take_ = true;
    else if (error)
      taken = text.size();  // the session has gone: nobody wants it
    text.remove_prefix(taken);
    std::string(text).swap(session_pending_);
    return taken > 0;
  }

  void wait() {
    if (needs_client_to_send_) wait(client_, Socket::wait_read, &TlsRelay::waits_for_client_);
    if (needs_client_to_take_) wait(client_, Socket::wait_write, &TlsRelay::waits_until_client_takes_);
    if (needs_session_to_send_) wait(session_, Socket::wait_read, &TlsRelay::waits_for_session_);
    if (needs_session_to_take_) wait(session_, Socket::wait_write, &TlsRelay::waits_until_session_takes_);
  }

  void wait(Socket& socket, Socket::wait_type type, bool TlsRelay::*waits) {
    if (this->*waits) return;
    socket.async_wait(type, [self = self(), waits](error_code error) {
      (*self).*waits = false;
      if (error) return self->cut();
      self->turn();
    });
    this->*waits = true;
  }

  Hub& hub_;
  Registration registration_;
  std::shared_ptr<const Tls> tls_;  // its context, which others may have replaced since
  Socket client_;
  Socket session_;  // our end of the pair
  Peer peer_;
  Serve serve_;
  std::unique_ptr<SSL, Free> ssl_;
  State state_ = State::handshake;
  std::string client_pending_;   // read from the session and not taken by the client yet
  std::string session_pending_;  // the other way
  bool session_ended_ = false;   // sends no more
  bool client_ended_ = false;
  bool told_end_ = false;  // the client, that there is no more
  bool has_sent_ = false;  // in this turn
  bool needs_client_to_send_ = false;
  bool needs_client_to_take_ = false;
  bool needs_session_to_send_ = false;
  bool needs_session_to_take_ = false;
  bool waits_for_client_ = false;
  bool waits_until_client_takes_ = false;
  bool waits_for_session_ = false;
  bool waits_until_session_takes_ = false;
};

}  // namespace

void start_tls_relay(Hub& hub, std::shared_ptr<const Tls> tls, Socket socket, Peer peer, Serve serve) {
  std::make_shared<TlsRelay>(hub, std::move(tls), std::move(socket), std::move(peer), serve)->turn();
}

}  // namespace battery_twin::http
