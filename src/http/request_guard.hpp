#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "refusal.hpp"

namespace battery_twin::http {

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
  ///               and which they are answered as.
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

/// What the server wants to know of a request's header. Of fields that may stand once only, the first; empty: absent.
/// The texts are parts of the header's bytes, except a path that had to be decoded.
struct RequestHeader {
  std::string_view method;
  std::string_view target;  ///< as sent
  bool http_1_0 = false;
  bool keep_alive = false;
  bool chunked = false;                 ///< the body comes in chunks
  std::optional<std::uint64_t> length;  ///< of the body, where it is announced
  bool websocket = false;               ///< asks for an upgrade to it
  int origins = 0;                      ///< fields of that name

  std::string_view host;  ///< of an absolute target, else of the `Host` field
  std::string_view origin;
  std::string_view accept;
  std::string_view accept_encoding;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view expect;
  std::string_view if_none_match;
  std::string_view request_id;      ///< X-Request-ID
  std::string_view request_method;  ///< Access-Control-Request-Method
  std::string_view request_fields;  ///< Access-Control-Request-Headers
  std::string_view websocket_key;
  std::string_view websocket_version;
  std::string_view forwarded_proto;  ///< X-Forwarded-Proto
  int forwarded_protos = 0;          ///< fields of that name
  std::string forwarded_for;         ///< all fields X-Forwarded-For, in order, with commas between

  std::string_view query;    ///< as sent
  std::string_view as_sent;  ///< the path, where nothing in it had to be decoded
  std::string decoded;       ///< the path, where something had

  [[nodiscard]] std::string_view path() const { return decoded.empty() ? as_sent : decoded; }
  [[nodiscard]] bool has_body() const { return chunked || (length && *length > 0); }
};

/// Parses a header that `HeaderText` found complete, with Beast, and refuses what Beast lets through and RFC 9112 does
/// not: `Transfer-Encoding` other than one `chunked`, two lengths, chunked in HTTP/1.0, `Host` missing, double or
/// malformed, targets that are no path.
/// @param text    lives as long as `header` is used
/// @param header  new; holds what had been understood when the header is refused
[[nodiscard]] std::optional<Refusal> read_header(std::string_view text, RequestHeader& header);

}  // namespace battery_twin::http
