#pragma once

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
  std::string_view request_id{};       ///< for `X-Request-ID`
  std::span<const std::pair<std::string_view, std::string>> extra{};
};

/// Adds the whole answer to what is written: status line, header, body.
void write_response(std::string& wire, const api::Response& response, const ServerConfig& config,
                    const ResponseOptions& options);

/// `{"detail": sentence}` with that status. The sentence must need no escaping.
[[nodiscard]] api::Response detail(int status, std::string_view sentence);

}  // namespace battery_twin::http
