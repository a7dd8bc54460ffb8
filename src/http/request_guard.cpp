#include "request_guard.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <charconv>

#include "access_policy.hpp"
#include "characters.hpp"
#include "utf8.hpp"

namespace battery_twin::http {
namespace {

namespace beast = boost::beast;
using Field = beast::http::field;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::size_t count(const Header& header, Field field) {
  const auto [first, last] = header.equal_range(field);
  return static_cast<std::size_t>(std::distance(first, last));
}

bool is_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

std::optional<Refusal> guard_framing(const Header& header) {
  const std::size_t encodings = count(header, Field::transfer_encoding);
  const std::size_t lengths = count(header, Field::content_length);
  if (encodings > 0) {
    if (lengths > 0) return Refusal{400, "Content-Length and Transfer-Encoding exclude each other"};
    if (header.version() < 11) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (encodings > 1) return Refusal{400, "Transfer-Encoding is given twice"};
    const auto value = header[Field::transfer_encoding];
    if (!beast::iequals(value, "chunked")) {
      const bool list = value.find(',') != beast::string_view::npos;
      return list ? Refusal{400, "Transfer-Encoding must be chunked"}
                  : Refusal{501, "This Transfer-Encoding is not supported"};
    }
  }
  if (lengths > 1) return Refusal{400, "Content-Length is given twice"};
  if (lengths == 1 && !is_digits(view(header[Field::content_length])))
    return Refusal{400, "Content-Length must be digits"};
  return std::nullopt;
}

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

constexpr std::string_view kTlsHello = "\x16";
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2";

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

std::variant<Target, Refusal> guard(const Header& header) {
  if (auto refusal = guard_framing(header)) return *refusal;

  Target target;
  const std::size_t hosts = count(header, Field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11)) return Refusal{400, "One Host field is needed"};
  if (hosts == 1) {
    target.host = std::string(view(header[Field::host]));
    if (!is_host(target.host)) return Refusal{400, "Host is malformed"};
  }

  std::string_view text = view(header.target());
  constexpr std::string_view kScheme = "http://";
  if (text.size() > kScheme.size() && beast::iequals(header.target().substr(0, kScheme.size()), "http://")) {
    text.remove_prefix(kScheme.size());
    const auto end = text.find_first_of("/?");
    target.host = std::string(text.substr(0, end));
    if (!is_host(target.host)) return Refusal{400, "The target's host is malformed"};
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  }
  const auto question = text.find('?');
  if (question != std::string_view::npos) target.query = std::string(text.substr(question + 1));
  std::string_view path = text.substr(0, question);
  if (path.empty()) path = "/";
  if (path == "*" && header.method() == beast::http::verb::options) {
    target.path = "*";
    return target;
  }
  if (!path.starts_with('/')) return Refusal{400, "The target must be a path"};
  auto decoded_path = decoded(path);
  if (!decoded_path) return Refusal{400, "The path is not valid percent-encoded UTF-8"};
  target.path = std::move(*decoded_path);
  return target;
}

}  // namespace battery_twin::http
