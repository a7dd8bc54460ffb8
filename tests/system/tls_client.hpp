#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http_client.hpp"

namespace battery_twin::system {

/// A TLS connection to 127.0.0.1, blocking with a deadline. Every failure is a std::runtime_error.
class TlsConnection {
 public:
  struct Options {
    std::string authority;    ///< PEM file that the server's certificate must be of; empty: any will do
    std::string certificate;  ///< PEM file of our own, or empty
    std::string key;
    int highest_version = 0;  ///< 0: the library's
    std::string ciphers;      ///< of TLS 1.2; or empty
    int receive_buffer = 0;   ///< bytes; 0: the system's choice
  };

  explicit TlsConnection(std::uint16_t port) : TlsConnection(port, Options{}) {}
  TlsConnection(std::uint16_t port, const Options& options);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  void send(std::string_view bytes);
  /// So many KeyUpdate records at once: the server has no more to do for them than to read each.
  /// @param answered  it is to send one for each of them
  void send_key_updates(int count, bool answered = false);
  /// Ends the connection with a reset, as a killed client's machine would.
  void reset();
  /// No more from us: our close_notify, and the end of the stream.
  void shutdown_send();
  /// The next bytes; empty at the end.
  [[nodiscard]] std::string receive();
  /// Everything up to the end.
  [[nodiscard]] std::string receive_all();
  /// The server said that it was the end (close_notify).
  [[nodiscard]] bool ended_properly() const { return ended_properly_; }

  [[nodiscard]] std::string protocol() const { return SSL_get_version(ssl_.get()); }
  [[nodiscard]] std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
  /// Serial number of the server's certificate, in hexadecimal digits.
  [[nodiscard]] std::string serial() const;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  int descriptor_ = -1;
  bool ended_properly_ = false;
};

}  // namespace battery_twin::system
