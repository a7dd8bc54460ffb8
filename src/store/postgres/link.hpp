#pragma once

#include <chrono>
#include <exception>
#include <pqxx/connection>
#include <string>

#include "address.hpp"
#include "watch.hpp"

namespace battery_twin::store {

/// A connection to PostgreSQL. Not thread-safe.
class Link {
 public:
  /// Connects, which takes three seconds at most for each of the host's addresses.
  /// @param watch  must outlive the link
  /// @throws std::exception  see `why`
  Link(const Address& address, Watch& watch);

  [[nodiscard]] pqxx::connection& operator*() { return connection_; }
  [[nodiscard]] pqxx::connection* operator->() { return &connection_; }

  /// For what is asked while it lives.
  [[nodiscard]] Watch::Limit limit(std::chrono::seconds time) { return {watch_, connection_.sock(), time}; }

 private:
  Watch& watch_;
  pqxx::connection connection_;
};

/// With a full stop, unless it ends as a question: libpq asks "Is the server running …?".
[[nodiscard]] std::string ended(std::string sentence);

/// What PostgreSQL or libpq said, as one sentence.
[[nodiscard]] std::string why(const std::exception& problem);

/// True when there is a PostgreSQL that takes connections, just not ours: a wrong password, an unknown database.
[[nodiscard]] bool is_refused(const Address& address);

}  // namespace battery_twin::store
