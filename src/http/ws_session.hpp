#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "battery_twin/api/message.hpp"
#include "connection.hpp"

namespace battery_twin::http {

/// Answers the handshake and serves the WebSocket from then on.
/// @param leftover  bytes that the client sent after its handshake
void start_ws_session(Hub& hub, Socket socket, boost::beast::flat_buffer leftover,
                      boost::beast::http::request<boost::beast::http::string_body> handshake,
                      const api::RequestHead& head);

}  // namespace battery_twin::http
