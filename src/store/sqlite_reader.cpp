#include "sqlite_reader.hpp"

#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "records.hpp"
#include "sqlite_writes.hpp"
#include "statements.hpp"

namespace battery_twin::store {
namespace {

constexpr std::string_view kBatches =
    "select number, id, status, seed, models, noise, design, attempt, created_us, started_us, finished_us, warnings, "
    "lines, end_of_line, error from batch ";

// Of batches that have not finished.
constexpr std::string_view kOpen = "('queued', 'running', 'cancelling')";

// Of the column, as long as the statement stays where it is.
std::string_view text(const SQLite::Column& column) {
  return {column.getText(), static_cast<std::size_t>(column.getBytes())};
}

std::optional<plant::Time> time(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(from_us(column.getInt64()));
}

std::shared_ptr<const process::EndOfLine> end_of_line(const plant::Layout& layout, const SQLite::Column& column) {
  if (column.isNull()) return nullptr;
  return std::make_shared<const process::EndOfLine>(end_of_line_from_json(layout, text(column)));
}

template <class T>
T known(std::optional<T> value, const SQLite::Column& column) {
  if (!value) throw std::runtime_error("it holds " + std::string(text(column)) + ", which this program does not know");
  return *value;
}

std::uint64_t number(const SQLite::Database& database, const std::string& query) {
  SQLite::Statement statement(database, query);
  return statement.executeStep() ? static_cast<std::uint64_t>(statement.getColumn(0).getInt64()) : 0;
}

void count(const SQLite::Database& database, plant::Kept& kept) {
  // Numbers of refused batches are not given again, so this is more than the number of rows.
  kept.accepted = number(database, "select coalesce(max(number) + 1, 0) from batch");
  kept.scrapped = number(database, "select count(*) from batch where scrapped");
  SQLite::Statement counts(database, "select status, count(*) from batch group by status");
  while (counts.executeStep()) {
    const auto batches = static_cast<std::uint64_t>(counts.getColumn(1).getInt64());
    const auto status = batch_status_from(text(counts.getColumn(0)));
    if (status == plant::BatchStatus::completed) kept.completed = batches;
    if (status == plant::BatchStatus::failed) kept.failed = batches;
    if (status == plant::BatchStatus::cancelled) kept.cancelled = batches;
  }
}

}  // namespace

SqliteReader::SqliteReader(const SqliteFile& file, const plant::Layout& layout)
    : file_(file), layout_(layout), database_(file.open_to_read()) {
  for (const plant::Station& station : layout.stations()) {
    auto& names = names_.emplace_back();
    for (const process::ModelSet models : process::kModelSets) {
      names[static_cast<std::size_t>(models)] = property_names(station, models);
    }
  }
}

template <class Read>
auto SqliteReader::reading(const Read& read) {
  const std::lock_guard lock(mutex_);
  try {
    if (!database_) database_ = file_.open_to_read();
    SQLite::Transaction transaction(*database_);
    return read(*database_);
  } catch (const std::exception& problem) {
    database_.reset();
    designs_.clear();
    throw std::runtime_error("The database file " + file_.path().string() + " cannot be read: " + problem.what());
  }
}

plant::Kept SqliteReader::load(process::ModelSet models, std::size_t history, std::size_t events) {
  return reading([&](const SQLite::Database& database) {
    plant::Kept kept;
    SQLite::Statement open(database,
                           std::string(kBatches) + "where status in " + std::string(kOpen) + " order by number");
    kept.open = batches_of(database, open);
    // The plus keeps the index away from it: the newest rows are those at the end of the table.
    SQLite::Statement finished(database, std::string(kBatches) + "where +status not in " + std::string(kOpen) +
                                             " order by number desc limit ?1");
    kept.finished = batches_of(database, with(finished, to_limit(history)));
    std::ranges::reverse(kept.finished);

    count(database, kept);
    kept.ids.reserve(kept.accepted);
    SQLite::Statement ids(database, "select id from batch");
    while (ids.executeStep()) kept.ids.emplace_back(text(ids.getColumn(0)));
    read_settings(database, models, kept);
    kept.last_seq = number(database, "select coalesce(max(seq), 0) from event");
    kept.events = newest_events(database, {.limit = events});
    return kept;
  });
}

void SqliteReader::read_settings(const SQLite::Database& database, process::ModelSet models, plant::Kept& kept) {
  kept.parameters.resize(layout_.stations().size());
  SQLite::Statement parameters(database, "select station, parameters from machine_parameters where models = ?1");
  with(parameters, to_string(models));
  while (parameters.executeStep()) {
    const plant::Station* station = layout_.find_process(text(parameters.getColumn(0)));
    if (station == nullptr) continue;
    kept.parameters[station->index] = parameters_from_json(*station, models, text(parameters.getColumn(1)));
  }
  SQLite::Statement settings(database, "select name, value from setting");
  while (settings.executeStep()) {
    const std::string name(text(settings.getColumn(0)));
    const std::int64_t value = settings.getColumn(1);
    if (name == "step_interval_us") kept.step_interval_us = value;
    if (name == "paused") kept.paused = value != 0;
  }
}

std::optional<plant::BatchRecord> SqliteReader::batch(std::string_view id) {
  return reading([&](const SQLite::Database& database) -> std::optional<plant::BatchRecord> {
    SQLite::Statement query(database, std::string(kBatches) + "where id = ?1");
    std::vector<plant::BatchRecord> found = batches_of(database, with(query, id));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  });
}

std::optional<plant::PlantSimulation::Page> SqliteReader::batches(std::optional<plant::BatchStatus> status,
                                                                  bool ascending, std::size_t limit,
                                                                  std::optional<std::string_view> after) {
  using Page = plant::PlantSimulation::Page;
  return reading([&](const SQLite::Database& database) -> std::optional<Page> {
    std::optional<std::int64_t> behind;
    if (after) {
      SQLite::Statement find(database, "select number from batch where id = ?1");
      if (!with(find, *after).executeStep()) return std::nullopt;
      behind = find.getColumn(0).getInt64();
    }
    std::string sql = std::string(kBatches) + "where true";
    // One that is being cancelled still runs.
    if (status)
      sql += *status == plant::BatchStatus::running ? " and status in (?1, 'cancelling')" : " and status = ?1";
    if (behind) sql += ascending ? " and number > ?2" : " and number < ?2";
    sql += ascending ? " order by number limit ?3" : " order by number desc limit ?3";
    SQLite::Statement query(database, sql);
    // One more than asked for says whether there are further ones.
    if (status) bind_value(query, 1, to_string(*status));
    if (behind) bind_value(query, 2, *behind);
    bind_value(query, 3, to_limit(limit) + 1);
    Page page{.batches = batches_of(database, query), .next = {}};
    if (page.batches.size() > limit) {
      page.batches.pop_back();
      page.next = page.batches.back().id;
    }
    return page;
  });
}

std::vector<plant::Event> SqliteReader::events(const EventFilter& filter) {
  return reading([&](const SQLite::Database& database) { return newest_events(database, filter); });
}

std::vector<plant::Event> SqliteReader::newest_events(const SQLite::Database& database, const EventFilter& filter) {
  std::string sql =
      "select seq, time_us, type, batch_id, station, step, message, reason, warnings, end_of_line, "
      "attempt from event "
      "where seq > ?1";
  if (filter.least) {
    std::string levels;
    for (auto level = static_cast<int>(*filter.least); level <= static_cast<int>(plant::Level::error); ++level) {
      levels += (levels.empty() ? "'" : ", '") + std::string(to_string(static_cast<plant::Level>(level))) + "'";
    }
    sql += " and level in (" + levels + ")";
  }
  if (filter.batch_id) sql += " and batch_id = ?2";
  if (filter.stations) {
    std::string names;
    for (const std::size_t station : *filter.stations)  // of ours, so they need no care
      names += (names.empty() ? "'" : ", '") + layout_.stations()[station].process_name + "'";
    sql += " and station in (" + names + ")";
  }
  SQLite::Statement query(database, sql + " order by seq desc limit ?3");
  bind_value(query, 1, filter.since_seq);
  if (filter.batch_id) bind_value(query, 2, *filter.batch_id);
  bind_value(query, 3, to_limit(filter.limit));

  std::vector<plant::Event> events;
  while (query.executeStep()) {
    const auto type = event_type_from(text(query.getColumn(2)));
    if (!type) continue;
    plant::Event& event = events.emplace_back();
    event.seq = static_cast<std::uint64_t>(query.getColumn(0).getInt64());
    event.time = from_us(query.getColumn(1));
    event.type = *type;
    event.batch_id = text(query.getColumn(3));
    if (const plant::Station* station = layout_.find_process(text(query.getColumn(4)))) event.station = station->index;
    if (!query.getColumn(5).isNull()) event.step = query.getColumn(5).getUInt();
    event.message = text(query.getColumn(6));
    event.reason = text(query.getColumn(7));
    event.warnings = texts_from_json(text(query.getColumn(8)));
    event.end_of_line = end_of_line(layout_, query.getColumn(9));
    event.attempt = query.getColumn(10).getUInt();
  }
  std::ranges::reverse(events);
  return events;
}

std::vector<plant::BatchRecord> SqliteReader::batches_of(const SQLite::Database& database, SQLite::Statement& query) {
  std::vector<plant::BatchRecord> batches;
  SQLite::Statement machines(database,
                             "select station, status, steps, parameters, properties, outcome, causes from machine "
                             "where batch = ?1");
  while (query.executeStep()) {
    plant::BatchRecord& batch = batches.emplace_back();
    batch.index = static_cast<std::uint64_t>(query.getColumn(0).getInt64());
    batch.id = text(query.getColumn(1));
    batch.status = known(batch_status_from(text(query.getColumn(2))), query.getColumn(2));
    batch.seed = static_cast<std::uint64_t>(query.getColumn(3).getInt64());
    batch.models = known(process::model_set_from(text(query.getColumn(4))), query.getColumn(4));
    batch.noise = query.getColumn(5).getInt() != 0;
    batch.design = design(database, query.getColumn(6));
    batch.attempt = query.getColumn(7).getUInt();
    batch.created_at = from_us(query.getColumn(8));
    batch.started_at = time(query.getColumn(9));
    batch.finished_at = time(query.getColumn(10));
    batch.warnings = texts_from_json(text(query.getColumn(11)));
    batch.lines = lines_from_json(layout_, text(query.getColumn(12)));
    batch.end_of_line = end_of_line(layout_, query.getColumn(13));
    batch.error = text(query.getColumn(14));
    read_machines(with(machines, batch.index), batch);
  }
  return batches;
}

void SqliteReader::read_machines(SQLite::Statement& query, plant::BatchRecord& batch) {
  batch.parameters.resize(layout_.stations().size());
  batch.machines.resize(layout_.stations().size());
  while (query.executeStep()) {
    const plant::Station* station = layout_.find_process(text(query.getColumn(0)));
    if (station == nullptr) continue;
    plant::MachineResult& result = batch.machines[station->index];
    result.status = known(machine_status_from(text(query.getColumn(1))), query.getColumn(1));
    result.steps = query.getColumn(2).getUInt();
    if (!query.getColumn(3).isNull()) {
      batch.parameters[station->index] = parameters_from_json(*station, batch.models, text(query.getColumn(3)));
    }
    if (!query.getColumn(4).isNull()) {
      const auto& names = names_[station->index][static_cast<std::size_t>(batch.models)];
      result.properties = properties_from_json(names, text(query.getColumn(4)));
    }
    if (!query.getColumn(5).isNull()) result.outcome = outcome_from(text(query.getColumn(5)));
    result.causes = texts_from_json(text(query.getColumn(6)));
  }
}

std::shared_ptr<const process::CellDesign> SqliteReader::design(const SQLite::Database& database, std::int64_t id) {
  std::shared_ptr<const process::CellDesign>& known = designs_[id];
  if (!known) {
    SQLite::Statement query(database, "select design from design where id = ?1");
    if (!with(query, id).executeStep()) throw std::runtime_error("a cell design is missing");
    known = std::make_shared<const process::CellDesign>(design_from_json(text(query.getColumn(0))));
  }
  return known;
}

void drop_open_telemetry(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec(
      "insert into outbox (what, key1) select 'restarted', number from batch where status in ('queued', 'running') and "
      "exists (select * from setting where name = 'plant') and "
      "not exists (select * from outbox where what = 'restarted' and key1 = number);"
      "delete from telemetry where batch in (select number from batch where status in ('queued', 'running'))");
  transaction.commit();
}

}  // namespace battery_twin::store
