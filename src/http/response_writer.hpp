#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/api/message.hpp"
#include "battery_twin/http/server.hpp"

namespace battery_twin::http {

/// How one answer is put on the wire.
struct ResponseOptions {
  bool head_only = false;  ///< HEAD: everything but the body
  bool close = false;
  bool http_1_0 = false;
  bool gzip = false;  ///< the client takes gzip
  std::vector<std::pair<std::string, std::string>> extra{};
};

/// The whole answer: status line, header, body.
[[nodiscard]] std::string to_wire(const api::Response& response, const ServerConfig& config,
                                  const ResponseOptions& options);

/// `{"detail": sentence}` with that status. The sentence must need no escaping.
[[nodiscard]] api::Response detail(int status, std::string_view sentence);

}  // namespace battery_twin::http
