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
#include "../sqlite_telemetry.hpp"
#include "../statements.hpp"
#include "text.hpp"

namespace battery_twin::store {
namespace {

constexpr std::chrono::seconds kReadingLimit{2};  // for a thousand rows

class PostgresTelemetry final : public SqliteTelemetry {
 public:
  PostgresTelemetry(const SqliteFile& file, const plant::Layout& layout, ReadingLink& link, std::uint64_t batch,
                    std::optional<std::size_t> station, std::uint32_t from_step)
      : SqliteTelemetry(file, layout, batch, station, from_step),
        link_(link),
        restarted_(database(), "select exists (select * from outbox where what = 'restarted' and key1 = ?1)") {
    // With the first rows it would be too late to say so: the answer has begun by then.
    (void)link_.ask([](pqxx::transaction_base& session) { return session.exec("select 1"); });
  }

 private:
  // Rows move from the file to PostgreSQL meanwhile, so the file is read first: none is missed, and those that are in
  // both are taken once. PostgreSQL may not know yet that a batch has started over: what it holds is then of the
  // attempt before, and all that counts is in the file.
  std::vector<Row> rows_of(const Part& part, std::int64_t from_step, std::size_t most) override {
    bool is_restarting = false;
    std::vector<Row> waiting;
    {
      const SQLite::Transaction transaction(database());
      is_restarting = with(restarted_, batch()).executeStep() && restarted_.getColumn(0).getInt() != 0;
      restarted_.reset();
      waiting = SqliteTelemetry::rows_of(part, from_step, most);
    }
    if (is_restarting) return waiting;
    std::vector<Row> delivered = delivered_rows(part, from_step, most);
    std::vector<Row> all;
    all.reserve(delivered.size() + waiting.size());
    std::ranges::set_union(std::make_move_iterator(delivered.begin()), std::make_move_iterator(delivered.end()),
                           std::make_move_iterator(waiting.begin()), std::make_move_iterator(waiting.end()),
                           std::back_inserter(all), {}, &Row::step, &Row::step);
    if (all.size() > most) all.erase(all.begin() + static_cast<std::ptrdiff_t>(most), all.end());
    return all;
  }

  std::vector<Row> delivered_rows(const Part& part, std::int64_t from_step, std::size_t most) {
    const pqxx::result found = link_.ask([&](pqxx::transaction_base& session) {
      return session.exec_params(
          "select step, (extract(epoch from \"timestamp\") * 1000000)::bigint, properties "
          "from battery_twin.telemetry where batch = $1 and series = $2 and step >= $3 order by step limit $4",
          static_cast<std::int64_t>(batch()), part.series, from_step, to_limit(most));
    });
    std::vector<Row> rows;
    for (const auto& row : found) {
      rows.push_back({.station = part.station,
                      .step = row[0].as<std::uint32_t>(),
                      .time = from_us(row[1].as<std::int64_t>()),
                      .names = part.names,
                      .properties = read_array(row[2].c_str())});
    }
    return rows;
  }

  ReadingLink& link_;
  SQLite::Statement restarted_;
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
                                                std::uint64_t batch, std::optional<std::size_t> station,
                                                std::uint32_t from_step) {
  return std::make_unique<PostgresTelemetry>(file, layout, link, batch, station, from_step);
}

}  // namespace battery_twin::store
