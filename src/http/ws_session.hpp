#pragma once

#include <string>
#include <string_view>

#include "battery_twin/api/message.hpp"
#include "connection.hpp"

namespace battery_twin::http {

/// Answers a handshake that has been found good and serves the WebSocket from then on.
/// @param key       the client's `Sec-WebSocket-Key`
/// @param leftover  bytes that the client sent after its handshake
void start_ws_session(Hub& hub, Socket socket, std::string_view key, std::string leftover,
                      const api::RequestHead& head);

}  // namespace battery_twin::http
