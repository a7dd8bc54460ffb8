#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace battery_twin::http {

using Header = boost::beast::http::header<true, boost::beast::http::fields>;

/// Why a request is refused before anything else looks at it. The connection is closed: what follows cannot be framed.
struct Refusal {
  int status;
  std::string_view sentence;
};

/// Where a request is for.
struct Target {
  std::string path;   ///< percent-decoded
  std::string query;  ///< as sent
  std::string host;   ///< of an absolute target, else of the `Host` field
};

/// What Beast's parser lets through and RFC 9112 does not: `Transfer-Encoding` other than one `chunked`, two lengths,
/// chunked in HTTP/1.0, `Host` missing, double or malformed, targets that are no path.
[[nodiscard]] std::variant<Target, Refusal> guard(const Header& header);

}  // namespace battery_twin::http
