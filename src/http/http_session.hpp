#pragma once

#include "connection.hpp"

namespace battery_twin::http {

/// Starts serving HTTP on the socket.
void start_http_session(Hub& hub, Socket socket, Peer peer);

/// Answers 503 and closes: there are too many connections.
void start_turning_away(Hub& hub, Socket socket, Peer peer);
/// The same without waiting until the client has read it.
void turn_away_at_once(Hub& hub, Socket socket);

}  // namespace battery_twin::http
