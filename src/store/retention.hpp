#pragma once

#include <SQLiteCpp/Database.h>

#include <chrono>
#include <cstdint>

namespace battery_twin::store {

/// Deletes telemetry of batches that finished longer ago, a bite at a time so that writing goes on in between.
class Retention {
 public:
  explicit Retention(std::chrono::hours keep) : keep_(keep) {}

  /// One bite, in a transaction of its own. @return whether there may be more to delete. @throws SQLite::Exception
  bool bite(SQLite::Database& database);

 private:
  std::chrono::hours keep_;
  std::int64_t next_ = 0;  // the batch to look at
};

}  // namespace battery_twin::store
