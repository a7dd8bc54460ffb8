#pragma once

#include <functional>
#include <string>

namespace battery_twin::store {

/// Where PostgreSQL is.
struct Address {
  std::string connection;  ///< for libpq, with the password
  std::string shown;       ///< for people, without it: "postgresql://user@host:5432/database"
};

/// @param url  what it leaves out is taken from POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER, POSTGRES_PASSWORD and
///             POSTGRES_DB, then from what libpq knows: its own variables, ~/.pgpass, defaults
/// @throws std::runtime_error  one sentence when the URL is none, without the password
[[nodiscard]] Address postgres_address(const std::string& url);

}  // namespace battery_twin::store
