#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/journal.hpp"
#include "battery_twin/plant/plant_simulation.hpp"

namespace battery_twin::store {

/// How the store is.
struct Health {
  enum class Status : std::uint8_t { connected, unreachable, failed };
  std::string_view backend;  ///< "sqlite", "postgresql"
  Status status = Status::connected;
  std::optional<double> latency_ms;  ///< of the last transaction or probe
  std::size_t backlog = 0;           ///< records that are not kept yet
  bool operator==(const Health&) const = default;
};

/// Telemetry of one batch, read in order of station and step.
class TelemetryReader {
 public:
  struct Row {
    std::size_t station;
    std::uint32_t step;
    plant::Time time;
    std::span<const std::string> names;  ///< of the properties; the reader's, the same for all rows of a station
    std::vector<double> properties;
  };
  virtual ~TelemetryReader() = default;
  /// The next rows, at most that many; none at the end. @throws std::runtime_error
  [[nodiscard]] virtual std::vector<Row> next(std::size_t most) = 0;
};

struct EventFilter {
  std::uint64_t since_seq = 0;  ///< later ones only
  std::optional<plant::Level> least{};
  std::optional<std::string> batch_id{};
  std::optional<std::vector<std::size_t>> stations{};  ///< of these only
  std::size_t limit = 100;                             ///< the newest so many
};

/// What is kept of the plant, and who keeps it. Methods that read may be called from any thread and wait for the disk;
/// they throw std::runtime_error where it cannot be read, and know what is kept, which is some milliseconds behind what
/// was told. What is passed to `accept` and `on_kept` is called from a thread of the store's, must not throw and holds
/// up all writing while it runs.
class Store : public plant::Journal {
 public:
  /// For a plant that starts. Once, before anything is told. Telemetry of batches that have not finished is dropped.
  /// `Kept::accepted` is the `index` of the next batch: more than there are where batches were refused in between.
  /// @param history  finished batches to give
  /// @param events   events to give
  /// @throws std::runtime_error
  [[nodiscard]] virtual plant::Kept load(process::ModelSet models, std::size_t history, std::size_t events) = 0;

  /// Called, from a thread of the store's, with the `seq` of the newest event that is kept for good.
  virtual void on_kept(std::function<void(std::uint64_t seq)> tell) = 0;

  [[nodiscard]] virtual Health health() const = 0;
  [[nodiscard]] virtual std::optional<plant::BatchRecord> batch(std::string_view id) = 0;
  /// As `PlantSimulation::batches`, over all batches that were ever accepted. One that is being cancelled is `running`.
  [[nodiscard]] virtual std::optional<plant::PlantSimulation::Page> batches(std::optional<plant::BatchStatus> status,
                                                                            bool ascending, std::size_t limit,
                                                                            std::optional<std::string_view> after) = 0;
  /// @param station  only of this one
  /// @param from_step  of each machine, this step and later ones
  /// @return on a connection of its own; must not outlive the store
  [[nodiscard]] virtual std::unique_ptr<TelemetryReader> telemetry(std::uint64_t batch,
                                                                   std::optional<std::size_t> station,
                                                                   std::uint32_t from_step) = 0;
  [[nodiscard]] std::unique_ptr<TelemetryReader> telemetry(std::uint64_t batch, std::optional<std::size_t> station) {
    return telemetry(batch, station, 0);
  }
  /// In order.
  [[nodiscard]] virtual std::vector<plant::Event> events(const EventFilter& filter) = 0;

  /// Keeps all that was told and stops; where that cannot be written, it gives up after three seconds and says so.
  /// Nothing may be told afterwards, reading goes on. Idempotent.
  virtual void close() = 0;
};

struct SqliteConfig {
  std::string path = "battery-twin.db";
  bool fresh = false;                             ///< start empty: what is there is deleted
  std::size_t backlog = 100'000;                  ///< records that may wait to be written before the plant does
  std::optional<std::chrono::hours> retention{};  ///< telemetry of batches that finished longer ago is deleted
  /// Told what a person should know of: a full disk, a lost file.
  std::function<void(std::string_view text)> on_error = [](std::string_view) {};
  std::function<void(std::string_view text)> on_news = [](std::string_view) {};  ///< told that it is over
};

/// @param layout  must outlive the store
/// @throws std::runtime_error  one sentence why it cannot be opened: not writable, no database, of a newer version,
///                             used by another server
[[nodiscard]] std::unique_ptr<Store> open_sqlite(const plant::Layout& layout, SqliteConfig config);

/// Keeps everything in a SQLite file first, which is what accepting waits for, and hands it on to PostgreSQL, where
/// telemetry then stays alone. While PostgreSQL is away, the file holds what is to be handed on.
struct PostgresConfig {
  std::string url;                      ///< postgresql://[user[:password]@][host][:port][/database][?option=value&…]
  SqliteConfig spool;                   ///< the file; `retention` holds for PostgreSQL
  std::size_t spool_rows = 20'000'000;  ///< of telemetry that may wait in the file before the plant does
};

/// What the URL leaves out comes from POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
/// A PostgreSQL that cannot be reached yet is no error; a file that is new takes over what PostgreSQL holds.
/// @param layout  must outlive the store
/// @throws std::runtime_error  one sentence: as `open_sqlite`, or PostgreSQL refuses us, holds tables that are not
///                             ours, of a newer version or of another plant, or is used by another server
[[nodiscard]] std::unique_ptr<Store> open_postgres(const plant::Layout& layout, PostgresConfig config);

}  // namespace battery_twin::store
