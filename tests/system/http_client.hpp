#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server_process.hpp"

namespace battery_twin::system {

using Json = nlohmann::json;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// A TCP connection to 127.0.0.1, blocking with a deadline. Every failure is a std::runtime_error.
class Connection {
 public:
  struct Options {
    std::chrono::milliseconds patience = kPatience;  ///< for each call
    int receive_buffer = 0;                          ///< bytes; 0: the system's choice
  };

  explicit Connection(std::uint16_t port) : Connection(port, Options{}) {}
  Connection(std::uint16_t port, Options options);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  /// Writes everything.
  void send(std::string_view bytes);
  /// Appends what comes to `buffer()`. False at the end of the stream; a reset counts as an end.
  bool receive();
  /// What is there already, without waiting. False at the end of the stream.
  bool receive_now();
  /// No more from us.
  void shutdown_send();
  /// Ends the connection with a reset, as a killed client's machine would.
  void reset();

  /// Bytes that were received and not used.
  [[nodiscard]] std::string& buffer() { return buffer_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  void wait_for(short events) const;
  bool append(std::ptrdiff_t size, const char* bytes);

  int descriptor_ = -1;
  std::chrono::milliseconds patience_;
  std::string buffer_;
};

struct HttpResponse {
  int status = 0;
  std::string version;
  Headers headers;
  std::string body;

  /// The first field of that name (in any case), or nothing.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
  /// The same, or an empty text.
  [[nodiscard]] std::string field(std::string_view name) const { return header(name).value_or(""); }
  /// The body. @throws nlohmann::json::exception  when it is not JSON
  [[nodiscard]] Json json() const { return Json::parse(body); }
};

/// Reads one answer, also an interim one.
/// @param without_body  the answer to a HEAD
[[nodiscard]] HttpResponse read_response(Connection& connection, bool without_body = false);

/// Text of a request. `Host` is added unless it is given, Content-Length when there is a body.
[[nodiscard]] std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                                       const Headers& headers);

/// Requests to one server, each over a connection of its own.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : port_(port) {}

  [[nodiscard]] HttpResponse request(std::string_view method, std::string_view target, std::string_view body = {},
                                     Headers headers = {}) const;
  [[nodiscard]] HttpResponse get(std::string_view target, Headers headers = {}) const;
  [[nodiscard]] HttpResponse post(std::string_view target, const Json& body) const;
  [[nodiscard]] HttpResponse patch(std::string_view target, const Json& body) const;
  [[nodiscard]] HttpResponse del(std::string_view target) const;
  /// Sends the bytes, reads one answer.
  [[nodiscard]] HttpResponse raw(std::string_view bytes) const;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
};

/// The members of a list that a header field holds.
[[nodiscard]] std::set<std::string> words(const std::string& list);

}  // namespace battery_twin::system
