#include "http_session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <charconv>
#include <optional>
#include <random>

#include "battery_twin/http/status.hpp"
#include "bearer.hpp"
#include "body_reader.hpp"
#include "characters.hpp"
#include "request_guard.hpp"
#include "response_writer.hpp"
#include "ws_frame.hpp"
#include "ws_session.hpp"

namespace battery_twin::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
using Task = asio::awaitable<void, Executor>;

constexpr std::size_t kLingerBytes = 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::chrono::milliseconds kSlow{5};  // an answer that took longer says so in Server-Timing
constexpr std::size_t kIdleRead = 1536;        // what a connection that does nothing holds for its next request
constexpr std::size_t kReadAtOnce = 16 * 1024;
constexpr std::size_t kWriteAtOnce = 64 * 1024;  // answers to requests that came together
constexpr std::chrono::milliseconds kTurn{2};    // after which a client that sends ahead lets others go first
constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kShort = 64 * 1024;  // an answer that always goes out

using Id = std::array<char, 16>;

// The two digits of each byte.
constexpr auto kHex = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> hex{};
  for (std::size_t byte = 0; byte < hex.size(); ++byte) hex[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}();

// Another one each time, and not to be guessed from outside the process's logs.
Id random_id() {
  static std::mt19937_64 random{std::random_device{}()};  // used on the I/O thread only
  Id id;
  std::uint64_t bits = random();
  for (std::size_t i = 0; i < id.size(); i += 2, bits >>= 8) {
    const auto& digits = kHex[bits & 0xFF];
    id[i] = digits[0];
    id[i + 1] = digits[1];
  }
  return id;
}

std::string_view view(const Id& id) { return {id.data(), id.size()}; }

