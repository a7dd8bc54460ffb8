#pragma once

#include <memory>

#include "connection.hpp"
#include "http_session.hpp"
#include "tls.hpp"

namespace battery_twin::http {

/// What serves a connection, e.g. `start_http_session`.
using Serve = void (*)(Hub& hub, Socket socket, Peer peer);

/// Does the TLS handshake and has the client served over a pair of sockets, whose other end it moves the bytes to and
/// from: the sessions know nothing of TLS.
void start_tls_relay(Hub& hub, std::shared_ptr<const Tls> tls, Socket socket, Peer peer, Serve serve);

}  // namespace battery_twin::http
