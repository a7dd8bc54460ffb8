#include "response_writer.hpp"

#include <zlib.h>

#include <array>
#include <ctime>
#include <optional>

#include "battery_twin/http/status.hpp"

namespace battery_twin::http {
namespace {

// Below it the header would outweigh what is saved.
constexpr std::size_t kGzipFrom = 8 * 1024;

std::string_view date_now() {
  static thread_local std::time_t last = 0;
  static thread_local std::array<char, 40> text{};
  static thread_local std::size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    // The C locale is never changed, so the names are English as HTTP wants them.
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    last = now;
  }
  return {text.data(), length};
}

std::optional<std::string> gzipped(const std::string& body) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return std::nullopt;
  std::string out(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib does not write through it
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

void add(std::string& wire, std::string_view name, std::string_view value) {
  wire.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

api::Response detail(int status, std::string_view sentence) {
  return {.status = status, .body = "{\"detail\":\"" + std::string(sentence) + "\"}"};
}

std::string to_wire(const api::Response& response, const ServerConfig& config, const ResponseOptions& options) {
  const bool without_length = response.status == 101 || response.status == 204;
  const std::string* body = &response.body;
  std::optional<std::string> compressed;
  const bool may_compress = body->size() >= kGzipFrom;
  if (may_compress && options.gzip) {
    compressed = gzipped(*body);
    if (compressed) body = &*compressed;
  }

  std::string wire;
  wire.reserve(320 + body->size());
  wire.append(options.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  wire.append(reason_phrase(response.status)).append("\r\n");
  if (config.date_header) add(wire, "Date", date_now());
  if (!config.server_header.empty()) add(wire, "Server", config.server_header);
  if (!response.content_type.empty() && !without_length) add(wire, "Content-Type", response.content_type);
  if (!without_length) add(wire, "Content-Length", std::to_string(body->size()));
  add(wire, "X-Content-Type-Options", "nosniff");
  if (compressed) add(wire, "Content-Encoding", "gzip");
  if (may_compress) add(wire, "Vary", "Accept-Encoding");
  for (const auto* fields : {&response.headers, &options.extra, &config.extra_headers}) {
    for (const auto& [name, value] : *fields) add(wire, name, value);
  }
  if (options.close && response.status != 101) {
    add(wire, "Connection", response.status == 426 ? "Upgrade, close" : "close");
  } else if (response.status == 101 || response.status == 426) {
    add(wire, "Connection", "Upgrade");
  } else if (options.http_1_0) {
    add(wire, "Connection", "keep-alive");
  }
  wire.append("\r\n");
  if (!options.head_only && !without_length) wire.append(*body);
  return wire;
}

}  // namespace battery_twin::http
