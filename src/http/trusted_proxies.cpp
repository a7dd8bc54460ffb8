#include "battery_twin/http/trusted_proxies.hpp"

#include <algorithm>
#include <charconv>

#include "characters.hpp"

namespace battery_twin::http {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// One that means the same to everybody: without a scope. A listener for both families calls IPv4 clients by their
// mapped addresses.
std::optional<ip::address> address_from(std::string_view text) {
  constexpr std::string_view kHex = "abcdefABCDEF:.";
  if (!std::ranges::all_of(text, [&](char c) { return is_digit(c) || kHex.find(c) != std::string_view::npos; }))
    return std::nullopt;
  error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped_t::v4_mapped, address.to_v6());
  return address;
}

std::optional<unsigned short> number_from(std::string_view text, unsigned short most) {
  unsigned short number = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || read != end || number > most) return std::nullopt;
  return number;
}

struct Hop {
  ip::address address;
  unsigned short port = 0;
};

// 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:4711
std::optional<Hop> hop_from(std::string_view text) {
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    port = text.substr(text.find(':'));
    text = text.substr(0, text.find(':'));
  }
  const auto address = address_from(text);
  const bool is_v6 = text.find(':') != std::string_view::npos;
  if (!address || bracketed != (bracketed && is_v6)) return std::nullopt;
  if (port.empty()) return Hop{*address};
  const auto number = port.front() == ':' ? number_from(port.substr(1), 65535) : std::nullopt;
  if (!number) return std::nullopt;
  return Hop{*address, *number};
}

std::string shown(const Hop& hop) {
  const std::string address = hop.address.to_string();
  return (hop.address.is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(hop.port);
}

}  // namespace

std::optional<TrustedProxies> TrustedProxies::from(std::string_view list) {
  TrustedProxies proxies;
  if (trimmed(list).empty()) return proxies;
  for (bool last = false; !last;) {
    const auto comma = list.find(',');
    last = comma == std::string_view::npos;
    const std::string_view word = trimmed(list.substr(0, comma));
    list = last ? std::string_view{} : list.substr(comma + 1);
    if (word == "*") {
      proxies.everybody_ = true;
      continue;
    }
    if (word == "unix:") {
      proxies.unix_ = true;
      continue;
    }
    const auto slash = word.find('/');
    const auto address = address_from(word.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned short most = address->is_v4() ? 32 : 128;
    const auto length = slash == std::string_view::npos ? most : number_from(word.substr(slash + 1), most);
    if (!length) return std::nullopt;
    if (address->is_v4())
      proxies.v4_.push_back(ip::network_v4(address->to_v4(), *length).canonical());
    else
      proxies.v6_.push_back(ip::network_v6(address->to_v6(), *length).canonical());
  }
  return proxies;
}

bool TrustedProxies::trusts(const ip::address& address) const {
  if (everybody_) return true;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return trusts(ip::make_address_v4(ip::v4_mapped_t::v4_mapped, address.to_v6()));
  const auto is_in = [&](const auto& network, const auto& one) {
    using Network = std::decay_t<decltype(network)>;
    return Network(one, network.prefix_length()).canonical() == network;
  };
  if (address.is_v4())
    return std::ranges::any_of(v4_, [&](const auto& network) { return is_in(network, address.to_v4()); });
  return std::ranges::any_of(v6_, [&](const auto& network) { return is_in(network, address.to_v6()); });
}

std::optional<std::string> TrustedProxies::client(std::string_view forwarded_for) const {
  std::optional<Hop> hop;
  for (bool first = false; !first;) {
    const auto comma = forwarded_for.rfind(',');
    first = comma == std::string_view::npos;
    hop = hop_from(trimmed(first ? forwarded_for : forwarded_for.substr(comma + 1)));
    if (!hop) return std::nullopt;
    if (!trusts(hop->address)) break;
    if (!first) forwarded_for = forwarded_for.substr(0, comma);
  }
  return shown(*hop);
}

}  // namespace battery_twin::http
