#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>

namespace battery_twin::http {

/// As it stands in a URL, before the port.
[[nodiscard]] inline std::string bracketed(const boost::asio::ip::address& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

/// ::ffff:127.0.0.1 is 127.0.0.1.
[[nodiscard]] inline boost::asio::ip::address unmapped(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

/// Where a browser on this machine finds who listens there: that address, or loopback where it is all of them.
[[nodiscard]] inline boost::asio::ip::address for_a_browser(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  const ip::address plain = unmapped(address);
  if (!plain.is_unspecified()) return address;
  return plain.is_v4() ? ip::address(ip::address_v4::loopback()) : ip::address(ip::address_v6::loopback());
}

}  // namespace battery_twin::http
