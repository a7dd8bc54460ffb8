#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace battery_twin::http {

/// Who may talk to the server from a browser: one list for CORS and for WebSockets.
class AccessPolicy {
 public:
  /// @param check_host  the server is on loopback only, or has a list of host names: foreign ones are refused, which
  ///                    stops DNS rebinding
  AccessPolicy(std::vector<std::string> origins, std::vector<std::string> hosts, bool check_host);

  /// @param host  value of the `Host` field
  [[nodiscard]] bool allows_host(std::string_view host) const;
  /// Own origin, loopback at any port, or listed.
  /// @param host    value of the `Host` field of the same request
  /// @param secure  the request came by TLS: then the own origin is one of https
  [[nodiscard]] bool allows_origin(std::string_view origin, std::string_view host, bool secure = false) const;

 private:
  std::vector<std::string> origins_;
  std::vector<std::string> hosts_;
  bool check_host_;
};

/// What a preflight is answered in `Access-Control-Allow-Headers`: the fields that were asked for, as an allowed page
/// may send any. But those of proxies, which a page is not; and nothing when it is no list of names, or a very long
/// one.
/// @param asked  value of `Access-Control-Request-Headers`
[[nodiscard]] std::string allowed_fields(std::string_view asked);

/// True for a well-formed `Host` value: a name or an address, with an optional port.
[[nodiscard]] bool is_host(std::string_view host);

}  // namespace battery_twin::http
