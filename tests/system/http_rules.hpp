#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "twin.hpp"

// Requests that must be refused or taken, each over a connection of its own.
namespace battery_twin::system {

inline const std::string kNext = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
inline const std::string kPost =
    "POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
inline const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
inline const std::string kGet = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n";
inline constexpr std::size_t kMaxBody = 1024 * 1024;

struct Refused {
  const char* name;
  std::string bytes;
  std::set<int> statuses{400};
};

/// Each is answered with one of its statuses and the connection closed; what follows it is not taken for a request.
inline void expect_refused(const Twin& twin, const std::vector<Refused>& cases) {
  for (const Refused& one : cases) {
    Connection connection(twin.server.port());
    connection.send(one.bytes + kNext);
    const HttpResponse response = read_response(connection);
    EXPECT_TRUE(one.statuses.contains(response.status)) << one.name << ": " << response.status;
    EXPECT_TRUE(response.json().at("detail").is_string()) << one.name << ": " << response.body;
    EXPECT_EQ(response.field("Connection"), "close") << one.name;
    EXPECT_FALSE(response.field("X-Request-ID").empty()) << one.name;
    while (connection.receive()) {
    }
    EXPECT_EQ(connection.buffer(), "") << one.name << ": what follows was answered, too";
  }
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
}

/// Each is answered with that status, and so is the request behind it on the same connection.
inline void expect_taken(const Twin& twin, const std::vector<std::pair<const char*, std::string>>& cases,
                         int status = 200) {
  for (const auto& [name, bytes] : cases) {
    Connection connection(twin.server.port());
    connection.send(bytes + kNext);
    const HttpResponse response = read_response(connection);
    EXPECT_EQ(response.status, status) << name << ": " << response.body;
    EXPECT_EQ(read_response(connection).status, 200) << name << ": the next request";
  }
}

inline std::string text_with(std::string_view before, char byte, std::string_view after) {
  return std::string(before) + byte + std::string(after);
}

}  // namespace battery_twin::system
