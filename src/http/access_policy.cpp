#include "access_policy.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "characters.hpp"

namespace battery_twin::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

struct HostPort {
  std::string_view host;  // an IPv6 address without its brackets
  std::string_view port;
  bool valid = false;
  bool bracketed = false;
};

HostPort split(std::string_view text) {
  HostPort parts;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return parts;
    parts.host = text.substr(1, end - 1);
    parts.bracketed = true;
    text.remove_prefix(end + 1);
    if (!text.empty() && text[0] != ':') return parts;
    if (!text.empty()) parts.port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    parts.host = text.substr(0, colon);
    if (colon != std::string_view::npos) parts.port = text.substr(colon + 1);
  }
  parts.valid = std::ranges::all_of(parts.port, is_digit) && parts.port.size() <= 5;
  return parts;
}

bool is_address(const HostPort& parts) {
  boost::system::error_code error;
  if (parts.bracketed) {
    if (parts.host.find('%') != std::string_view::npos) return false;  // a scope means nothing to others
    boost::asio::ip::make_address_v6(std::string(parts.host), error);
  } else {
    boost::asio::ip::make_address_v4(std::string(parts.host), error);
  }
  return !error;
}

}  // namespace

AccessPolicy::AccessPolicy(std::vector<std::string> origins, std::vector<std::string> hosts, bool check_host)
    : origins_(std::move(origins)), hosts_(std::move(hosts)), check_host_(check_host) {
  for (std::string& host : hosts_) host = lower(host);
}

std::string allowed_fields(std::string_view asked) {
  constexpr std::size_t kMost = 1024;  // bytes
  if (asked.size() > kMost) return {};
  std::string allowed;
  while (!asked.empty()) {
    const auto comma = std::min(asked.find(','), asked.size());
    std::string_view name = asked.substr(0, comma);
    asked.remove_prefix(std::min(comma + 1, asked.size()));
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    if (!std::ranges::all_of(name, is_token_char)) return {};
    if (name.empty() || lower(name).starts_with("x-forwarded-")) continue;
    allowed.append(allowed.empty() ? "" : ", ").append(name);
  }
  return allowed;
}

bool is_host(std::string_view host) {
  const HostPort parts = split(host);
  if (!parts.valid || parts.host.empty()) return false;
  if (parts.bracketed) return is_address(parts);
  return std::ranges::all_of(parts.host, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool AccessPolicy::allows_host(std::string_view host) const {
  if (!check_host_) return true;
  const HostPort parts = split(host);
  const std::string name = lower(parts.host);
  return is_address(parts) || name == "localhost" || std::ranges::find(hosts_, name) != hosts_.end();
}

bool AccessPolicy::allows_origin(std::string_view origin, std::string_view host, bool secure) const {
  if (origin == "null") return false;
  if (std::ranges::any_of(origins_, [&](const std::string& one) { return one == "*" || one == origin; })) return true;
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kSecure = "https://";
  const std::string_view own = secure ? kSecure : kPlain;
  if (origin.starts_with(own) && is_host(origin.substr(own.size())) && lower(origin.substr(own.size())) == lower(host))
    return true;
  if (!origin.starts_with(kPlain)) return false;
  const std::string_view authority = origin.substr(kPlain.size());
  if (!is_host(authority)) return false;
  const HostPort parts = split(authority);
  return (!parts.bracketed && (lower(parts.host) == "localhost" || parts.host == "127.0.0.1")) ||
         (parts.bracketed && parts.host == "::1");
}

}  // namespace battery_twin::http
