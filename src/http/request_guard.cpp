#include "request_guard.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <charconv>

#include "access_policy.hpp"

namespace battery_twin::http {
namespace {

namespace beast = boost::beast;
using Field = beast::http::field;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::size_t count(const Header& header, Field field) {
  const auto [first, last] = header.equal_range(field);
  return static_cast<std::size_t>(std::distance(first, last));
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

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

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    unsigned long code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xC0) != 0x80) return false;
      code = code << 6 | (byte & 0x3Fu);
    }
    constexpr unsigned long kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length > 1 && (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))) return false;
    i += length;
  }
  return true;
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

}  // namespace

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
