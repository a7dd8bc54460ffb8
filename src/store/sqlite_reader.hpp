#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/store/store.hpp"
#include "sqlite_file.hpp"

namespace battery_twin::store {

/// Reads what was kept, on a connection of its own: beside the writer, and one caller at a time. All methods throw
/// std::runtime_error.
class SqliteReader {
 public:
  /// @param file, layout  must outlive the reader
  SqliteReader(const SqliteFile& file, const plant::Layout& layout);

  [[nodiscard]] plant::Kept load(process::ModelSet models, std::size_t history, std::size_t events);
  [[nodiscard]] std::optional<plant::BatchRecord> batch(std::string_view id);
  [[nodiscard]] std::optional<plant::PlantSimulation::Page> batches(std::optional<plant::BatchStatus> status,
                                                                    bool ascending, std::size_t limit,
                                                                    std::optional<std::string_view> after);
  [[nodiscard]] std::vector<plant::Event> events(const EventFilter& filter);

 private:
  // Calls `read` with the connection, in one transaction: all that it reads is of the same moment.
  template <class Read>
  auto reading(const Read& read);

  [[nodiscard]] std::vector<plant::BatchRecord> batches_of(const SQLite::Database& database, SQLite::Statement& query);
  void read_machines(SQLite::Statement& query, plant::BatchRecord& batch);
  void read_settings(const SQLite::Database& database, process::ModelSet models, plant::Kept& kept);
  [[nodiscard]] std::vector<plant::Event> newest_events(const SQLite::Database& database, const EventFilter& filter);
  [[nodiscard]] std::shared_ptr<const process::CellDesign> design(const SQLite::Database& database, std::int64_t id);

  const SqliteFile& file_;
  const plant::Layout& layout_;
  std::vector<std::array<std::vector<std::string>, process::kModelSets.size()>> names_;  // of properties, per station

  std::mutex mutex_;
  SqliteFile::Connection database_;  // null after an error: then a new one is opened
  std::map<std::int64_t, std::shared_ptr<const process::CellDesign>> designs_;
};

/// Deletes telemetry of batches that have not finished, and notes it for a PostgreSQL that has some of it. @throws
/// SQLite::Exception
void drop_open_telemetry(SQLite::Database& database);

}  // namespace battery_twin::store
