#include "address.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace battery_twin::store {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

struct Variable {
  const char* name;
  const char* option;
};
constexpr std::array kVariables{Variable{"POSTGRES_HOST", "host"}, Variable{"POSTGRES_PORT", "port"},
                                Variable{"POSTGRES_USER", "user"}, Variable{"POSTGRES_PASSWORD", "password"},
                                Variable{"POSTGRES_DB", "dbname"}};

// How long anything may take that has an answer: connecting, and a network that has gone.
constexpr std::array<std::pair<const char*, const char*>, 7> kLimits{{{"connect_timeout", "3"},
                                                                      {"keepalives", "1"},
                                                                      {"keepalives_idle", "5"},
                                                                      {"keepalives_interval", "2"},
                                                                      {"keepalives_count", "3"},
                                                                      {"tcp_user_timeout", "10000"},
                                                                      {"application_name", "battery-twin"}}};

// A password with a slash or an @ in it makes libpq take parts of it for host, port or database, which are shown.
bool is_misleading(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view rest = url.substr(scheme + 3);
  const std::size_t end_of_user = rest.find_first_of("@/");
  if (end_of_user != std::string_view::npos && rest[end_of_user] == '@') rest.remove_prefix(end_of_user + 1);
  return rest.substr(0, rest.find('?')).find('@') != std::string_view::npos;
}

// libpq notices these only when it connects, each time anew. Several hosts may have several ports.
bool has_bad_number(const Options& options) {
  for (const char* name : {"port", "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval",
                           "keepalives_count", "tcp_user_timeout"}) {
    const auto found = options.find(name);
    if (found == options.end()) continue;
    const bool is_port = std::string_view(name) == "port";
    std::string_view rest = found->second;
    for (;;) {
      const std::string_view one = is_port ? rest.substr(0, rest.find(',')) : rest;
      std::int32_t value = 0;
      const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), value);
      const bool is_left_out = is_port && one.empty();
      if (!is_left_out && (error != std::errc() || end != one.data() + one.size())) return true;
      if (!is_left_out && is_port && (value < 1 || value > 65'535)) return true;
      if (one.size() == rest.size()) break;
      rest.remove_prefix(one.size() + 1);
    }
  }
  return false;
}

constexpr const char* kMalformed =
    "The database's URL should be like postgresql://user:password@host:5432/database, with %-codes for special "
    "characters";

Options options_of(const std::string& url) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(url.c_str(), &why),
                                                                              &PQconninfoFree);
  if (!parsed || is_misleading(url)) {
    // libpq's own text may quote the password.
    PQfreemem(why);
    throw std::runtime_error(kMalformed);
  }
  Options options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options[option->keyword] = option->val;
  }
  return options;
}

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// What libpq itself would add: its variables and defaults.
Options with_defaults(Options options) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> known(PQconndefaults(), &PQconninfoFree);
  if (!known) return options;
  for (const PQconninfoOption* option = known.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.try_emplace(option->keyword, option->val);
  }
  return options;
}

std::string shown(const Options& options) {
  const auto get = [&](std::string_view name) {
    const auto found = options.find(name);
    return found != options.end() ? found->second : std::string();
  };
  const std::string host = get("host").empty() ? get("hostaddr") : get("host");
  return "postgresql://" + get("user") + "@" + (host.empty() ? "localhost" : host) + ":" + get("port") + "/" +
         (get("dbname").empty() ? get("user") : get("dbname"));
}

}  // namespace

Address postgres_address(const std::string& url) {
  Options options = options_of(url);
  for (const auto& [name, option] : kVariables) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): at start, when nobody changes the environment
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') options.try_emplace(option, value);
  }
  if (has_bad_number(options)) throw std::runtime_error(kMalformed);
  // Not for ever, which is what 0 would be.
  if (const auto time = options.find("connect_timeout"); time != options.end()) {
    time->second = std::to_string(std::clamp(std::stoi(time->second), 1, 10));
  }
  for (const auto& [option, value] : kLimits) options.try_emplace(option, value);
  Address address;
  for (const auto& [option, value] : options) address.connection += option + "=" + quoted(value) + " ";
  address.shown = shown(with_defaults(std::move(options)));
  return address;
}

}  // namespace battery_twin::store
