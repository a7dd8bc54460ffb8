#pragma once

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "battery_twin/store/store.hpp"
#include "sqlite_file.hpp"

namespace battery_twin::store {

/// Telemetry of a batch that the file holds.
class SqliteTelemetry : public TelemetryReader {
 public:
  /// @param file  must outlive the reader. @throws std::runtime_error, SQLite::Exception
  SqliteTelemetry(const SqliteFile& file, const plant::Layout& layout, std::uint64_t batch,
                  std::optional<std::size_t> station, std::uint32_t from_step);

  std::vector<Row> next(std::size_t most) final;

 protected:
  /// Rows with the same names of properties.
  struct Part {
    std::int64_t series;
    std::size_t station;
    std::vector<std::string> names;
  };
  /// From that step on, at most that many; fewer only at the end.
  virtual std::vector<Row> rows_of(const Part& part, std::int64_t from_step, std::size_t most);

  [[nodiscard]] std::uint64_t batch() const { return batch_; }
  [[nodiscard]] SQLite::Database& database() { return *database_; }

 private:
  std::uint64_t batch_;
  std::int64_t from_step_;
  SqliteFile::Connection database_;
  SQLite::Statement rows_;
  std::vector<Part> parts_;
  std::size_t at_ = 0;
  std::int64_t next_step_ = from_step_;
};

}  // namespace battery_twin::store
