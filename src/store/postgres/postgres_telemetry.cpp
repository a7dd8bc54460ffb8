#include "postgres_telemetry.hpp"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <iterator>
#include <pqxx/nontransaction>
#include <pqxx/result>
#include <string>
#include <utility>
#include <vector>

#include "../records.hpp"
#include "../statements.hpp"
#include "text.hpp"

namespace battery_twin::store {
namespace {

constexpr std::chrono::seconds kReadingLimit{2};  // for a thousand rows

class PostgresTelemetry final : public TelemetryReader {
 public:
  PostgresTelemetry(const SqliteFile& file, const plant::Layout& layout, ReadingLink& link, std::uint64_t batch,
                    std::optional<std::size_t> station)
      : batch_(batch),
        link_(link),
        database_(file.open_to_read()),
        waiting_(*database_,
                 "select step, time_us, properties from telemetry "
                 "where batch = ?1 and series = ?2 and step >= ?3 order by step limit ?4"),
        restarted_(*database_, "select exists (select * from outbox where what = 'restarted' and key1 = ?1)") {
    // With the first rows it would be too late to say so: the answer has begun by then.
    (void)link_.ask([](pqxx::transaction_base& session) { return session.exec("select 1"); });
    for (const plant::Station& candidate : layout.stations()) {
      if (!station || *station == candidate.index) find_series(candidate);
    }
  }

  std::vector<Row> next(std::size_t most) override {
    std::vector<Row> rows;
    while (rows.size() < most && at_ < series_.size()) {
      const std::size_t asked = most - rows.size();
      std::vector<Row> some = next_of(series_[at_], asked);
      const bool is_end = some.size() < asked;
      if (!some.empty()) next_step_ = std::int64_t{some.back().step} + 1;
      std::ranges::move(some, std::back_inserter(rows));
      if (is_end) {
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
    SQLite::Statement find(*database_, "select id, names from series where station = ?1 order by id");
    with(find, station.process_name);
    while (find.executeStep()) {
      series_.push_back(
          {find.getColumn(0), station.index, texts_from_json(std::string_view(find.getColumn(1).getText()))});
    }
  }

  // Rows move from the file to PostgreSQL meanwhile, so the file is read first: none is missed, and those that are in
  // both are taken once. PostgreSQL may not know yet that a batch has started over: what it holds is then of the
  // attempt before, and all that counts is in the file.
  std::vector<Row> next_of(const Series& series, std::size_t most) {
    bool is_restarting = false;
    std::vector<Row> waiting;
    {
      const SQLite::Transaction transaction(*database_);
      is_restarting = with(restarted_, batch_).executeStep() && restarted_.getColumn(0).getInt() != 0;
      restarted_.reset();
      waiting = waiting_rows(series, most);
    }
    if (is_restarting) return waiting;
    std::vector<Row> rows = delivered_rows(series, most);
    std::vector<Row> all;
    all.reserve(rows.size() + waiting.size());
    std::ranges::set_union(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()),
                           std::make_move_iterator(waiting.begin()), std::make_move_iterator(waiting.end()),
                           std::back_inserter(all), {}, &Row::step, &Row::step);
    if (all.size() > most) all.erase(all.begin() + static_cast<std::ptrdiff_t>(most), all.end());
    return all;
  }

  std::vector<Row> waiting_rows(const Series& series, std::size_t most) {
    std::vector<Row> rows;
    with(waiting_, batch_, series.id, next_step_, to_limit(most));
    while (waiting_.executeStep()) {
      const SQLite::Column bytes = waiting_.getColumn(2);
      rows.push_back({.station = series.station,
                      .step = waiting_.getColumn(0).getUInt(),
                      .time = from_us(waiting_.getColumn(1)),
                      .names = series.names,
                      .properties = doubles_from(
                          {static_cast<const char*>(bytes.getBlob()), static_cast<std::size_t>(bytes.getBytes())})});
    }
    waiting_.reset();
    return rows;
  }

  std::vector<Row> delivered_rows(const Series& series, std::size_t most) {
    const pqxx::result found = link_.ask([&](pqxx::transaction_base& session) {
      return session.exec_params(
          "select step, (extract(epoch from \"timestamp\") * 1000000)::bigint, properties "
          "from battery_twin.telemetry where batch = $1 and series = $2 and step >= $3 order by step limit $4",
          static_cast<std::int64_t>(batch_), series.id, next_step_, to_limit(most));
    });
    std::vector<Row> rows;
    for (const auto& row : found) {
      rows.push_back({.station = series.station,
                      .step = row[0].as<std::uint32_t>(),
                      .time = from_us(row[1].as<std::int64_t>()),
                      .names = series.names,
                      .properties = read_array(row[2].c_str())});
    }
    return rows;
  }

  std::uint64_t batch_;
  ReadingLink& link_;
  SqliteFile::Connection database_;
  SQLite::Statement waiting_, restarted_;
  std::vector<Series> series_;
  std::size_t at_ = 0;
  std::int64_t next_step_ = 0;
};

}  // namespace

ReadingLink::ReadingLink(const SqliteFile& file, Address address, Watch& watch, std::function<bool()> is_there)
    : file_(file), address_(std::move(address)), watch_(watch), is_there_(std::move(is_there)) {}

pqxx::result ReadingLink::ask(const std::function<pqxx::result(pqxx::transaction_base&)>& question) {
  const std::lock_guard lock(mutex_);
  if (link_) {
    try {
      return ask_now(question);
    } catch (const std::exception&) {
      link_.reset();  // it may have been cut since the last question, which says nothing about now
    }
  }
  try {
    connect();
    return ask_now(question);
  } catch (const std::exception&) {
    link_.reset();
    throw;
  }
}

pqxx::result ReadingLink::ask_now(const std::function<pqxx::result(pqxx::transaction_base&)>& question) {
  if (!is_there_()) throw std::runtime_error("PostgreSQL is not there");
  const auto limited = link_->limit(kReadingLimit);
  pqxx::nontransaction session(**link_);
  return question(session);
}

void ReadingLink::connect() {
  if (!is_there_()) throw std::runtime_error("PostgreSQL is not there");
  link_ = std::make_unique<Link>(address_, watch_);
  const pqxx::result plant = ask_now([](pqxx::transaction_base& session) {
    return session.exec("select value from battery_twin.setting where name = 'plant'");
  });
  const SqliteFile::Connection database = file_.open_to_read();
  SQLite::Statement ours(*database, "select value from setting where name = 'plant'");
  if (plant.empty() || !ours.executeStep() || plant[0][0].as<std::int64_t>() != ours.getColumn(0).getInt64()) {
    throw std::runtime_error("PostgreSQL holds another plant");
  }
}

std::unique_ptr<TelemetryReader> read_telemetry(const SqliteFile& file, const plant::Layout& layout, ReadingLink& link,
                                                std::uint64_t batch, std::optional<std::size_t> station) {
  return std::make_unique<PostgresTelemetry>(file, layout, link, batch, station);
}

}  // namespace battery_twin::store
