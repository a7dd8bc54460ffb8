#include "http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace battery_twin::system {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

// Takes bytes off the front of the buffer, receiving as many as are needed.
std::string take(Connection& connection, std::size_t size) {
  while (connection.buffer().size() < size) {
    if (!connection.receive()) throw std::runtime_error("the connection ended within an answer");
  }
  std::string taken = connection.buffer().substr(0, size);
  connection.buffer().erase(0, size);
  return taken;
}

std::string take_line(Connection& connection) {
  for (;;) {
    if (const auto end = connection.buffer().find("\r\n"); end != std::string::npos) {
      std::string line = take(connection, end + 2);
      line.resize(end);
      return line;
    }
    if (!connection.receive()) throw std::runtime_error("the connection ended before an answer");
  }
}

std::size_t number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) throw std::runtime_error("not a number: " + std::string(text));
  return value;
}

std::string take_chunks(Connection& connection) {
  std::string body;
  for (;;) {
    const std::size_t size = number(take_line(connection), 16);
    if (size == 0) break;
    body += take(connection, size);
    take_line(connection);
  }
  while (!take_line(connection).empty()) {  // trailers
  }
  return body;
}

}  // namespace

Connection::Connection(std::uint16_t port, Options options) : patience_(options.patience) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) fail("no socket");
  if (options.receive_buffer > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor_);
    fail("cannot connect");
  }
}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      patience_(other.patience_),
      buffer_(std::move(other.buffer_)) {}

void Connection::wait_for(short events) const {
  pollfd entry{.fd = descriptor_, .events = events, .revents = 0};
  const int ready = ::poll(&entry, 1, static_cast<int>(patience_.count()));
  if (ready == 0) throw std::runtime_error("the server took too long");
  if (ready < 0) fail("poll");
}

void Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(POLLOUT);
    const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    // The server may have answered and gone while we were still sending; the answer is there to be read.
    if (size < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
    if (size < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool Connection::append(std::ptrdiff_t size, const char* bytes) {
  if (size > 0) {
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size < 0 && errno != ECONNRESET) fail("receive");
  return false;
}

bool Connection::receive() {
  wait_for(POLLIN);
  return receive_now();
}

bool Connection::receive_now() {
  thread_local std::array<char, 64 * 1024> bytes;
  return append(::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT), bytes.data());
}

void Connection::shutdown_send() { ::shutdown(descriptor_, SHUT_WR); }

void Connection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(descriptor_, -1));
}

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

HttpResponse read_response(Connection& connection, bool without_body) {
  HttpResponse response;
  const std::string start = take_line(connection);
  const auto space = start.find(' ');
  if (!start.starts_with("HTTP/1.") || space == std::string::npos) throw std::runtime_error("not an answer: " + start);
  response.version = start.substr(0, space);
  response.status = static_cast<int>(number(std::string_view(start).substr(space + 1), 10));
  for (std::string line = take_line(connection); !line.empty(); line = take_line(connection)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) throw std::runtime_error("not a header field: " + line);
    const auto value = line.find_first_not_of(" \t", colon + 1);
    response.headers.emplace_back(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
  }
  if (without_body || response.status < 200 || response.status == 204 || response.status == 304) return response;
  if (same_name(response.field("Transfer-Encoding"), "chunked")) {
    response.body = take_chunks(connection);
  } else if (const auto length = response.header("Content-Length")) {
    response.body = take(connection, number(*length, 10));
  } else {
    while (connection.receive()) {
    }
    response.body = std::exchange(connection.buffer(), {});
  }
  return response;
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         const Headers& headers) {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
  const auto given = [&](std::string_view name) {
    return std::ranges::any_of(headers, [&](const auto& field) { return same_name(field.first, name); });
  };
  if (!given("Host")) text += "Host: localhost\r\n";
  if (!body.empty() && !given("Content-Length") && !given("Transfer-Encoding"))
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return text.append("\r\n").append(body);
}

HttpResponse HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                                 Headers headers) const {
  Connection connection(port_);
  headers.emplace_back("Connection", "close");
  connection.send(request_text(method, target, body, headers));
  return read_response(connection, method == "HEAD");
}

HttpResponse HttpClient::get(std::string_view target, Headers headers) const {
  return request("GET", target, {}, std::move(headers));
}

HttpResponse HttpClient::post(std::string_view target, const Json& body) const {
  return request("POST", target, body.dump(), {{"Content-Type", "application/json"}});
}

HttpResponse HttpClient::patch(std::string_view target, const Json& body) const {
  return request("PATCH", target, body.dump(), {{"Content-Type", "application/json"}});
}

HttpResponse HttpClient::del(std::string_view target) const { return request("DELETE", target); }

HttpResponse HttpClient::raw(std::string_view bytes) const {
  Connection connection(port_);
  connection.send(bytes);
  return read_response(connection);
}

std::set<std::string> words(const std::string& list) {
  std::set<std::string> out;
  std::string word;
  for (const char c : list + ",") {
    if (c == ',') {
      if (!word.empty()) out.insert(word);
      word.clear();
    } else if (c != ' ') {
      word += c;
    }
  }
  return out;
}

}  // namespace battery_twin::system
