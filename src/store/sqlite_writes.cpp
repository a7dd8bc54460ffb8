#include "sqlite_writes.hpp"

#include "records.hpp"
#include "statements.hpp"

namespace battery_twin::store {
namespace {

std::optional<std::int64_t> us(const std::optional<plant::Time>& time) {
  return time ? std::optional(to_us(*time)) : std::nullopt;
}

bool is_scrapped(const plant::BatchRecord& batch) {
  return batch.status == plant::BatchStatus::completed && batch.end_of_line && batch.end_of_line->cells_good == 0.0;
}

std::optional<std::string> end_of_line(const std::shared_ptr<const process::EndOfLine>& end) {
  return end ? std::optional(end_of_line_to_json(*end)) : std::nullopt;
}

std::int64_t found(SQLite::Statement& statement) {
  statement.executeStep();
  const std::int64_t id = statement.getColumn(0);
  statement.reset();
  return id;
}

}  // namespace

SqliteWrites::SqliteWrites(const SQLite::Database& database, const plant::Layout& layout)
    : layout_(layout),
      series_(layout.stations().size()),
      accept_(database,
              "insert into batch (number, id, status, seed, models, noise, design, attempt, created_us, started_us, "
              "finished_us, warnings, lines, end_of_line, scrapped, error) "
              "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"),
      start_(database, "update batch set status = ?2, started_us = ?3, attempt = ?4 where number = ?1"),
      enter_(database,
             "insert into machine (batch, station, parameters) values (?1, ?2, ?3) "
             "on conflict do update set parameters = excluded.parameters"),
      finish_(database,
              "update batch set status = ?2, attempt = ?3, started_us = ?4, finished_us = ?5, warnings = ?6, "
              "lines = ?7, end_of_line = ?8, scrapped = ?9, error = ?10 where number = ?1"),
      machine_(database, "insert or replace into machine values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      forget_(database, "delete from batch where number = ?1"),
      step_(database, "insert or replace into telemetry values (?1, ?2, ?3, ?4, ?5)"),
      event_(database, "insert or replace into event values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
      parameters_(database, "insert or replace into machine_parameters values (?1, ?2, ?3)"),
      setting_(database, "insert or replace into setting values (?1, ?2)"),
      add_design_(database, "insert or ignore into design (design) values (?1)"),
      find_design_(database, "select id from design where design = ?1"),
      add_series_(database, "insert or ignore into series (station, models, names) values (?1, ?2, ?3)"),
      find_series_(database, "select id from series where station = ?1 and models = ?2 and names = ?3"),
      drop_steps_(database, "delete from telemetry where batch = ?1 and series = ?2 and step <= ?3"),
      drop_outbox_(database, "delete from outbox where seq <= ?1") {
  for (const plant::Station& station : layout.stations()) {
    OfModels& names = names_.emplace_back();
    for (const process::ModelSet models : process::kModelSets) {
      names[static_cast<std::size_t>(models)] = property_names(station, models);
    }
  }
}

void SqliteWrites::write(const Record& record) {
  std::visit([this](const auto& told) { put(told); }, record);
}

void SqliteWrites::forget(std::uint64_t batch) { with(forget_, batch).exec(); }

void SqliteWrites::set(const char* setting, std::int64_t value) { with(setting_, std::string(setting), value).exec(); }

void SqliteWrites::put(const plant::StepRecord& step) {
  bytes_.clear();
  append_doubles(step.properties, bytes_);
  const std::int64_t series = id_of_series(step.station, step.models);
  with(step_, step.batch, series, step.step, to_us(step.time), std::span<const char>(bytes_)).exec();
}

void SqliteWrites::put(const Happened& happened) {
  const plant::Event& event = *happened.event;
  std::string_view station;
  if (event.station) station = layout_.stations()[*event.station].process_name;
  with(event_, event.seq, to_us(event.time), to_string(event.type), to_string(event.level()),
       unless_empty(event.batch_id), station, event.step, event.message, unless_empty(event.reason),
       texts_to_json(event.warnings), end_of_line(event.end_of_line), event.attempt)
      .exec();
}

void SqliteWrites::put(const Entered& entered) {
  const plant::Station& station = layout_.stations()[entered.station];
  if (!entered.parameters) return;
  with(enter_, entered.batch, station.process_name, parameters_to_json(station, *entered.parameters)).exec();
}

void SqliteWrites::put(const Accepted& accepted) {
  if (!accepted.batch) return;
  const plant::BatchRecord& batch = *accepted.batch;
  with(accept_, batch.index, batch.id, to_string(batch.status), batch.seed, to_string(batch.models), batch.noise,
       id_of(batch.design), batch.attempt, to_us(batch.created_at), us(batch.started_at), us(batch.finished_at),
       texts_to_json(batch.warnings), lines_to_json(layout_, batch.lines), end_of_line(batch.end_of_line),
       is_scrapped(batch), unless_empty(batch.error))
      .exec();
  put_machines(batch);
}

void SqliteWrites::put(const Started& started) {
  with(start_, started.batch, to_string(started.status), us(started.started_at), started.attempt).exec();
}

void SqliteWrites::put(const Finished& finished) {
  const plant::BatchRecord& batch = *finished.batch;
  with(finish_, batch.index, to_string(batch.status), batch.attempt, us(batch.started_at), us(batch.finished_at),
       texts_to_json(batch.warnings), lines_to_json(layout_, batch.lines), end_of_line(batch.end_of_line),
       is_scrapped(batch), unless_empty(batch.error))
      .exec();
  put_machines(batch);
}

void SqliteWrites::put(const ParametersSet& set) {
  const plant::Station& station = layout_.stations()[set.station];
  with(parameters_, station.process_name, to_string(set.models), parameters_to_json(station, set.values)).exec();
}

void SqliteWrites::put(const PacingSet& pacing) {
  set("step_interval_us", pacing.step_interval_us);
  set("paused", pacing.paused ? 1 : 0);
}

void SqliteWrites::put(const Delivered& delivered) {
  for (const Delivered::Steps& steps : delivered.telemetry) {
    with(drop_steps_, steps.batch, steps.series, steps.last).exec();
  }
  with(drop_outbox_, delivered.outbox).exec();
}

// Only machines of which there is something to say: most of a queued batch's have nothing.
void SqliteWrites::put_machines(const plant::BatchRecord& batch) {
  for (const plant::Station& station : layout_.stations()) {
    const plant::MachineResult result =
        station.index < batch.machines.size() ? batch.machines[station.index] : plant::MachineResult{};
    std::optional<std::string> parameters;
    if (station.index < batch.parameters.size() && batch.parameters[station.index]) {
      parameters = parameters_to_json(station, *batch.parameters[station.index]);
    }
    if (!parameters && result.status == plant::MachineStatus::pending) continue;
    std::optional<std::string> properties;
    if (!result.properties.empty()) {
      properties = properties_to_json(names(station.index, batch.models), result.properties);
    }
    std::string_view outcome;
    if (result.outcome) outcome = to_string(*result.outcome);
    with(machine_, batch.index, station.process_name, to_string(result.status), result.steps, parameters, properties,
         outcome, texts_to_json(result.causes))
        .exec();
  }
}

std::int64_t SqliteWrites::id_of(const std::shared_ptr<const process::CellDesign>& design) {
  if (last_design_.first == design) return last_design_.second;
  const std::string json = design_to_json(*design);
  with(add_design_, json).exec();
  last_design_ = {design, found(with(find_design_, json))};
  return last_design_.second;
}

std::int64_t SqliteWrites::id_of_series(std::size_t station, process::ModelSet models) {
  std::optional<std::int64_t>& id = series_[station][static_cast<std::size_t>(models)];
  if (!id) {
    const std::string& name = layout_.stations()[station].process_name;
    const std::string json = texts_to_json(names(station, models));
    with(add_series_, name, to_string(models), json).exec();
    id = found(with(find_series_, name, to_string(models), json));
  }
  return *id;
}

}  // namespace battery_twin::store
