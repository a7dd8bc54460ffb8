#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "battery_twin/api/message.hpp"
#include "connection.hpp"

namespace battery_twin::http {

/// Answers the handshake and serves the WebSocket from then on.
/// @param answer    to the handshake, whole
/// @param token     id of the access token that it was opened with; 0: none
/// @param leftover  bytes that the client sent after its handshake
void start_ws_session(Hub& hub, Socket socket, std::string answer, std::string_view leftover, std::uint64_t token,
                      const api::RequestHead& head);

}  // namespace battery_twin::http
