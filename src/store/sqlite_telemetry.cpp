#include "sqlite_telemetry.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "records.hpp"
#include "statements.hpp"

namespace battery_twin::store {

SqliteTelemetry::SqliteTelemetry(const SqliteFile& file, const plant::Layout& layout, std::uint64_t batch,
                                 std::optional<std::size_t> station, std::uint32_t from_step)
    : batch_(batch),
      from_step_(from_step),
      database_(file.open_to_read()),
      rows_(*database_,
            "select step, time_us, properties from telemetry "
            "where batch = ?1 and series = ?2 and step >= ?3 order by step limit ?4") {
  SQLite::Statement find(*database_, "select id, names from series where station = ?1 order by id");
  for (const plant::Station& candidate : layout.stations()) {
    if (station && *station != candidate.index) continue;
    with(find, candidate.process_name);
    while (find.executeStep()) {
      parts_.push_back(
          {find.getColumn(0), candidate.index, texts_from_json(std::string_view(find.getColumn(1).getText()))});
    }
  }
}

// Every call is a transaction of its own, or a few: one that stays open for as long as a client takes would keep the
// write-ahead log from being emptied.
std::vector<TelemetryReader::Row> SqliteTelemetry::next(std::size_t most) {
  std::vector<Row> rows;
  while (rows.size() < most && at_ < parts_.size()) {
    const std::size_t asked = most - rows.size();
    std::vector<Row> some = rows_of(parts_[at_], next_step_, asked);
    const bool is_end = some.size() < asked;
    if (!some.empty()) next_step_ = std::int64_t{some.back().step} + 1;
    std::ranges::move(some, std::back_inserter(rows));
    if (is_end) {
      ++at_;
      next_step_ = from_step_;
    }
  }
  return rows;
}

std::vector<TelemetryReader::Row> SqliteTelemetry::rows_of(const Part& part, std::int64_t from_step, std::size_t most) {
  std::vector<Row> rows;
  with(rows_, batch_, part.series, from_step, to_limit(most));
  while (rows_.executeStep()) {
    const SQLite::Column bytes = rows_.getColumn(2);
    rows.push_back({.station = part.station,
                    .step = rows_.getColumn(0).getUInt(),
                    .time = from_us(rows_.getColumn(1)),
                    .names = part.names,
                    .properties = doubles_from(
                        {static_cast<const char*>(bytes.getBlob()), static_cast<std::size_t>(bytes.getBytes())})});
  }
  rows_.reset();
  return rows;
}

}  // namespace battery_twin::store