api::Response too_many_connections() {
  api::Response response = detail(503, "Too many connections");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

api::Response shutting_down() {
  api::Response response = detail(503, "The server is shutting down");
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

// Counts bytes as unsent for as long as it lives.
class Unsent {
 public:
  Unsent(std::size_t& sum, std::size_t size) : sum_(sum), size_(size) { sum_ += size_; }
  ~Unsent() { sum_ -= size_; }
  Unsent(const Unsent&) = delete;
  Unsent& operator=(const Unsent&) = delete;

 private:
  std::size_t& sum_;
  std::size_t size_;
};

// One HTTP connection. `serve` answers all requests that have come whole, without waiting for anything; `run` writes
// these answers at once and waits for what `serve` needs to go on.
//
// The request line and the fields are free of control characters once the guard has let them pass, so they may be
// logged as they are.
class HttpSession final : public Connection {
 public:
  HttpSession(Hub& hub, Socket socket, Peer peer)
      : hub_(hub), registration_(hub, this), socket_(std::move(socket)), peer_(std::move(peer)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  Task run() {
    error_code error;
    for (;;) {
      hub_.answers.clear();
      const Next next = serve(error);
      send();
      if (!unsent_.empty()) co_await send_rest();
      if (broken_ || next == Next::end) co_return;
      if (next == Next::read) {
        prepare_to_read();
        auto [read_error, size] = co_await socket_.async_read_some(buffer_.prepare(room_), kTuple);
        have_read(size);
        error = read_error;
      } else if (next == Next::write) {
        co_await asio::post(socket_.get_executor(), kTuple);  // others have their turn
        now_ = about_now();
      } else if (next == Next::wait) {
        co_await wait_for_answer();
      } else if (next == Next::stream) {
        co_await stream();
        if (broken_) co_return;
        if (close_) {
          co_await linger();
          co_return;
        }
      } else if (next == Next::upgrade) {
        upgrade();
        co_return;
      } else if (next == Next::linger) {
        co_await linger();
        co_return;
      }
    }
  }

  Task turn_away() {
    hub_.answers.clear();
    (void)refuse(too_many_connections());
    send();
    if (!unsent_.empty()) co_await send_rest();
    if (!broken_) co_await linger();
  }

  [[nodiscard]] Executor executor() { return socket_.get_executor(); }

  void expire() override {
    clear_deadline();
    expired_ = true;
    error_code ignored;
    socket_.cancel(ignored);
    if (waiting_) waiting_->wake();
  }

  void drain() override {
    if (idle_) expire();
  }

  void cut() override {
    error_code ignored;
    socket_.close(ignored);
    if (waiting_) waiting_->wake();
  }

  void forget() override {
    remembers_header_ = false;
    peer_.decide(hub_.config.trusted_proxies);
    if (phase_ == Phase::body) admission_ = admission();  // it is not carried out yet
  }

 private:
  // What has to be done, when the answers so far are written, before `serve` can go on.
  enum class Next {
    read,
    write,    // nothing but that: it has had its turn
    wait,     // for an answer that comes later
    stream,   // the pieces of the answer's body
    upgrade,  // to a WebSocket
    linger,   // and end
    end,
  };

  enum class Phase { idle, header, body };

  // For something that comes from the handler later.
  struct Waiting {
    explicit Waiting(Executor executor) : executor(executor) {}
    void wake() {
      if (timer) timer->cancel();
    }
    Executor executor;
    std::optional<asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>> timer;
  };

  template <class Value>
  struct Pending : Waiting {
    using Waiting::Waiting;
    std::optional<Value> value;
  };

  // Gives what came to the one who waits: at once on the I/O thread, from any other it is sent there.
  template <class Value>
  static auto taker(std::shared_ptr<Pending<Value>> pending) {
    return [pending = std::move(pending)](Value value) {
      asio::dispatch(pending->executor, [pending, value = std::move(value)]() mutable {
        pending->value.emplace(std::move(value));
        pending->wake();
      });
    };
  }

  Next serve(error_code error) {
    for (;;) {
      if (const auto next = step(error)) return *next;
      if (hub_.answers.size() >= kWriteAtOnce || about_now() - now_ > kTurn) return Next::write;
    }
  }

  // The next request, or what there is of it. Whatever fails on the way to its answer is an internal error.
  std::optional<Next> step(error_code error) {
    const std::size_t before = hub_.answers.size();
    try {
      if (error) return give_up(error);
      if (pending_) return answer_pending();
      return phase_ == Phase::body ? read_body() : read_header();
    } catch (const std::exception& exception) {
      return fail(before, exception.what());
    } catch (...) {
      return fail(before, "unknown exception");
    }
  }

  // @param before  where the answer begins that was perhaps begun
  Next fail(std::size_t before, std::string_view cause) {
    hub_.answers.resize(before);
    pending_ = nullptr;
    header_.accept = {};  // to put the answer into another form may be what failed
    return refuse(internal_error(cause));
  }

  // Each of these that may give nothing does so when a request is answered and the next one may be looked for.

  std::optional<Next> read_header() {
    if (phase_ == Phase::idle) {
      // One empty line before a request is no request (RFC 9112 2.2).
      if (!skipped_line_ && buffered().starts_with("\r\n")) {
        buffer_.consume(2);
        skipped_line_ = true;
      }
      if (buffered().empty() || (!skipped_line_ && buffered() == "\r")) return hub_.draining ? Next::end : Next::read;
      first_byte_at_ = now_;
      // Most clients ask for the same again and again: what has been understood need not be taken apart again.
      if (remembers_header_ && buffered().starts_with(header_bytes_)) {
        buffer_.consume(header_bytes_.size());
        return route();
      }
      scan_ = HeaderText(hub_.config.max_header);
      phase_ = Phase::header;
    }
    const auto bytes = buffer_.data();
    switch (scan_.look({static_cast<char*>(bytes.data()), bytes.size()})) {
      case HeaderText::State::incomplete:
        if (!hub_.draining) return Next::read;
        begin_header();
        return refuse(shutting_down());
      case HeaderText::State::foreign:
        return Next::end;
      case HeaderText::State::refused:
        begin_header();
        return refuse(scan_.refusal());
      case HeaderText::State::complete:
        break;
    }
    header_bytes_ = buffered().substr(0, scan_.size());
    begin_header();
    const auto refusal = http::read_header(header_bytes_, header_);
    buffer_.consume(scan_.size());
    if (refusal) return refuse(*refusal);
    // A request without Host is one of HTTP/1.0, which no browser sends.
    if (!header_.host.empty() && !hub_.policy.allows_host(header_.host))
      return refuse(detail(421, "This server does not serve that host; --allowed-host NAME adds a name that it does"));
    believe_proxy();
    allowed_origin_ = header_.origins == 0 ||
                      (header_.origins == 1 && hub_.policy.allows_origin(header_.origin, header_.host, secure_));
    admission_ = admission();
    remembers_header_ = true;
    return route();
  }

  // Nothing of the request before is true of the next one.
  void begin_header() {
    remembers_header_ = false;
    header_ = {};
    client_.clear();
    secure_ = peer_.secure;
  }

  // A trusted proxy says for whom it asks, and how that one came.
  void believe_proxy() {
    if (!peer_.trusted) return;
    if (header_.forwarded_protos == 1) {
      const std::string_view scheme = header_.forwarded_proto;
      if (scheme == "https" || scheme == "wss") secure_ = true;
      if (scheme == "http" || scheme == "ws") secure_ = false;
    }
    if (!header_.forwarded_for.empty())
      client_ = hub_.config.trusted_proxies.client(header_.forwarded_for).value_or(std::string{});
  }

  [[nodiscard]] Admission admission() const {
    if (hub_.config.tokens.empty()) return {};
    const api::RequestHead head = this->head();
    const bool with_query = header_.websocket && hub_.handler.is_websocket(head.path);
    return http::admit(hub_.config.tokens, is_preflight() ? api::Access::everybody : hub_.handler.access(head), header_,
                       with_query);
  }
  [[nodiscard]] bool is_admitted() const { return admission_.verdict == Admission::Verdict::admitted; }

  // The header has been understood.
  std::optional<Next> route() {
    close_ = !header_.keep_alive || hub_.draining;
    const std::string_view method = header_.method;
    const bool changes = method == "POST" || method == "PATCH" || method == "DELETE" || method == "PUT";
    if (!allowed_origin_ && (changes || header_.websocket))
      return refuse(
          detail(403, "A page of this Origin may not do that; --cors-origin ORIGIN lets the pages of one in"));
    if (!header_.origin.empty() && allowed_origin_) {
      extra_.emplace_back("Access-Control-Allow-Origin", header_.origin);
      extra_.emplace_back("Vary", "Origin");
    }
    if (!is_admitted()) {
      const api::Response refusal = refusal_of(admission_.verdict);
      if (header_.has_body()) return refuse(refusal);
      return answer(refusal);
    }
    if (header_.websocket) return begin_upgrade();
    if (!header_.has_body()) return handle({});
    if (auto refusal = hub_.handler.refuse(head())) {
      add_preflight(*refusal);
      return refuse(*refusal);
    }
    if (beast::iequals(header_.expect, "100-continue") && !header_.http_1_0)
      hub_.answers.append("HTTP/1.1 100 Continue\r\n\r\n");
    body_.emplace(header_.chunked ? std::nullopt : header_.length, hub_.config.max_body);
    phase_ = Phase::body;
    return std::nullopt;
  }

  std::optional<Next> read_body() {
    buffer_.consume(body_->take(buffered()));
    if (body_->refusal()) return refuse(*body_->refusal());
    if (!body_->done()) return Next::read;
    if (!is_admitted()) return refuse(refusal_of(admission_.verdict));
    return handle(body_->body());
  }

  std::optional<Next> handle(std::string_view body) {
    handed_over_ = about_now();
    const std::optional<api::Response> response = hub_.handler.handle(head(), body, [this] { return later(); });
    if (!response && pending_) return Next::wait;
    if (!response) throw std::logic_error("neither an answer nor a promise of one");
    pending_ = nullptr;
    add_preflight(*response);
    return answer(*response);
  }

  api::Reply later() {
    pending_ = std::make_shared<Pending<api::Response>>(socket_.get_executor());
    return taker(pending_);
  }

  std::optional<Next> answer_pending() {
    const auto pending = std::exchange(pending_, nullptr);
    if (!pending->value) return refuse(detail(503, "The answer did not come in time"));
    return answer(*pending->value);
  }

  std::optional<Next> begin_upgrade() {
    const api::RequestHead head = this->head();
    if (!hub_.handler.is_websocket(head.path)) return refuse(detail(403, "There is no WebSocket at this path"));
    if (head.method != "GET" || header_.http_1_0)
      return refuse(detail(400, "A WebSocket is opened with GET and HTTP/1.1"));
    if (header_.websocket_version != "13") {
      api::Response response = detail(426, "The WebSocket version must be 13");
      response.headers.emplace_back("Sec-WebSocket-Version", "13");
      response.headers.emplace_back("Upgrade", "websocket");
      return refuse(response);
    }
    if (!is_websocket_key(header_.websocket_key))
      return refuse(detail(400, "Sec-WebSocket-Key must be 16 bytes in base64"));
    if (head.has_body) return refuse(detail(400, "A WebSocket is opened without a body"));
    if (auto refusal = hub_.handler.refuse_websocket(head)) return refuse(*refusal);
    if (hub_.draining) return refuse(shutting_down());
    return Next::upgrade;
  }

  void upgrade() {
    clear_deadline();
    const api::Response switching{
        .status = 101,
        .content_type = {},
        .headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", accept_key(header_.websocket_key)}}};
    std::string wire;
    log_access(write(wire, switching));
    start_ws_session(hub_, std::move(socket_), std::move(wire), buffered(), admission_.token, head());
  }

  static bool is_websocket_key(std::string_view key) {
    return key.size() == 24 && key.ends_with("==") &&
           std::ranges::all_of(key.substr(0, 22), [](char c) { return is_alnum(c) || c == '+' || c == '/'; });
  }

  // A browser asks whether a page may ask. It shows no token there.
  [[nodiscard]] bool is_preflight() const {
    return header_.method == "OPTIONS" && header_.origins > 0 && allowed_origin_ && !header_.request_method.empty();
  }

  void add_preflight(const api::Response& response) {
    if (!is_preflight()) return;
    for (const auto& [name, value] : response.headers) {
      if (name == "Allow") extra_.emplace_back("Access-Control-Allow-Methods", value);
    }
    if (std::string fields = allowed_fields(header_.request_fields); !fields.empty())
      extra_.emplace_back("Access-Control-Allow-Headers", std::move(fields));
    extra_.emplace_back("Access-Control-Max-Age", "600");
  }

  [[nodiscard]] api::RequestHead head() const {
    return {.method = header_.method,
            .path = header_.path(),
            .query = header_.query,
            .content_type = header_.content_type,
            .content_encoding = header_.content_encoding,
            .accept = header_.accept,
            .has_body = header_.has_body(),
            .oversized = header_.length && *header_.length > hub_.config.max_body};
  }

  [[nodiscard]] std::string_view buffered() const {
    const auto data = buffer_.cdata();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  std::optional<Next> answer(const api::Response& response) {
    if (hub_.draining || (response.source && header_.http_1_0)) close_ = true;
    if (const auto took = about_now() - handed_over_; took > kSlow && handed_over_ != Clock::time_point{}) {
      const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
      extra_.emplace_back("Server-Timing", "app;dur=" + std::to_string(milliseconds));
    }
    std::string& wire = hub_.answers;
    const std::size_t before = wire.size();
    int status = write(wire, response);
    const std::size_t size = wire.size() - before;
    if (size > kShort && hub_.unsent_bytes + size > hub_.config.max_unsent) {
      wire.resize(before);
      api::Response busy = detail(503, "Too many long answers are waiting to be read");
      busy.headers.emplace_back("Retry-After", "1");
      status = write(wire, busy);
    }
    log_access(status);
    phase_ = Phase::idle;
    skipped_line_ = false;
    handed_over_ = {};
    extra_.clear();  // here, because what comes next may be refused before it has any of its own
    body_.reset();
    if (response.source && header_.method != "HEAD") {
      source_ = response.source;
      return Next::stream;
    }
    return close_ ? std::optional(Next::linger) : std::nullopt;
  }

  // Answers and closes: where the next request begins is not known, or not worth knowing.
  Next refuse(const api::Response& response) {
    close_ = true;
    (void)answer(response);
    return Next::linger;
  }

  Next refuse(const Refusal& refusal) { return refuse(detail(refusal.status, refusal.sentence)); }

  int write(std::string& wire, const api::Response& response) {
    const ResponseOptions options{.head_only = header_.method == "HEAD",
                                  .close = close_,
                                  .http_1_0 = header_.http_1_0,
                                  .accept_encoding = header_.accept_encoding,
                                  .if_none_match = header_.if_none_match,
                                  .request_id = request_id(),
                                  .extra = extra_};
    if (response.status >= 400 && header_.accept.find("application/problem+json") != std::string_view::npos)
      return hub_.writer.write(wire, hub_.handler.as_problem(response, reason_phrase(response.status)), options);
    return hub_.writer.write(wire, response, options);
  }

  // The client's own when it may stand in a header and a log line, else one that no other request has.
  std::string_view request_id() {
    const auto is_sane = [](char c) {
      return is_alnum(c) || std::string_view("._:+/=-").find(c) != std::string_view::npos;
    };
    const std::string_view id = header_.request_id;
    if (!id.empty() && id.size() <= kMaxRequestId && std::ranges::all_of(id, is_sane)) return id;
    own_id_ = random_id();
    return view(own_id_);
  }

  api::Response internal_error(std::string_view cause) {
    const Id id = random_id();
    hub_.config.on_error("internal error " + std::string(view(id)) + " in " + std::string(header_.method) + " " +
                         without_token(header_.target) + ": " + std::string(cause));
    return {.status = 500, .body = R"({"detail":"Internal server error","error_id":")" + std::string(view(id)) + "\"}"};
  }

  void log_access(int status) {
    if (!hub_.config.on_access) return;
    const auto shown = [](std::string_view text) { return text.empty() ? "-" : text; };
    const bool has_query = header_.target.find('?') != std::string_view::npos;
    const std::string target = has_query ? without_token(header_.target) : std::string{};
    hub_.config.on_access(client_.empty() ? peer_.name : client_, shown(header_.method),
                          shown(has_query ? target : header_.target), header_.http_1_0 ? "1.0" : "1.1", status,
                          header_.websocket);
  }

  // Writes as much as the socket takes at once, nearly always all.
  void send() {
    std::string& bytes = hub_.answers;
    if (bytes.empty()) return;
    error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(bytes), error);
    broken_ = error && error != asio::error::would_block;
    const bool is_large = bytes.capacity() > 4 * kWriteAtOnce;
    if (!broken_ && sent < bytes.size()) {
      // The rest alone, so that what is held is what `unsent_bytes` counts.
      unsent_ = bytes.substr(sent);
      unsent_from_ = 0;
    }
    if (is_large) bytes = {};
  }

  // Progress within the time-out is enough: a long answer may take long.
  Task send_rest() {
    const Unsent counted(hub_.unsent_bytes, unsent_.size() - unsent_from_);
    while (unsent_from_ < unsent_.size() && !broken_) {
      expired_ = false;
      set_deadline_in(hub_.config.write_timeout);
      auto [error, sent] = co_await socket_.async_write_some(asio::buffer(unsent_) + unsent_from_, kTuple);
      if (error) broken_ = true;
      unsent_from_ += sent;
    }
    unsent_ = {};
    clear_deadline();
    now_ = about_now();
  }

  void prepare_to_read() {
    expired_ = false;
    idle_ = phase_ != Phase::body;
    switch (phase_) {
      case Phase::idle:
        set_deadline(now_ + (fresh_ ? hub_.config.header_timeout : hub_.config.keep_alive_timeout));
        hold_little();
        break;
      case Phase::header:
        set_deadline(first_byte_at_ + hub_.config.header_timeout);
        break;
      case Phase::body:
        set_deadline(first_byte_at_ + hub_.config.request_timeout);
        room_ = kReadAtOnce;
    }
  }

  void have_read(std::size_t size) {
    buffer_.commit(size);
    idle_ = false;
    fresh_ = false;
    if (size == room_) read_on();
    now_ = about_now();
  }

  // What else is there, so that requests that came together are answered in one turn. An end of it shows again.
  void read_on() {
    room_ = kReadAtOnce;
    error_code ignored;
    const std::size_t size = socket_.read_some(buffer_.prepare(room_), ignored);
    buffer_.commit(size);
  }

  // While nothing is under way: most connections do nothing for most of the time.
  void hold_little() {
    if (buffer_.size() == 0 && room_ > kIdleRead) {
      buffer_ = {};
      room_ = kIdleRead;
    }
    if (header_bytes_.capacity() > kIdleRead) {
      begin_header();
      header_bytes_ = {};
    }
  }

  // No more bytes come. A client that is still there gets an answer if it has begun a request.
  Next give_up(error_code error) {
    if (phase_ == Phase::idle) return Next::end;
    if (phase_ == Phase::header) begin_header();
    if (hub_.draining && phase_ == Phase::header) return refuse(shutting_down());
    if (expired_) return refuse(detail(408, "The request did not arrive in time"));
    if (error == asio::error::eof) return refuse(detail(400, "The request is incomplete"));
    return Next::end;
  }

  Task wait_for_answer() {
    const auto pending = pending_;
    set_deadline(first_byte_at_ + hub_.config.request_timeout);
    if (!pending->value) co_await wait(pending);
    clear_deadline();
    now_ = about_now();
  }

  // Until it is woken, by what it waits for or because the time is over.
  Task wait(std::shared_ptr<Waiting> waiting) {
    expired_ = false;
    waiting_ = waiting;
    waiting->timer.emplace(socket_.get_executor());
    waiting->timer->expires_at(Clock::time_point::max());
    co_await waiting->timer->async_wait(kTuple);
    waiting_ = nullptr;
  }

  // Sends a body piece by piece, each made when the one before has been taken. The connection breaks where the rest
  // does not come: a client must not take a part for the whole.
  Task stream() {
    const auto source = std::exchange(source_, nullptr);
    const bool chunked = !header_.http_1_0;
    std::optional<GzipStream> gzip;
    if (takes_gzip(header_.accept_encoding)) gzip.emplace();
    for (bool last = false; !last && !broken_;) {
      const auto pending = std::make_shared<Pending<api::Piece>>(socket_.get_executor());
      set_deadline_in(hub_.config.request_timeout);
      source->next(taker(pending));
      if (!pending->value) co_await wait(pending);
      if (!pending->value || !*pending->value) {
        hub_.config.on_error("a long answer to " + without_token(header_.target) + " was broken off");
        broken_ = true;
        break;
      }
      std::string piece = std::move(**pending->value);
      last = piece.empty();
      if (gzip) piece = gzip->add(piece);
      unsent_from_ = 0;
      unsent_ = chunked ? chunk_of(piece, last) : std::move(piece);
      co_await send_rest();
    }
  }

  static std::string chunk_of(std::string_view piece, bool last) {
    constexpr std::string_view kLine = "\r\n";
    std::string chunk;
    if (!piece.empty()) {
      std::array<char, 16> size{};
      chunk.append(size.data(), std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr);
      chunk.append(kLine).append(piece).append(kLine);
    }
    if (last) chunk.append("0\r\n\r\n");
    return chunk;
  }

  // Closing at once would reset the connection while the client still sends, and the reset could overtake our answer.
  Task linger() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    set_deadline_in(kLingerTime);
    expired_ = false;
    buffer_.clear();
    for (std::size_t read = 0; read < kLingerBytes && !expired_;) {
      auto [error, size] = co_await socket_.async_read_some(buffer_.prepare(kReadAtOnce), kTuple);
      if (error) break;
      read += size;
    }
  }

  Hub& hub_;
  Registration registration_;
  Socket socket_;
  Peer peer_;

  beast::flat_buffer buffer_;     // read, but not used yet
  std::size_t room_ = kIdleRead;  // for the next read
  std::string unsent_;            // what the socket did not take at once
  std::size_t unsent_from_ = 0;
  std::shared_ptr<Pending<api::Response>> pending_;
  std::shared_ptr<Waiting> waiting_;  // what the coroutine sleeps on
  std::shared_ptr<api::BodySource> source_;

  // The request that is being read or answered.
  Phase phase_ = Phase::idle;
  bool skipped_line_ = false;
  HeaderText scan_{0};
  std::string header_bytes_;
  RequestHeader header_;           // of header_bytes_
  bool remembers_header_ = false;  // header_bytes_ were accepted: the same again need not be looked at
  std::string client_;             // for whom a trusted proxy asks; empty: for itself
  bool secure_ = false;            // that one came by TLS
  bool allowed_origin_ = false;
  Admission admission_;
  bool close_ = true;
  std::optional<BodyReader> body_;
  std::vector<std::pair<std::string_view, std::string>> extra_;  // fields of its answer
  Id own_id_{};

  Clock::time_point now_ = about_now();  // when something last came
  Clock::time_point first_byte_at_{};
  Clock::time_point handed_over_{};  // to the handler
  bool idle_ = false;                // waits for a request, of which at most a part of the header has come
  bool fresh_ = true;                // nothing has come yet
  bool expired_ = false;
  bool broken_ = false;
};

void spawn(Hub& hub, const std::shared_ptr<HttpSession>& session, Task task) {
  asio::co_spawn(session->executor(), std::move(task), [session, &hub](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      hub.config.on_error(std::string("an HTTP session ended: ") + exception.what());
    } catch (...) {
      hub.config.on_error("an HTTP session ended: unknown exception");
    }
  });
}

}  // namespace

void start_http_session(Hub& hub, Socket socket, Peer peer) {
  const auto session = std::make_shared<HttpSession>(hub, std::move(socket), std::move(peer));
  spawn(hub, session, session->run());
}

void start_turning_away(Hub& hub, Socket socket, Peer peer) {
  const auto session = std::make_shared<HttpSession>(hub, std::move(socket), std::move(peer));
  spawn(hub, session, session->turn_away());
}

void turn_away_at_once(Hub& hub, Socket socket) {
  const Id id = random_id();
  std::string wire;
  hub.writer.write(wire, too_many_connections(), {.close = true, .request_id = view(id)});
  // One non-blocking write: the answer fits into a fresh socket's buffer, and nobody is waited for.
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(wire), ignored);
  socket.shutdown(Socket::shutdown_send, ignored);
}

}  // namespace battery_twin::http
