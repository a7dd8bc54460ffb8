#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/api/message.hpp"

namespace battery_twin::api {

/// Text messages that many clients get, one after the other.
struct Bundle {
  std::vector<std::shared_ptr<const std::string>> texts;
  std::shared_ptr<const std::string> wire;  ///< all of them as they go out; made by the first sink, for those after it
};

/// Where a WebSocket client's messages go. Implemented by the session; called on the I/O thread.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Queues a text message. The text is shared by all clients that get it. A client that cannot be given it is ended:
  /// that is no exception here.
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  /// Queues all of a bundle. Throws only where `wire` was to be made, and before anything is queued.
  virtual void send_all(Bundle& bundle) {
    for (const auto& text : bundle.texts) send(text);
  }
};

/// One WebSocket client's subscription. Ends when it is destroyed. Used on the I/O thread only.
class Feed {
 public:
  virtual ~Feed() = default;
  /// The client's queue ran empty: sends the next part of what it is owed from the past.
  virtual void refill() = 0;
  /// A text message of the client. Gives the answer.
  [[nodiscard]] virtual std::string on_text(std::string_view text) = 0;
};

/// What the sockets know of the meaning of requests. Every method is called on the I/O thread and returns at once.
class Handler {
 public:
  virtual ~Handler() = default;

  /// What the head of a request with a body decides before the body is read: unknown path, wrong method, wrong body
  /// type, redirects.
  /// @return the final answer, or nothing when the request should be handled
  [[nodiscard]] virtual std::optional<Response> refuse(const RequestHead& head) = 0;
  /// Handles a whole request, one that should have been refused included. An exception is an internal error.
  /// @return the answer, or nothing when it comes through what `later` gave
  [[nodiscard]] virtual std::optional<Response> handle(const RequestHead& head, std::string_view body,
                                                       const Later& later) = 0;
  /// The same answer in the form of RFC 9457, for clients that ask for application/problem+json; as it is where it has
  /// no `detail`.
  /// @param title  the status in words
  [[nodiscard]] virtual Response as_problem(const Response& response, std::string_view title) const = 0;
  /// @return true when a WebSocket may be opened on that path
  [[nodiscard]] virtual bool is_websocket(std::string_view path) const = 0;
  /// What is wrong with an upgrade's query, or nothing.
  [[nodiscard]] virtual std::optional<Response> refuse_websocket(const RequestHead& head) = 0;
  /// @param sink  must outlive the feed
  [[nodiscard]] virtual std::unique_ptr<Feed> open_feed(const RequestHead& head, Sink& sink) = 0;
};

}  // namespace battery_twin::api
