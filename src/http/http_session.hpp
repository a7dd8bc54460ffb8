#pragma once

#include <memory>
#include <string>

#include "connection.hpp"

namespace battery_twin::http {

/// Starts serving HTTP on the socket. @param peer  for the access log
void start_http_session(Hub& hub, Socket socket, std::string peer);

/// Answers 503 and closes: there are too many connections.
void turn_away(Hub& hub, Socket socket);

}  // namespace battery_twin::http
