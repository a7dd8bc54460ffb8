#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace battery_twin::http {

/// The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
class TrustedProxies {
 public:
  /// Nobody.
  TrustedProxies() = default;
  /// @param list  addresses and networks like 10.0.0.0/8, separated by commas; "*": everybody; "unix:": who comes by a
  ///              Unix socket
  /// @return nothing where a part of it is none of these
  [[nodiscard]] static std::optional<TrustedProxies> from(std::string_view list);

  [[nodiscard]] bool trusts(const boost::asio::ip::address& address) const;
  [[nodiscard]] bool trusts_unix() const { return everybody_ || unix_; }
  /// Who sent the request to the first of the trusted proxies: the last in the list that is none of them; the first one
  /// where all are. An address with its port, 0 where it has none.
  /// @param forwarded_for  all X-Forwarded-For fields of a request that a trusted proxy passed on, separated by commas
  /// @return nothing where what stands there is no address
  [[nodiscard]] std::optional<std::string> client(std::string_view forwarded_for) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
  bool everybody_ = false;
  bool unix_ = false;
};

}  // namespace battery_twin::http
