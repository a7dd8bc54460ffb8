#include <stdexcept>
#include <utility>

#include "records.hpp"
#include "sqlite_reader.hpp"
#include "statements.hpp"

namespace battery_twin::store {
namespace {

// Every call of `next` is a transaction of its own: one that stays open for as long as a client takes would keep the
// write-ahead log from being emptied.
class SqliteTelemetry final : public TelemetryReader {
 public:
  SqliteTelemetry(const SqliteFile& file, const plant::Layout& layout, std::uint64_t batch,
                  std::optional<std::size_t> station)
      : batch_(batch),
        database_(file.open_to_read()),
        rows_(*database_,
              "select step, time_us, properties from telemetry "
              "where batch = ?1 and series = ?2 and step >= ?3 order by step limit ?4") {
    for (const plant::Station& candidate : layout.stations()) {
      if (!station || *station == candidate.index) find_series(candidate);
    }
  }

  std::vector<Row> next(std::size_t most) override {
    std::vector<Row> rows;
    while (rows.size() < most && at_ < series_.size()) {
      const Series& series = series_[at_];
      const std::size_t asked = most - rows.size();
      const std::size_t before = rows.size();
      with(rows_, batch_, series.id, next_step_, to_limit(asked));
      while (rows_.executeStep()) {
        const SQLite::Column bytes = rows_.getColumn(2);
        rows.push_back({.station = series.station,
                        .step = rows_.getColumn(0).getUInt(),
                        .time = from_us(rows_.getColumn(1)),
                        .names = series.names,
                        .properties = doubles_from(
                            {static_cast<const char*>(bytes.getBlob()), static_cast<std::size_t>(bytes.getBytes())})});
        next_step_ = std::int64_t{rows.back().step} + 1;
      }
      rows_.reset();
      if (rows.size() - before < asked) {
        ++at_;
        next_step_ = 0;
      }
    }
    return rows;
  }

 private:
  struct Series {
    std::int64_t id;
    std::size_t station;
    std::vector<std::string> names;
  };

  void find_series(const plant::Station& station) {
    SQLite::Statement find(*database_,
                           "select id, names from series where station = ?1 and exists "
                           "(select * from telemetry where batch = ?2 and series = series.id) order by id");
    with(find, station.process_name, batch_);
    while (find.executeStep()) {
      series_.push_back(
          {find.getColumn(0), station.index, texts_from_json(std::string_view(find.getColumn(1).getText()))});
    }
  }

  std::uint64_t batch_;
  SqliteFile::Connection database_;
  SQLite::Statement rows_;
  std::vector<Series> series_;
  std::size_t at_ = 0;
  std::int64_t next_step_ = 0;
};

}  // namespace

std::unique_ptr<TelemetryReader> read_telemetry(const SqliteFile& file, const plant::Layout& layout,
                                                std::uint64_t batch, std::optional<std::size_t> station) {
  return std::make_unique<SqliteTelemetry>(file, layout, batch, station);
}

}  // namespace battery_twin::store
