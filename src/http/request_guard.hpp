#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "refusal.hpp"

namespace battery_twin::http {

using Header = boost::beast::http::header<true, boost::beast::http::fields>;

/// Looks at the bytes of a header while they come, before Beast parses them: length, control characters, bare CR or LF,
/// folded lines, the version.
class HeaderText {
 public:
  enum class State {
    incomplete,
    complete,
    refused,
    foreign,  ///< a TLS hello or an HTTP/2 preface: no answer of ours would be understood
  };

  /// @param limit  bytes a header may have
  explicit HeaderText(std::size_t limit) : limit_(limit) {}

  /// @param bytes  all that has come of the request so far. HTTP/1.2 to 1.9 are made 1.1 there, which Beast can read
  /// and
  ///               which they are answered as.
  State look(std::span<char> bytes);

  /// Of the complete header, with its empty line.
  [[nodiscard]] std::size_t size() const { return seen_; }
  [[nodiscard]] const Refusal& refusal() const { return *refusal_; }

 private:
  State refuse(int status, std::string_view sentence) {
    refusal_ = Refusal{status, sentence};
    return State::refused;
  }
  State look_at_request_line(std::span<char> line);

  std::size_t limit_;
  std::size_t seen_ = 0;
  std::size_t line_start_ = 0;
  std::optional<Refusal> refusal_;
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
