#include "response_writer.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>
#include <ctime>
#include <new>
#include <optional>
#include <stdexcept>

#include "battery_twin/http/status.hpp"

namespace battery_twin::http {
namespace {

// Below it the header would outweigh what is saved.
constexpr std::size_t kGzipFrom = 8 * 1024;
// It runs on the I/O thread: so much takes a millisecond or two, the 10 MB of a full page of batches would hold up
// everybody else for forty and more.
constexpr std::size_t kGzipUpTo = 256 * 1024;
constexpr std::string_view kUsualType = "application/json";

std::string date_of(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  // The C locale is never changed, so the names are English as HTTP wants them.
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

void add(std::string& wire, std::string_view name, std::string_view value) {
  constexpr std::string_view kColon = ": ";
  constexpr std::string_view kEnd = "\r\n";
  const std::size_t before = wire.size();
  wire.resize(before + name.size() + kColon.size() + value.size() + kEnd.size());
  char* at = wire.data() + before;
  for (const std::string_view part : {name, kColon, value, kEnd}) at = std::copy(part.begin(), part.end(), at);
}

void add(std::string& wire, std::size_t number) {
  std::array<char, 20> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  wire.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// The bytes that somebody compressed before; they are ours, so they are whole.
std::string inflated(std::string_view zipped) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  // zlib does not write through it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zipped.data()));
  stream.avail_in = static_cast<uInt>(zipped.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    const std::size_t size = out.size();
    out.resize(size + std::max<std::size_t>(size, 4 * zipped.size() + 64));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(out.size() - size);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("a body that should be gzip is not");
  return out;
}

// A strong tag names the bytes as they go out, so what is compressed has one of its own (RFC 9110 8.8.3.3).
std::string entity_tag(std::uint64_t etag, bool gzips) {
  std::string tag = "\"";
  add(tag, etag);
  return tag.append(gzips ? "-gzip\"" : "\"");
}

// `*`, or a list that has it. Ours hold neither a comma nor a quote, so it need not be taken apart.
bool names(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

}  // namespace

struct GzipStream::Stream : z_stream {};

GzipStream::GzipStream(bool small) : stream_(std::make_unique<Stream>()) {
  constexpr int kGzipWindow = 15 + 16;
  if (deflateInit2(stream_.get(), small ? Z_BEST_COMPRESSION : Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}

GzipStream::~GzipStream() { deflateEnd(stream_.get()); }

std::string GzipStream::add(std::string_view piece) {
  z_stream& stream = *stream_;
  // zlib does not write through it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  std::string out(deflateBound(&stream, static_cast<uLong>(piece.size())), '\0');
  std::size_t size = 0;
  for (int result = Z_OK; result == Z_OK;) {
    if (size == out.size()) out.resize(2 * size);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(out.size() - size);
    result = deflate(&stream, piece.empty() ? Z_FINISH : Z_NO_FLUSH);
    size = out.size() - stream.avail_out;
    if (!piece.empty() && stream.avail_in == 0 && stream.avail_out > 0) break;
  }
  out.resize(size);
  return out;
}

bool takes_gzip(std::string_view accept_encoding) {
  namespace beast = boost::beast;
  for (const auto& [coding, parameters] : beast::http::ext_list{{accept_encoding.data(), accept_encoding.size()}}) {
    if (!beast::iequals(coding, "gzip")) continue;
    for (const auto& [name, value] : parameters) {
      if (beast::iequals(name, "q")) return value.find_first_of("123456789") != beast::string_view::npos;
    }
    return true;
  }
  return false;
}

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
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
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
    case 422:
      return "Unprocessable Content";
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

int ResponseWriter::write(std::string& wire, const api::Response& response, const ResponseOptions& options) {
  std::string_view body = response.body;
  const bool streamed = response.source != nullptr;
  const bool may_compress = streamed || response.compressed || (body.size() >= kGzipFrom && body.size() <= kGzipUpTo);
  const bool gzips = may_compress && takes_gzip(options.accept_encoding);
  int status = response.status;
  std::string tag;
  if (response.etag != 0) {
    tag = entity_tag(response.etag, gzips);
    if (status == 200 && names(options.if_none_match, tag)) status = 304;
  }
  const bool without_length = status == 101 || status == 204 || status == 304;
  std::string zipped;
  if (response.compressed && !without_length) {
    api::Compressed& forms = *response.compressed;
    // Kept: to make it takes longer than everything else together, and many may ask.
    if (!gzips && forms.plain.empty()) forms.plain = inflated(forms.gzip);
    if (gzips && forms.gzip.empty()) {
      GzipStream gzip(true);
      forms.made = gzip.add(forms.plain);
      forms.made.append(gzip.add({}));
      forms.gzip = forms.made;
    }
    body = gzips ? forms.gzip : std::string_view(forms.plain);
  } else if (gzips && !streamed && !without_length) {
    GzipStream gzip;
    zipped = gzip.add(body);
    zipped.append(gzip.add({}));
    body = zipped;
  }

  write_start(wire, status, response.content_type, options.http_1_0);
  if (streamed) {
    if (!options.http_1_0) add(wire, "Transfer-Encoding", "chunked");
  } else if (!without_length) {
    wire.append("Content-Length: ");
    add(wire, body.size());
    wire.append("\r\n");
  }
  if (gzips && status != 304) add(wire, "Content-Encoding", "gzip");
  if (!tag.empty()) add(wire, "ETag", tag);
  if (may_compress) add(wire, "Vary", "Accept-Encoding");
  for (const auto& [name, value] : response.headers) add(wire, name, value);
  for (const auto& [name, value] : options.extra) add(wire, name, value);
  if (!options.request_id.empty()) add(wire, "X-Request-ID", options.request_id);
  if (options.close && status != 101) {
    add(wire, "Connection", status == 426 ? "Upgrade, close" : "close");
  } else if (status == 101 || status == 426) {
    add(wire, "Connection", "Upgrade");
  } else if (options.http_1_0) {
    add(wire, "Connection", "keep-alive");
  }
  wire.append("\r\n");
  if (!options.head_only && !without_length) wire.append(body);
  return status;
}

// What depends on the status, the type and the second only. That of nearly every answer is kept.
void ResponseWriter::write_start(std::string& wire, int status, std::string_view content_type, bool http_1_0) {
  const std::time_t now = std::time(nullptr);
  const bool usual = status == 200 && content_type == kUsualType && !http_1_0;
  if (usual && now == usual_of_) {
    wire.append(usual_);
    return;
  }
  std::string start = http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  start.append(std::to_string(status)).append(" ").append(reason_phrase(status)).append("\r\n");
  if (config_.date_header) add(start, "Date", date_of(now));
  if (!config_.server_header.empty()) add(start, "Server", config_.server_header);
  if (!content_type.empty() && status != 204 && status != 304) add(start, "Content-Type", content_type);
  add(start, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : config_.extra_headers) add(start, name, value);
  wire.append(start);
  if (usual) {
    usual_ = std::move(start);
    usual_of_ = now;
  }
}

}  // namespace battery_twin::http
