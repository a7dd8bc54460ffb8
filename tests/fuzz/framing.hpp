#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace battery_twin::fuzz {

// The requests that the server sees in a connection's bytes, read as an HTTP session reads them, without the socket.

inline constexpr std::size_t kMaxHeader = 2048;
inline constexpr std::size_t kMaxBody = 1024;

struct SeenRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string host;
  std::string body;
  std::size_t end;  ///< among all bytes of the connection

  bool operator==(const SeenRequest&) const = default;
};

struct Seen {
  enum class End {
    between_requests,  ///< all bytes belong to requests
    incomplete,        ///< the last request is not whole
    closing,           ///< the last request asked for that, or for a WebSocket: what follows is not read
    refused,
    foreign,
  };
  std::vector<SeenRequest> requests;
  End end = End::between_requests;
  int status = 0;  ///< of a refusal

  bool operator==(const Seen&) const = default;
};

/// @param longest  piece in which the bytes come, see Pieces
[[nodiscard]] Seen read_connection(std::string_view bytes, std::uint8_t longest);

}  // namespace battery_twin::fuzz
