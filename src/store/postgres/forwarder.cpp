#include "forwarder.hpp"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <pqxx/stream_to>
#include <pqxx/transaction>
#include <utility>

#include "../records.hpp"
#include "../statements.hpp"
#include "introduction.hpp"
#include "schema.hpp"
#include "text.hpp"

namespace battery_twin::store {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRowsAtOnce = 10'000;
constexpr std::size_t kChangesAtOnce = 5'000;
constexpr std::size_t kMostInFlight = 4;
constexpr auto kFirstPause = 500ms;
constexpr auto kLongestPause = 30s;
constexpr auto kBetweenReports = 60s;
constexpr auto kBetweenTidyings = 60s;
constexpr auto kRest = 1s;  // that it sleeps at most when it has nothing to do
constexpr int kTidiedAtOnce = 20'000;

}  // namespace

Forwarder::Forwarder(const SqliteFile& file, const plant::Layout& layout, Watch& watch, ForwarderConfig config)
    : file_(file), layout_(layout), watch_(watch), config_(std::move(config)) {}

Forwarder::~Forwarder() { stop(Clock::now()); }

void Forwarder::start(std::unique_ptr<Link> link, std::function<void(Delivered)> deliver) {
  deliver_ = std::move(deliver);
  failing_ = link == nullptr;
  failures_ = link == nullptr ? 1 : 0;
  next_report_ = Clock::now() + kBetweenReports;
  link_ = std::move(link);
  if (link_) backend_ = (*link_)->backendpid();
  rows_ += static_cast<std::size_t>(file_.open_to_read()->execAndGet("select count(*) from telemetry").getInt64());
  thread_ = std::thread([this] { run(); });
}

void Forwarder::told(std::size_t rows) {
  const std::size_t before = rows_.fetch_add(rows);
  if (before < config_.most_rows && before + rows >= config_.most_rows) {
    config_.on_error("The plant waits: " + std::to_string(before + rows) +
                     " rows of telemetry are not in PostgreSQL yet " + "and more may not wait in " +
                     file_.path().string() + " (--spool-rows)");
  }
  {
    const std::lock_guard lock(mutex_);
    told_ = true;
  }
  changed_.notify_all();
}

void Forwarder::stop(Clock::time_point by) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_by_ = by;
  }
  changed_.notify_all();
  watch_.end_by(by);
  thread_.join();
}

// To stop is to go on until nothing is left, if it can be done at all.
bool Forwarder::goes_on() {
  const std::lock_guard lock(mutex_);
  return !stopping_ || (link_ && told_ && Clock::now() < stop_by_);
}

void Forwarder::run() {
  while (goes_on()) {
    try {
      if (!link_) connect();
      if (is_told()) hand_on();
      if (failures_ > 0) works_again();
      tidy();
      const Clock::duration rest =
          config_.retention ? std::clamp<Clock::duration>(next_tidying_ - Clock::now(), 0s, kRest) : kRest;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, rest, [this] { return told_ || stopping_; });
    } catch (const std::exception& problem) {
      fail(why(problem));
    }
  }
  link_.reset();
  database_.reset();
}

bool Forwarder::is_told() {
  const std::lock_guard lock(mutex_);
  return std::exchange(told_, false);
}

void Forwarder::connect() {
  auto link = std::make_unique<Link>(config_.address, watch_);
  if (backend_ != 0) {
    const auto limited = link->limit(10s);
    // The server's end of a connection that broke may still stand, with the lock.
    pqxx::nontransaction session(**link);
    session.exec_params(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid = $1 and database = "
        "(select oid from pg_database where datname = current_database())",
        backend_);
  }
  backend_ = (*link)->backendpid();
  introduce(*link, file_, layout_, Welcome::as_is);
  link_ = std::move(link);
}

void Forwarder::hand_on() {
  const Portion portion = read();
  if (portion.changes.entries > 0 || !portion.rows.empty()) {
    send(portion);
    tell_delivered(portion);
  }
  outbox_at_ = portion.changes.last;
  if (!portion.rows.empty()) at_ = portion.rows.back();
  if (!portion.is_last) {
    wait_for_acknowledged(kMostInFlight);
    const std::lock_guard lock(mutex_);
    told_ = true;
  } else {
    // The next pass must not find again what has been delivered.
    wait_for_acknowledged(0);
    at_.reset();
    is_careful_ = false;
  }
}

Forwarder::Portion Forwarder::read() {
  Portion portion;
  if (!database_) database_ = file_.open_to_read();
  // In one transaction: rows of telemetry come with the batch and the machine that they are of.
  const SQLite::Transaction transaction(*database_);
  portion.changes = read_changes(*database_, outbox_at_, kChangesAtOnce);
  if (!portion.changes.is_all) return portion;
  SQLite::Statement rows(*database_,
                         "select batch, series, step, time_us, properties from telemetry "
                         "where (batch, series, step) > (?1, ?2, ?3) order by batch, series, step limit ?4");
  if (at_) {
    with(rows, at_->batch, at_->series, at_->step, to_limit(kRowsAtOnce));
  } else {
    with(rows, -1, -1, -1, to_limit(kRowsAtOnce));
  }
  while (rows.executeStep()) {
    const SQLite::Column properties = rows.getColumn(4);
    portion.bytes.append(static_cast<const char*>(properties.getBlob()),
                         static_cast<std::size_t>(properties.getBytes()));
    portion.rows.push_back(
        {rows.getColumn(0), rows.getColumn(1), rows.getColumn(2), rows.getColumn(3), portion.bytes.size()});
  }
  portion.is_last = portion.rows.size() < kRowsAtOnce;
  return portion;
}

