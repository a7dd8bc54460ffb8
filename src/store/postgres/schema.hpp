#pragma once

#include <pqxx/dbtransaction>
#include <pqxx/transaction_base>
#include <stdexcept>

#include "battery_twin/plant/layout.hpp"

namespace battery_twin::store {

/// The database is there, but not for us: waiting does not help.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Makes our tables in the schema `battery_twin`, or brings them up to date.
/// @throws Refused  when they are of a newer version, or the schema is not ours
void migrate(pqxx::transaction_base& transaction);

/// Deletes all that our tables hold, for a fresh start. @throws Refused  when the schema is not ours
void empty_all(pqxx::transaction_base& transaction);

/// Makes the machines' views in the schema `public`, for the series that the database holds. Does nothing where they
/// are as they should be.
/// @throws Refused  when a table or view that is not ours has one of their names
void make_views(pqxx::dbtransaction& transaction, const plant::Layout& layout);

}  // namespace battery_twin::store
