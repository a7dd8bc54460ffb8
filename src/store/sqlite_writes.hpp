#pragma once

#include <SQLiteCpp/Statement.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "battery_twin/plant/journal.hpp"

namespace battery_twin::store {

/// What the plant told, as it waits to be written.
struct Accepted {
  std::unique_ptr<const plant::BatchRecord> batch;  // nullptr: somebody only wants to know when it is written
  std::function<void(bool kept)> done;
};
struct Started {
  std::uint64_t batch;
  plant::BatchStatus status;
  std::optional<plant::Time> started_at;
  std::uint32_t attempt;
};
struct Entered {
  std::uint64_t batch;
  std::size_t station;
  std::optional<process::Values> parameters;
};
struct Finished {
  std::unique_ptr<const plant::BatchRecord> batch;
};
struct Happened {
  std::unique_ptr<const plant::Event> event;
};
struct ParametersSet {
  std::size_t station;
  process::ModelSet models;
  process::Values values;
};
struct PacingSet {
  std::int64_t step_interval_us;
  bool paused;
};
/// Somebody else keeps it now.
struct Delivered {
  struct Steps {
    std::uint64_t batch;
    std::int64_t series;
    std::uint32_t last;  ///< all of the batch's up to this one
  };
  std::vector<Steps> telemetry;
  std::int64_t outbox;         ///< entries up to this `seq`
  std::function<void()> done;  ///< called once it is deleted for good
};
using Record = std::variant<plant::StepRecord, Happened, Entered, Accepted, Started, Finished, ParametersSet, PacingSet,
                            Delivered>;

/// The writing statements of one connection. To write something twice is the same as once, but for `Accepted`: a batch
/// whose id or number is known is an error.
class SqliteWrites {
 public:
  /// @param layout  must outlive this, as the database
  SqliteWrites(const SQLite::Database& database, const plant::Layout& layout);

  /// @throws SQLite::Exception
  void write(const Record& record);
  /// A batch that may have been written before its commit failed.
  void forget(std::uint64_t batch);
  void set(const char* setting, std::int64_t value);

 private:
  void put(const plant::StepRecord& step);
  void put(const Happened& happened);
  void put(const Entered& entered);
  void put(const Accepted& accepted);
  void put(const Started& started);
  void put(const Finished& finished);
  void put(const ParametersSet& set);
  void put(const PacingSet& pacing);
  void put(const Delivered& delivered);

  void put_machines(const plant::BatchRecord& batch);
  [[nodiscard]] std::int64_t id_of(const std::shared_ptr<const process::CellDesign>& design);
  [[nodiscard]] std::int64_t id_of_series(std::size_t station, process::ModelSet models);
  [[nodiscard]] const std::vector<std::string>& names(std::size_t station, process::ModelSet models) const {
    return names_[station][static_cast<std::size_t>(models)];
  }

  const plant::Layout& layout_;
  using OfModels = std::array<std::vector<std::string>, process::kModelSets.size()>;
  std::vector<OfModels> names_;                                                              // one per station
  std::vector<std::array<std::optional<std::int64_t>, process::kModelSets.size()>> series_;  // the same
  // The plant's batches share few designs: the last one is nearly always the next one.
  std::pair<std::shared_ptr<const process::CellDesign>, std::int64_t> last_design_{};
  std::string bytes_;

  SQLite::Statement accept_, start_, enter_, finish_, machine_, forget_, step_, event_, parameters_, setting_;
  SQLite::Statement add_design_, find_design_, add_series_, find_series_;
  SQLite::Statement drop_steps_, drop_outbox_;
};

}  // namespace battery_twin::store
