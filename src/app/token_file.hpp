#pragma once

#include <string>

#include "battery_twin/http/access_tokens.hpp"

namespace battery_twin::app {

/// Adds the tokens of a file: lines with "operator TOKEN" or "read TOKEN", empty ones, and comments behind #.
/// @return true when others than its owner and group may read it
/// @throws std::runtime_error  one sentence on what is wrong with it, without what may be a token
[[nodiscard]] bool add_token_file(const std::string& path, http::AccessTokens& tokens);

}  // namespace battery_twin::app