void Forwarder::send(const Portion& portion) {
  const auto limited = link_->limit(60s);
  const std::string arrivals = "pg_temp.battery_twin_arrivals";
  if (is_careful_ && !portion.rows.empty() && !has_arrival_table_) {
    pqxx::nontransaction session(**link_);
    session.exec("create temp table " + arrivals +
                 " (batch bigint, series integer, step integer, \"timestamp\" timestamp, properties float8[]) "
                 "on commit delete rows");
    has_arrival_table_ = true;
  }
  pqxx::work transaction(**link_);
  apply_changes(transaction, portion.changes);
  if (portion.changes.has_series) make_views(transaction, layout_);
  if (!portion.rows.empty() && is_careful_) {
    copy(transaction, arrivals, portion);
    transaction.exec(
        "insert into battery_twin.telemetry (batch, series, step, \"timestamp\", properties) "
        "select batch, series, step, \"timestamp\", properties from " +
        arrivals + " order by batch, series, step on conflict do nothing");
  } else if (!portion.rows.empty()) {
    copy(transaction, "battery_twin.telemetry", portion);
  }
  transaction.commit();
}

void Forwarder::copy(pqxx::transaction_base& transaction, const std::string& table, const Portion& portion) {
  static const std::array<std::string, 5> kColumns{"batch", "series", "step", "\"timestamp\"", "properties"};
  pqxx::stream_to stream(transaction, table, kColumns);
  std::array<std::string, kColumns.size()> fields;
  TimestampText timestamp;
  std::size_t begin = 0;
  for (const Row& row : portion.rows) {
    fields[0] = std::to_string(row.batch);
    fields[1] = std::to_string(row.series);
    fields[2] = std::to_string(row.step);
    fields[3] = timestamp(row.time_us);
    write_array(std::string_view(portion.bytes).substr(begin, row.end - begin), fields[4]);
    stream << fields;
    begin = row.end;
  }
  stream.complete();
}

void Forwarder::tell_delivered(const Portion& portion) {
  Delivered delivered{.telemetry = {}, .outbox = portion.changes.last, .done = {}};
  for (const Row& row : portion.rows) {
    auto& steps = delivered.telemetry;
    const auto batch = static_cast<std::uint64_t>(row.batch);
    if (steps.empty() || steps.back().batch != batch || steps.back().series != row.series) {
      steps.push_back({batch, row.series, 0});
    }
    steps.back().last = static_cast<std::uint32_t>(row.step);
  }
  delivered.done = [this, rows = portion.rows.size()] {
    rows_ -= rows;
    {
      const std::lock_guard lock(mutex_);
      --in_flight_;
    }
    changed_.notify_all();
  };
  {
    const std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  deliver_(std::move(delivered));
}

void Forwarder::wait_for_acknowledged(std::size_t most_in_flight) {
  std::unique_lock lock(mutex_);
  const auto is_done = [&] { return in_flight_ <= most_in_flight || (stopping_ && Clock::now() >= stop_by_); };
  while (!is_done()) changed_.wait_for(lock, 100ms, is_done);
}

// What cannot be deleted is no reason not to hand on.
void Forwarder::tidy() {
  if (!config_.retention || Clock::now() < next_tidying_) return;
  next_tidying_ = Clock::now() + kBetweenTidyings;
  try {
    delete_old();
  } catch (const pqxx::sql_error& problem) {
    config_.on_error("Old telemetry cannot be deleted in PostgreSQL (" + config_.address.shown + "): " + why(problem));
  }
}

void Forwarder::delete_old() {
  const auto limited = link_->limit(60s);
  pqxx::work transaction(**link_);
  const auto cutoff = to_us(plant::now() - *config_.retention);
  const auto deleted = transaction
                           .exec_params(
                               "delete from battery_twin.telemetry where ctid = any(array("
                               "select t.ctid from battery_twin.telemetry t where batch in ("
                               // Of the batches before that one nothing is left: it would be looked for in vain.
                               "select number from battery_twin.batch b where number >= ("
                               "select min(batch) from battery_twin.telemetry) and finished_us <= $1 and exists ("
                               "select * from battery_twin.telemetry where batch = b.number) "
                               "order by number limit 10) limit $2))",
                               cutoff, kTidiedAtOnce)
                           .affected_rows();
  transaction.commit();
  if (deleted > 0) next_tidying_ = Clock::now() + 100ms;
}

void Forwarder::fail(const std::string& why) {
  link_.reset();
  database_.reset();
  has_arrival_table_ = false;
  failing_ = true;
  // From the beginning of the file, where all is that has not arrived or nobody knows of.
  wait_for_acknowledged(0);
  at_.reset();
  outbox_at_ = 0;
  is_careful_ = true;
  ++failures_;
  if (failures_ == 1 || why != last_reported_ || Clock::now() >= next_report_) {
    last_reported_ = why;
    next_report_ = Clock::now() + kBetweenReports;
    config_.on_error("PostgreSQL cannot take what is to be kept (" + config_.address.shown + "): " + ended(why) +
                     " It waits in " + file_.path().string());
  }
  const double longest =
      std::min<double>(std::chrono::duration<double>(kLongestPause).count(),
                       std::chrono::duration<double>(kFirstPause).count() * std::exp2(std::min(failures_ - 1, 10U)));
  const double share = std::uniform_real_distribution(.5, 1.)(random_);
  std::unique_lock lock(mutex_);
  told_ = true;
  changed_.wait_for(lock, std::chrono::duration<double>(longest * share), [this] { return stopping_; });
}

void Forwarder::works_again() {
  failures_ = 0;
  config_.on_news("PostgreSQL takes what is to be kept again (" + config_.address.shown + ")");
  failing_ = false;
}

}  // namespace battery_twin::store
