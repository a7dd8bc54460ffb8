#pragma once

#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "battery_twin/api/message.hpp"
#include "battery_twin/http/server.hpp"

namespace battery_twin::http {

/// How one answer is put on the wire.
struct ResponseOptions {
  bool head_only = false;  ///< HEAD: everything but the body
  bool close = false;
  bool http_1_0 = false;
  std::string_view accept_encoding{};  ///< the request's field
  std::string_view if_none_match{};    ///< the request's field
  std::string_view request_id{};       ///< for `X-Request-ID`
  std::span<const std::pair<std::string_view, std::string>> extra{};
};

/// Compresses a body that comes in pieces.
class GzipStream {
 public:
  /// @param small  as small as zlib makes it, for what is kept; else as fast
  explicit GzipStream(bool small = false);
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  /// What can be sent so far. An empty piece is the end.
  [[nodiscard]] std::string add(std::string_view piece);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// The field names gzip, and not with the weight 0 (RFC 9110 12.5.3).
[[nodiscard]] bool takes_gzip(std::string_view accept_encoding);

/// Puts answers on the wire.
class ResponseWriter {
 public:
  explicit ResponseWriter(const ServerConfig& config) : config_(config) {}

  /// Adds the whole answer to what is written: status line, header, body. Of one with a source the header only; its
  /// body comes in chunks, of HTTP/1.0 up to the connection's end, and compressed where the client takes gzip.
  /// @return the status that the client is told: 304 instead of 200 where it has the body already
  int write(std::string& wire, const api::Response& response, const ResponseOptions& options);
  /// The configuration has changed.
  void forget() { usual_of_ = 0; }

 private:
  void write_start(std::string& wire, int status, std::string_view content_type, bool http_1_0);

  const ServerConfig& config_;
  std::string usual_;         // start of a 200 with JSON
  std::time_t usual_of_ = 0;  // the second it was made in
};

/// `{"detail": sentence}` with that status. The sentence must need no escaping.
[[nodiscard]] api::Response detail(int status, std::string_view sentence);

}  // namespace battery_twin::http
