#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/postgres_cluster.hpp"
#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {

/// A database of its own and a spool, which outlive the servers that use them.
class PostgresPlant {
 public:
  /// For us, whatever stands between the server and the database.
  [[nodiscard]] std::string url() const { return postgres::shared_cluster().url(database_); }
  /// The same by way of another port of 127.0.0.1.
  [[nodiscard]] std::string url_by(std::uint16_t port) const;
  [[nodiscard]] const std::string& database() const { return database_; }
  [[nodiscard]] std::string spool() const { return folder_.file("spool.db"); }
  /// A disk is lost. No server may be using it.
  void lose_spool();

  /// --db, --spool and --seed for a server, and more.
  [[nodiscard]] std::vector<std::string> options(const std::vector<std::string>& more = {}) const {
    return options_by(url(), more);
  }
  [[nodiscard]] std::vector<std::string> options_by(const std::string& url,
                                                    const std::vector<std::string>& more = {}) const;

  /// The only field of the only row.
  [[nodiscard]] std::int64_t number(const std::string& sql) const;
  /// The only column of all rows.
  [[nodiscard]] std::vector<std::string> texts(const std::string& sql) const;

  /// Waits until PostgreSQL holds a row for each step that its machines made, and all events that the server has told.
  /// False when there is one too few or too many.
  [[nodiscard]] bool holds_all_of(const Twin& twin) const;
  /// What is wrong with the rows of these batches, which are completed, in the machines' views: a step that is missing
  /// or there twice; empty when nothing is.
  [[nodiscard]] std::string steps_problem(const Twin& twin, const std::vector<std::string>& batches) const;
  /// What is wrong with the events: they should be those of /factory/logs, from the first on, in order of their time.
  [[nodiscard]] std::string events_problem(const Twin& twin) const;

 private:
  testing::TemporaryFolder folder_;
  std::string database_ = postgres::shared_cluster().create_database();
};

/// Name of a machine's table in the Python server, a view here.
[[nodiscard]] std::string view_of(const MachineName& machine);

[[nodiscard]] bool is_completed(const Twin& twin, const std::string& batch);
/// /health, whatever its status is.
[[nodiscard]] Json health_of(const Twin& twin);
[[nodiscard]] std::string database_status(const Twin& twin);

/// What depends on the same of its telemetry.
[[nodiscard]] Json telemetry_of(const Twin& twin, const std::string& batch);

}  // namespace battery_twin::system
