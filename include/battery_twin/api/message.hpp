#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace battery_twin::api {

/// The part of a request that stands before its body. Header fields that are absent are empty.
struct RequestHead {
  std::string method;  ///< as sent, e.g. "GET"
  std::string path;    ///< percent-decoded once, without query; "*" only of OPTIONS
  std::string query;   ///< as sent, without the question mark
  std::string content_type;
  std::string content_encoding;
  bool has_body = false;   ///< a body of at least one byte, or one of unknown length, was announced
  bool oversized = false;  ///< the announced body is longer than allowed
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};  ///< further fields; no CR or LF in either part
};

/// Takes the answer to one request. May be called from any thread, once.
using Reply = std::function<void(Response)>;

}  // namespace battery_twin::api
