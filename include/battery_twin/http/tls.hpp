#pragma once

#include <memory>
#include <string>

namespace battery_twin::http {

struct TlsConfig {
  std::string certificates;  ///< PEM file: the server's certificate and those between it and the root
  std::string key;           ///< PEM file; empty: it is in `certificates`
  std::string password;      ///< of the key, where it has one
  std::string authorities;   ///< PEM file: whose clients are known; or empty
  std::string ciphers;       ///< of TLS 1.2, in OpenSSL's words; empty: OpenSSL's choice
  enum class Clients { any, verified_if_given, verified } clients = Clients::any;
};

/// Certificates and what belongs to them, ready for use.
class Tls;

/// Reads the files.
/// @throws std::runtime_error  one sentence on what is wrong with which of them
[[nodiscard]] std::shared_ptr<const Tls> load_tls(const TlsConfig& config);

}  // namespace battery_twin::http
