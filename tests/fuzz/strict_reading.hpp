#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace battery_twin::fuzz {

// RFC 9112 read by the letter, without regard to speed and without any of the server's code: what the server takes for
// a request must be one here, too, and end at the same byte. It asks for less than the server in what does not frame:
// targets, Host, limits.

struct StrictBody {
  std::size_t end;  ///< where the next message begins
  std::string body;
};

/// The chunked body that the text begins with. Nothing when it is incomplete or against the grammar.
[[nodiscard]] std::optional<StrictBody> read_chunks_strictly(std::string_view text);

struct StrictRequest {
  std::string method;
  std::string target;
  StrictBody content;
  bool closes = false;  ///< Connection says so: what follows is no request
};

/// The request that the text begins with.
[[nodiscard]] std::optional<StrictRequest> read_request_strictly(std::string_view text);

}  // namespace battery_twin::fuzz
