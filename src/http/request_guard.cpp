#include "request_guard.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>
#include <limits>

#include "access_policy.hpp"
#include "characters.hpp"
#include "utf8.hpp"

namespace battery_twin::http {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;
using Field = beast::http::field;

constexpr std::string_view kTlsHello = "\x16";
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

bool lists(beast::string_view value, beast::string_view name) { return beast::http::token_list{value}.exists(name); }

// Beast's parser, keeping only what somebody asks for.
class Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(RequestHeader& header) : header_(header) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // HeaderText has looked at it
    body_limit(boost::none);
  }

  [[nodiscard]] std::optional<Refusal> read(std::string_view text) {
    error_code error;
    put(boost::asio::buffer(text), error);
    if (error || !is_header_done()) return Refusal{400, "The request is not valid HTTP"};
    header_.keep_alive = keep_alive() && !connection_close_;
    header_.chunked = chunked();
    if (const auto length = content_length()) header_.length = *length;
    header_.websocket = upgrade_ && connection_upgrade_;
    if (auto refusal = check_framing()) return refusal;
    if (repeated_) return Refusal{400, "A field that may stand once only is given twice"};
    if (hosts_ > 1 || (hosts_ == 0 && !header_.http_1_0)) return Refusal{400, "One Host field is needed"};
    if (hosts_ == 1 && !is_host(header_.host)) return Refusal{400, "Host is malformed"};
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<Refusal> check_framing() const {
    if (encodings_ > 0) {
      if (lengths_ > 0) return Refusal{400, "Content-Length and Transfer-Encoding exclude each other"};
      if (header_.http_1_0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
      if (encodings_ > 1) return Refusal{400, "Transfer-Encoding is given twice"};
      if (!beast::iequals(encoding_, "chunked")) {
        const bool list = encoding_.find(',') != beast::string_view::npos;
        return list ? Refusal{400, "Transfer-Encoding must be chunked"}
                    : Refusal{501, "This Transfer-Encoding is not supported"};
      }
    }
    if (lengths_ > 1) return Refusal{400, "Content-Length is given twice"};
    if (lengths_ == 1 && !is_digits(view(length_))) return Refusal{400, "Content-Length must be digits"};
    return std::nullopt;
  }

  void on_request_impl(beast::http::verb /*verb*/, beast::string_view method, beast::string_view target, int version,
                       error_code& /*error*/) override {
    header_.method = view(method);
    header_.target = view(target);
    header_.http_1_0 = version < 11;
  }

  void on_field_impl(Field field, beast::string_view name, beast::string_view value, error_code& /*error*/) override {
    const auto first = [&](std::string_view& member) {
      if (member.empty()) member = view(value);
    };
    const auto only = [&](std::string_view& member) {
      repeated_ |= member.data() != nullptr;
      member = view(value);
    };
    switch (field) {
      case Field::host:
        ++hosts_;
        return first(header_.host);
      case Field::transfer_encoding:
        ++encodings_;
        encoding_ = value;
        return;
      case Field::content_length:
        ++lengths_;
        length_ = value;
        return;
      case Field::connection:
        connection_upgrade_ |= lists(value, "upgrade");
        connection_close_ |= lists(value, "close");
        return;
      case Field::upgrade:
        upgrade_ |= lists(value, "websocket");
        return;
      case Field::origin:
        ++header_.origins;
        return first(header_.origin);
      case Field::accept:
        return first(header_.accept);
      case Field::accept_encoding:
        return first(header_.accept_encoding);
      case Field::content_type:
        return only(header_.content_type);
      case Field::content_encoding:
        return only(header_.content_encoding);
      case Field::expect:
        return first(header_.expect);
      case Field::if_none_match:
        return first(header_.if_none_match);
      case Field::access_control_request_method:
        return first(header_.request_method);
      case Field::access_control_request_headers:
        return first(header_.request_fields);
      case Field::sec_websocket_key:
        return only(header_.websocket_key);
      case Field::sec_websocket_version:
        return only(header_.websocket_version);
      case Field::unknown:
        return on_other_field(name, value);
      default:
        return;
    }
  }

  // Those that Beast has no name for.
  void on_other_field(beast::string_view name, beast::string_view value) {
    if (beast::iequals(name, "X-Request-ID")) {
      if (header_.request_id.empty()) header_.request_id = view(value);
    } else if (beast::iequals(name, "X-Forwarded-For")) {
      if (!header_.forwarded_for.empty()) header_.forwarded_for += ',';
      header_.forwarded_for += view(value);
    } else if (beast::iequals(name, "X-Forwarded-Proto")) {
      ++header_.forwarded_protos;
      header_.forwarded_proto = view(value);
    }
  }

  // The body is read by BodyReader.
  void on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/, error_code& /*error*/) override {}
  void on_header_impl(error_code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, error_code& /*error*/) override {}
  std::size_t on_body_impl(beast::string_view body, error_code& /*error*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view /*extensions*/, error_code& /*error*/) override {
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, beast::string_view body, error_code& /*error*/) override {
    return body.size();
  }
  void on_finish_impl(error_code& /*error*/) override {}

  RequestHeader& header_;
  int hosts_ = 0;
  int encodings_ = 0;
  int lengths_ = 0;
  beast::string_view encoding_;
  beast::string_view length_;
  bool repeated_ = false;
  bool upgrade_ = false;
  bool connection_upgrade_ = false;
  bool connection_close_ = false;  // Beast does not look for it in HTTP/1.0
};

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned code = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* end = text.data() + i + 3;
    if (std::from_chars(text.data() + i + 1, end, code, 16).ptr != end) return std::nullopt;
    out += static_cast<char>(code);
    i += 2;
  }
  if (out.find('\0') != std::string::npos || !is_utf8(out)) return std::nullopt;
  return out;
}

