#include "http_session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <cstdio>
#include <limits>
#include <optional>
#include <random>

#include "battery_twin/http/status.hpp"
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
using Field = beast::http::field;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
using Task = asio::awaitable<void, Executor>;
template <class T>
using TaskOf = asio::awaitable<T, Executor>;

constexpr std::size_t kLingerBytes = 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::chrono::milliseconds kSlow{5};  // an answer that took longer says so in Server-Timing
constexpr std::size_t kReadAtOnce = 16 * 1024;
constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kShort = 64 * 1024;  // an answer that always goes out

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

std::string random_id() {
  static std::mt19937_64 random{std::random_device{}()};  // used on the I/O thread only
  std::array<char, 20> id{};
  std::snprintf(id.data(), id.size(), "%016llx", static_cast<unsigned long long>(random()));
  return id.data();
}

api::Response too_many_connections() {
  api::Response response = detail(503, "Too many connections");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// The request line and the fields are free of control characters once the guard has let them pass, so they may be
// logged as they are.
class HttpSession final : public Connection {
 public:
  HttpSession(Hub& hub, Socket socket, std::string peer)
      : hub_(hub), registration_(hub, this), socket_(std::move(socket)), peer_(std::move(peer)) {}

  Task run() {
    // Not `while (co_await …)`: GCC 12 makes code of that which resumes a coroutine at a place that does not exist.
    for (bool more = true; more;) more = co_await serve_one();
  }

  Task turn_away() { (void)co_await refuse(too_many_connections()); }

  [[nodiscard]] Executor executor() { return socket_.get_executor(); }

  void expire() override {
    clear_deadline();
    expired_ = true;
    error_code ignored;
    socket_.cancel(ignored);
    if (pending_) pending_->wake();
  }

  void drain() override {
    if (idle_) expire();
  }

  void cut() override {
    error_code ignored;
    socket_.close(ignored);
    if (pending_) pending_->wake();
  }

 private:
  // An answer that has not come yet.
  struct Pending {
    explicit Pending(Executor executor) : executor(executor) {}
    void take(api::Response answer) {
      response = std::move(answer);
      wake();
    }
    void wake() {
      if (timer) timer->cancel();
    }
    Executor executor;
    std::optional<api::Response> response;
    std::optional<asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>> timer;
  };

  // One request and its answer. False when the connection is done with.
  TaskOf<bool> serve_one() {
    if (!co_await first_byte()) co_return false;
    const auto first_byte_at = Clock::now();
    set_deadline(first_byte_at + hub_.config.header_timeout);
    expired_ = false;
    request_ = {};
    if (!co_await read_header()) co_return false;
    set_deadline(first_byte_at + hub_.config.request_timeout);

    const Header& header = parser_->get().base();
    request_.id = text_of(header["X-Request-ID"]);
    request_.method = text_of(header.method_string());
    request_.target = text_of(header.target());
    request_.http_1_0 = header.version() < 11;
    request_.head_only = request_.method == "HEAD";
    request_.close = !parser_->get().keep_alive() || hub_.draining;
    request_.wants_problem = header[Field::accept].find("application/problem+json") != beast::string_view::npos;
    request_.gzip = beast::http::token_list{header[Field::accept_encoding]}.exists("gzip");

    auto guarded = guard(header);
    if (const auto* refusal = std::get_if<Refusal>(&guarded))
      co_return co_await refuse(detail(refusal->status, refusal->sentence));
    Target& target = std::get<Target>(guarded);
    // A request without Host is one of HTTP/1.0, which no browser sends.
    if (!target.host.empty() && !hub_.policy.allows_host(target.host))
      co_return co_await refuse(detail(421, "This server does not serve that host"));

    const std::string origin = text_of(header[Field::origin]);
    const bool upgrade = is_upgrade(header);
    const bool changes = request_.method == "POST" || request_.method == "PATCH" || request_.method == "DELETE" ||
                         request_.method == "PUT";
    const std::size_t origins = header.count(Field::origin);
    const bool allowed_origin = origins == 0 || (origins == 1 && hub_.policy.allows_origin(origin, target.host));
    if (!allowed_origin && (changes || upgrade)) co_return co_await refuse(detail(403, "This Origin may not do that"));
    if (!origin.empty() && allowed_origin) {
      request_.extra.emplace_back("Access-Control-Allow-Origin", origin);
      request_.extra.emplace_back("Vary", "Origin");
    }

    const auto length = parser_->content_length();
    const bool has_body = parser_->chunked() || (length && *length > 0);
    api::RequestHead head{.method = request_.method,
                          .path = std::move(target.path),
                          .query = std::move(target.query),
                          .content_type = text_of(header[Field::content_type]),
                          .content_encoding = text_of(header[Field::content_encoding]),
                          .has_body = has_body,
                          .oversized = length && *length > hub_.config.max_body};

    if (upgrade) co_return co_await this->upgrade(head, header);

    if (auto refusal = hub_.handler.refuse(head)) {
      if (request_.method == "OPTIONS") add_preflight(header, *refusal, allowed_origin);
      if (has_body) co_return co_await refuse(std::move(*refusal));
      co_return co_await answer(std::move(*refusal));
    }

    if (const auto expect = header[Field::expect];
        beast::iequals(expect, "100-continue") && has_body && !request_.http_1_0) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!co_await write(kContinue)) co_return false;
      set_deadline(first_byte_at + hub_.config.request_timeout);
    }
    BodyReader body(parser_->chunked() ? std::nullopt : std::optional(length.value_or(0)), hub_.config.max_body);
    if (!co_await read_body(body)) co_return false;
    co_return co_await handle(head, body.body());
  }

  // Reads a header and lets Beast take it apart. False when there is none, or it has been refused.
  TaskOf<bool> read_header() {
    HeaderText text(hub_.config.max_header);
    const auto look = [&] {
      const auto bytes = buffer_.data();
      return text.look({static_cast<char*>(bytes.data()), bytes.size()});
    };
    HeaderText::State state = look();
    while (state == HeaderText::State::incomplete) {
      const bool more = co_await read_more();
      if (!more) co_return false;
      state = look();
    }
    if (state == HeaderText::State::foreign) co_return false;
    if (state == HeaderText::State::refused)
      co_return co_await refuse(detail(text.refusal().status, text.refusal().sentence));
    parser_.emplace();
    parser_->header_limit(std::numeric_limits<std::uint32_t>::max());  // it has been looked at
    parser_->body_limit(boost::none);
    error_code error;
    parser_->put(asio::buffer(buffer_.cdata(), text.size()), error);
    buffer_.consume(text.size());
    if (error || !parser_->is_header_done()) co_return co_await refuse(detail(400, "The request is not valid HTTP"));
    co_return true;
  }

  // False when the body does not come, or has been refused.
  TaskOf<bool> read_body(BodyReader& body) {
    buffer_.consume(body.take(buffered()));
    // Not `if (!co_await …)` in a loop: see run().
    while (!body.done() && !body.refusal()) {
      const bool more = co_await read_more();
      if (!more) co_return false;
      buffer_.consume(body.take(buffered()));
    }
    if (body.refusal()) co_return co_await refuse(detail(body.refusal()->status, body.refusal()->sentence));
    co_return true;
  }

  // The next bytes of a request. False when none come; a client that is still there has got an answer.
  TaskOf<bool> read_more() {
    error_code error = asio::error::operation_aborted;
    // The time may be over between two reads, when there is nothing to cancel.
    if (!expired_) {
      auto [read_error, size] = co_await socket_.async_read_some(buffer_.prepare(kReadAtOnce), kTuple);
      error = read_error;
      buffer_.commit(size);
    }
    if (!error) co_return true;
    if (expired_) co_return co_await refuse(detail(408, "The request did not arrive in time"));
    if (error == asio::error::eof) co_return co_await refuse(detail(400, "The request is incomplete"));
    co_return false;
  }

  // Waits between requests. What a client has sent ahead is a first byte, too; one empty line is not (RFC 9112 2.2).
  TaskOf<bool> first_byte() {
    for (bool skipped = false;;) {
      if (!skipped && buffered().starts_with("\r\n")) {
        buffer_.consume(2);
        skipped = true;
      }
      const bool half_line = !skipped && buffered() == "\r";
      if (buffer_.size() > 0 && !half_line) co_return true;
      if (hub_.draining) co_return false;
      idle_ = true;
      set_deadline_in(fresh_ ? hub_.config.header_timeout : hub_.config.keep_alive_timeout);
      auto [error, size] = co_await socket_.async_read_some(buffer_.prepare(kReadAtOnce), kTuple);
      idle_ = false;
      fresh_ = false;
      if (error) co_return false;
      buffer_.commit(size);
    }
  }

  TaskOf<bool> handle(const api::RequestHead& head, std::string_view body) {
    const auto pending = std::make_shared<Pending>(socket_.get_executor());
    pending_ = pending.get();
    const auto handed_over = Clock::now();
    try {
      hub_.handler.handle(head, body, [pending](api::Response response) {
        // Runs at once on the I/O thread, is sent there from any other.
        asio::dispatch(pending->executor,
                       [pending, response = std::move(response)]() mutable { pending->take(std::move(response)); });
      });
    } catch (const std::exception& error) {
      pending->response = internal_error(error.what());
    } catch (...) {
      pending->response = internal_error("unknown exception");
    }
    if (!pending->response) {
      pending->timer.emplace(socket_.get_executor());
      pending->timer->expires_at(Clock::time_point::max());
      co_await pending->timer->async_wait(kTuple);
    }
    pending_ = nullptr;
    const auto took = std::chrono::duration<double, std::milli>(Clock::now() - handed_over);
    if (took > kSlow) request_.extra.emplace_back("Server-Timing", "app;dur=" + std::to_string(took.count()));
    if (!pending->response) co_return co_await refuse(detail(503, "The answer did not come in time"));
    co_return co_await answer(std::move(*pending->response));
  }

  TaskOf<bool> upgrade(const api::RequestHead& head, const Header& header) {
    if (!hub_.handler.is_websocket(head.path))
      co_return co_await refuse(detail(403, "There is no WebSocket at this path"));
    if (head.method != "GET" || request_.http_1_0)
      co_return co_await refuse(detail(400, "A WebSocket is opened with GET and HTTP/1.1"));
    if (header[Field::sec_websocket_version] != "13") {
      api::Response response = detail(426, "The WebSocket version must be 13");
      response.headers.emplace_back("Sec-WebSocket-Version", "13");
      response.headers.emplace_back("Upgrade", "websocket");
      co_return co_await refuse(std::move(response));
    }
    if (!is_websocket_key(header[Field::sec_websocket_key]))
      co_return co_await refuse(detail(400, "Sec-WebSocket-Key must be 16 bytes in base64"));
    if (head.has_body) co_return co_await refuse(detail(400, "A WebSocket is opened without a body"));
    if (auto refusal = hub_.handler.refuse_websocket(head)) co_return co_await refuse(std::move(*refusal));
    if (hub_.draining) co_return co_await refuse(detail(503, "The server is shutting down"));
    clear_deadline();
    log_access(101);
    request_.extra.emplace_back("X-Request-ID", request_id());
    const std::string_view key = {header[Field::sec_websocket_key].data(), header[Field::sec_websocket_key].size()};
    const api::Response switching{.status = 101,
                                  .content_type = {},
                                  .headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", accept_key(key)}}};
    start_ws_session(hub_, std::move(socket_), to_wire(switching), buffered(), head);
    co_return false;
  }

  static bool is_upgrade(const Header& header) {
    return beast::http::token_list{header[Field::upgrade]}.exists("websocket") &&
           beast::http::token_list{header[Field::connection]}.exists("upgrade");
  }

  static bool is_websocket_key(beast::string_view key) {
    if (key.size() != 24 || key.substr(22) != "==") return false;
    for (const char c : key.substr(0, 22)) {
      if (!is_alnum(c) && c != '+' && c != '/') return false;
    }
    return true;
  }

  void add_preflight(const Header& header, api::Response& response, bool allowed_origin) {
    if (!allowed_origin || header[Field::access_control_request_method].empty()) return;
    for (const auto& [name, value] : response.headers) {
      if (name == "Allow") request_.extra.emplace_back("Access-Control-Allow-Methods", value);
    }
    request_.extra.emplace_back("Access-Control-Allow-Headers", "Content-Type");
    request_.extra.emplace_back("Access-Control-Max-Age", "600");
  }

  std::string_view buffered() const {
    const auto data = buffer_.cdata();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  TaskOf<bool> answer(api::Response response) {
    if (hub_.draining) request_.close = true;
    request_.extra.emplace_back("X-Request-ID", request_id());
    int status = response.status;
    std::string wire = to_wire(in_the_form_asked_for(std::move(response)));
    if (wire.size() > kShort && hub_.unsent_bytes + wire.size() > hub_.config.max_unsent) {
      api::Response busy = detail(503, "Too many long answers are waiting to be read");
      busy.headers.emplace_back("Retry-After", "1");
      status = busy.status;
      wire = to_wire(in_the_form_asked_for(std::move(busy)));
    }
    log_access(status);
    hub_.unsent_bytes += wire.size();
    const bool written = co_await write(wire);
    hub_.unsent_bytes -= wire.size();
    if (!written) co_return false;
    if (!request_.close) co_return true;
    wire = {};
    co_await linger();
    co_return false;
  }

  api::Response in_the_form_asked_for(api::Response response) {
    if (response.status < 400 || !request_.wants_problem) return response;
    return hub_.handler.as_problem(response, reason_phrase(response.status));
  }

  // Answers and closes: where the next request begins is not known, or not worth knowing.
  TaskOf<bool> refuse(api::Response response) {
    request_.close = true;
    return answer(std::move(response));
  }

  // The client's own when it may stand in a header and a log line, else one that no other request has.
  std::string request_id() {
    const auto is_sane = [](char c) {
      return is_alnum(c) || std::string_view("._:+/=-").find(c) != std::string_view::npos;
    };
    std::string& id = request_.id;
    if (id.empty() || id.size() > kMaxRequestId || !std::ranges::all_of(id, is_sane)) id = random_id();
    return id;
  }

  std::string to_wire(const api::Response& response) const {
    return http::to_wire(response, hub_.config,
                         {.head_only = request_.head_only,
                          .close = request_.close,
                          .http_1_0 = request_.http_1_0,
                          .gzip = request_.gzip,
                          .extra = request_.extra});
  }

  // Progress within the time-out is enough: a long answer may take long.
  TaskOf<bool> write(std::string_view wire) {
    while (!wire.empty()) {
      set_deadline_in(hub_.config.write_timeout);
      auto [error, size] = co_await socket_.async_write_some(asio::buffer(wire), kTuple);
      if (error) co_return false;
      wire.remove_prefix(size);
    }
    clear_deadline();
    co_return true;
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

  api::Response internal_error(std::string_view cause) {
    const std::string id = random_id();
    hub_.config.on_error("internal error " + id + " in " + request_.method + " " + request_.target + ": " +
                         std::string(cause));
    request_.close = true;
    return {.status = 500, .body = R"({"detail":"Internal server error","error_id":")" + id + "\"}"};
  }

  void log_access(int status) {
    if (hub_.config.on_access && !request_.method.empty())
      hub_.config.on_access(peer_, request_.method, request_.target, request_.http_1_0 ? "1.0" : "1.1", status);
  }

  struct Request {
    std::string id;  // X-Request-ID
    std::string method;
    std::string target;
    bool http_1_0 = false;
    bool head_only = false;
    bool close = true;
    bool gzip = false;
    bool wants_problem = false;
    std::vector<std::pair<std::string, std::string>> extra;
  };

  Hub& hub_;
  Registration registration_;
  Socket socket_;
  std::string peer_;
  beast::flat_buffer buffer_;  // at most a header and one read
  std::optional<beast::http::request_parser<beast::http::empty_body>> parser_;
  Request request_;
  Pending* pending_ = nullptr;  // while waiting for an answer
  bool idle_ = false;
  bool fresh_ = true;
  bool expired_ = false;
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

void start_http_session(Hub& hub, Socket socket, std::string peer) {
  const auto session = std::make_shared<HttpSession>(hub, std::move(socket), std::move(peer));
  spawn(hub, session, session->run());
}

void start_turning_away(Hub& hub, Socket socket, std::string peer) {
  const auto session = std::make_shared<HttpSession>(hub, std::move(socket), std::move(peer));
  spawn(hub, session, session->turn_away());
}

void turn_away_at_once(const Hub& hub, Socket socket) {
  const std::string wire =
      to_wire(too_many_connections(), hub.config, {.close = true, .extra = {{"X-Request-ID", random_id()}}});
  // One non-blocking write: the answer fits into a fresh socket's buffer, and nobody is waited for.
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(wire), ignored);
  socket.shutdown(Socket::shutdown_send, ignored);
}

}  // namespace battery_twin::http
