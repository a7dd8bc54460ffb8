#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace battery_twin::api {

/// The part of a request that stands before its body. Header fields that are absent are empty. The texts live as long
/// as the call that is given them.
struct RequestHead {
  std::string_view method;  ///< as sent, e.g. "GET"
  std::string_view path;    ///< percent-decoded once, without query; "*" only of OPTIONS
  std::string_view query;   ///< as sent, without the question mark
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view accept{};
  bool has_body = false;   ///< a body of at least one byte, or one of unknown length, was announced
  bool oversized = false;  ///< the announced body is longer than allowed
};

/// A piece of a body; empty: the body is complete; nothing: the rest cannot be had.
using Piece = std::optional<std::string>;

/// A long body, made piece by piece while it is sent.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Makes the next piece. Called on the I/O thread, again only after `done`.
  /// @param done  called once, from any thread
  virtual void next(std::function<void(Piece)> done) = 0;
};

/// A body that many get, plain and by gzip. Whoever sends it makes the form that is missing when it is first wanted,
/// and keeps it. Used on the I/O thread only.
struct Compressed {
  std::string_view gzip{};  ///< lives as long as this does at least; empty until it was wanted
  std::string plain{};      ///< empty until it was wanted
  std::string made{};       ///< what `gzip` looks at, where that was made
};

/// Who may have something, where the server has access tokens. Each may have what those before it may.
enum class Access : std::uint8_t {
  everybody,
  reading,   ///< who has a token, be it a read-only one
  changing,  ///< who has an operator's token
};

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";          ///< a text that lives for ever; empty: no body
  std::vector<std::pair<std::string, std::string>> headers{};  ///< further fields; no CR or LF in either part
  std::shared_ptr<BodySource> source{};                        ///< where the body comes from instead of `body`
  std::shared_ptr<Compressed> compressed{};                    ///< where the body comes from instead of `body`
  std::uint64_t etag = 0;  ///< another one for another body: a client that has it already gets 304; 0: none
};

/// Takes the answer to one request. May be called from any thread, once.
using Reply = std::function<void(Response)>;

/// Gives the way for an answer that comes later. Called on the I/O thread while the request is handled, at most once.
using Later = std::function<Reply()>;

}  // namespace battery_twin::api