// Length of the scheme that an absolute target begins with; 0 where there is none of ours. Either of them: a proxy may
// have taken TLS off, or put it on, and passes on what its client wrote (RFC 9112 3.2.2).
std::size_t scheme_length(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() && beast::iequals(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

// Takes the target apart.
[[nodiscard]] std::optional<Refusal> read_target(RequestHeader& header) {
  std::string_view text = header.target;
  if (const std::size_t scheme = text.starts_with('/') ? 0 : scheme_length(text); scheme > 0) {
    text.remove_prefix(scheme);
    const auto end = text.find_first_of("/?");
    header.host = text.substr(0, end);
    if (!is_host(header.host)) return Refusal{400, "The target's host is malformed"};
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  }
  const auto question = text.find('?');
  if (question != std::string_view::npos) header.query = text.substr(question + 1);
  header.as_sent = text.substr(0, question);
  if (header.as_sent.empty()) header.as_sent = "/";
  if (header.as_sent == "*" && header.method == "OPTIONS") return std::nullopt;
  if (!header.as_sent.starts_with('/')) return Refusal{400, "The target must be a path"};
  if (header.as_sent.find('%') == std::string_view::npos) return std::nullopt;
  auto path = decoded(header.as_sent);
  if (!path) return Refusal{400, "The path is not valid percent-encoded UTF-8"};
  header.decoded = std::move(*path);
  return std::nullopt;
}

}  // namespace

HeaderText::State HeaderText::look(std::span<char> bytes) {
  const std::string_view text(bytes.data(), bytes.size());
  if (text.starts_with(kTlsHello)) return State::foreign;
  for (; seen_ < text.size(); ++seen_) {
    const bool first_line = line_start_ == 0;
    if (seen_ == limit_) {
      return first_line ? refuse(414, "The request line is longer than allowed")
                        : refuse(431, "The request header is larger than allowed");
    }
    const char c = text[seen_];
    const bool after_cr = seen_ > 0 && text[seen_ - 1] == '\r';
    if (after_cr != (c == '\n')) return refuse(400, "A line must end with CR and LF");
    if (c == '\n') {
      const std::size_t length = seen_ - 1 - line_start_;
      if (length == 0) {
        ++seen_;
        return first_line ? refuse(400, "The request line is missing") : State::complete;
      }
      if (first_line) {
        const State state = look_at_request_line(bytes.first(length));
        if (state != State::incomplete) return state;
      }
      line_start_ = seen_ + 1;
    } else if (c != '\r' && !is_field_char(c)) {
      return refuse(400, "The header has a control character");
    } else if (first_line && (c == '\t' || static_cast<unsigned char>(c) >= 0x80)) {
      return refuse(400, "The request line has a character that must be percent-encoded");
    } else if (!first_line && seen_ == line_start_ && (c == ' ' || c == '\t')) {
      return refuse(400, "A field must not be folded, nor begin with a blank");
    }
  }
  return State::incomplete;
}

HeaderText::State HeaderText::look_at_request_line(std::span<char> line) {
  const std::string_view text(line.data(), line.size());
  if (text.starts_with(kHttp2Preface)) return State::foreign;
  constexpr std::string_view kName = "HTTP/";
  constexpr std::size_t kMajor = 5;
  constexpr std::size_t kMinor = 7;
  const std::string_view version = text.substr(text.rfind(' ') + 1);
  const bool well_formed = version.size() == kMinor + 1 && version.starts_with(kName) && is_digit(version[kMajor]) &&
                           version[kMajor + 1] == '.' && is_digit(version[kMinor]);
  if (!well_formed) return refuse(400, "The request line does not end with an HTTP version");
  if (version[kMajor] != '1') return refuse(505, "The HTTP version is not supported");
  char& minor = line.back();
  if (minor > '1') minor = '1';
  return State::incomplete;
}

std::optional<Refusal> read_header(std::string_view text, RequestHeader& header) {
  if (auto refusal = Parser(header).read(text)) return refusal;
  return read_target(header);
}

}  // namespace battery_twin::http
