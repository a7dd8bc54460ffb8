#include "link.hpp"

#include <libpq-fe.h>

#include <memory>
#include <pqxx/nontransaction>
#include <string_view>

namespace battery_twin::store {

Link::Link(const Address& address, Watch& watch) : watch_(watch), connection_(address.connection) {
  const Watch::Limit limited = limit(std::chrono::seconds(5));
  // A connection that comes back by itself would have lost its settings and its lock.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // libpqxx 7 does so of itself
  connection_.inhibit_reactivation(true);
#pragma GCC diagnostic pop
  connection_.set_client_encoding("UTF8");
  pqxx::nontransaction session(connection_);
  // Nobody's functions in a schema that others may write to are to be taken for PostgreSQL's own: all names but those
  // of pg_catalog are given with their schema. The server's side of a connection that was cut has to go soon too: it
  // holds the lock.
  session.exec(
      "set client_min_messages = warning; set statement_timeout = '60s'; set lock_timeout = '10s'; "
      "set idle_in_transaction_session_timeout = '10min'; set synchronous_commit = on; set timezone = 'UTC'; "
      "set datestyle = 'ISO'; set extra_float_digits = 1; set standard_conforming_strings = on; "
      "set search_path = pg_catalog, pg_temp; "
      "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; "
      "set tcp_user_timeout = 20000");
}

std::string why(const std::exception& problem) {
  // What libpqxx says first of a connection that has gone.
  if (std::string_view(problem.what()).starts_with("Could not obtain client encoding")) return "the connection is lost";
  std::string sentence;
  for (const char* c = problem.what(); *c != '\0'; ++c) {
    const bool is_space = *c == '\n' || *c == '\t' || *c == ' ';
    if (!is_space) {
      sentence += *c;
    } else if (!sentence.empty() && sentence.back() != ' ') {
      sentence += ' ';
    }
  }
  while (!sentence.empty() && (sentence.back() == ' ' || sentence.back() == '.')) sentence.pop_back();
  return sentence;
}

std::string ended(std::string sentence) {
  if (!sentence.ends_with('?')) sentence += '.';
  return sentence;
}

bool is_refused(const Address& address) {
  const PGPing answer = PQping(address.connection.c_str());
  return answer == PQPING_OK || answer == PQPING_NO_ATTEMPT;  // the latter: libpq itself cannot use the options
}

}  // namespace battery_twin::store
