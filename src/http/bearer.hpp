#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "battery_twin/http/access_tokens.hpp"
#include "request_guard.hpp"

namespace battery_twin::http {

/// How a request stands to the access tokens.
struct Admission {
  enum class Verdict : std::uint8_t {
    admitted,
    no_token,
    unknown_token,
    read_only,   ///< the token is good, but not for this
    two_tokens,  ///< which of them counts is not for us to guess
  };
  Verdict verdict = Verdict::admitted;
  std::uint64_t token = 0;  ///< id of the token that admitted it; 0: none was needed
};

/// @param needed      whom the request's answer is for
/// @param with_query  the token may stand in the query, as `access_token`: of a WebSocket, where a browser's script can
///                    set no field
[[nodiscard]] Admission admit(const AccessTokens& tokens, api::Access needed, const RequestHeader& header,
                              bool with_query);

/// The answer to a request that is not admitted.
[[nodiscard]] api::Response refusal_of(Admission::Verdict verdict);

/// The characters of a token: RFC 6750's b64token.
[[nodiscard]] bool is_bearer_token(std::string_view text);

/// The target with "..." for each `access_token` in its query: what may be logged of it.
[[nodiscard]] std::string without_token(std::string_view target);

}  // namespace battery_twin::http
