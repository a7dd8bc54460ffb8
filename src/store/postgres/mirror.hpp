#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <pqxx/transaction_base>
#include <string>
#include <vector>

#include "link.hpp"

// Tables that PostgreSQL has row by row as the SQLite file has them: all but telemetry. Which rows it has still to be
// told stands in the file's outbox.
namespace battery_twin::store {

struct MirroredTable {
  std::string name;
  std::vector<std::string> columns;
};
[[nodiscard]] std::vector<MirroredTable> mirrored_tables();

/// SQL for a connection that writes: what it changes goes into the outbox.
[[nodiscard]] std::string outbox_triggers();

/// Everything goes into the outbox, for a PostgreSQL that knows nothing yet.
void fill_outbox(SQLite::Database& database);

/// Part of the outbox, and what the rows that it names are now.
struct Changes {
  std::int64_t last = 0;  ///< `seq` of the outbox
  std::size_t entries = 0;
  bool is_all = true;                              ///< nothing behind it is left
  std::vector<std::string> rows;                   ///< JSON, a list for each mirrored table
  std::vector<std::int64_t> forgotten, restarted;  ///< batches
  bool has_series = false;
};
/// @param after  entries up to this `seq` are taken already
[[nodiscard]] Changes read_changes(const SQLite::Database& database, std::int64_t after, std::size_t most);
/// To do so twice is the same as once.
void apply_changes(pqxx::transaction_base& transaction, const Changes& changes);

/// Up to which entry of the outbox PostgreSQL has been told: where it knows of less, it is not the one that was told.
[[nodiscard]] std::int64_t last_delivered(SQLite::Database& database);

/// Writes what PostgreSQL holds into an empty file.
void restore(Link& link, SQLite::Database& database);

}  // namespace battery_twin::store
