#include "sqlite_store.hpp"

#include <SQLiteCpp/Database.h>

#include <string>
#include <utility>

#include "sqlite_telemetry.hpp"

namespace battery_twin::store {

SqliteStore::SqliteStore(const plant::Layout& layout, std::unique_ptr<const SqliteFile> file,
                         const SqliteConfig& config, WriterHooks hooks)
    : layout_(layout),
      file_(std::move(file)),
      reader_(*file_, layout),
      writer_(*file_, layout, config, std::move(hooks)) {}

void SqliteStore::accept(const plant::BatchRecord& batch, std::function<void(bool kept)> done) {
  writer_.tell(Accepted{std::make_unique<const plant::BatchRecord>(batch), std::move(done)});
}

void SqliteStore::sync(std::function<void(bool kept)> done) { writer_.tell(Accepted{nullptr, std::move(done)}); }

void SqliteStore::start(const plant::BatchRecord& batch) {
  writer_.tell(Started{batch.index, batch.status, batch.started_at, batch.attempt});
}

void SqliteStore::cancel(const plant::BatchRecord& batch) { start(batch); }

void SqliteStore::enter(const plant::BatchRecord& batch, const plant::Station& station) {
  writer_.tell(Entered{batch.index, station.index, batch.parameters.at(station.index)});
}

void SqliteStore::step(plant::StepRecord step) { writer_.tell(std::move(step)); }

void SqliteStore::finish(const plant::BatchRecord& batch) {
  writer_.tell(Finished{std::make_unique<const plant::BatchRecord>(batch)});
}

void SqliteStore::event(const plant::Event& event) {
  writer_.tell(Happened{std::make_unique<const plant::Event>(event)});
}

void SqliteStore::set_parameters(const plant::Station& station, process::ModelSet models,
                                 const process::Values& values) {
  writer_.tell(ParametersSet{station.index, models, values});
}

void SqliteStore::set_pacing(std::int64_t step_interval_us, bool paused) {
  writer_.tell(PacingSet{step_interval_us, paused});
}

bool SqliteStore::has_room() const { return writer_.has_room(); }

plant::Kept SqliteStore::load(process::ModelSet models, std::size_t history, std::size_t events) {
  drop_open_telemetry(*file_->open_to_write());
  return reader_.load(models, history, events);
}

void SqliteStore::on_kept(std::function<void(std::uint64_t)> tell) { writer_.on_kept(std::move(tell)); }

Health SqliteStore::health() const { return writer_.health(); }

std::optional<plant::BatchRecord> SqliteStore::batch(std::string_view id) { return reader_.batch(id); }

std::optional<plant::PlantSimulation::Page> SqliteStore::batches(std::optional<plant::BatchStatus> status,
                                                                 bool ascending, std::size_t limit,
                                                                 std::optional<std::string_view> after) {
  return reader_.batches(status, ascending, limit, after);
}

std::unique_ptr<TelemetryReader> SqliteStore::telemetry(std::uint64_t batch, std::optional<std::size_t> station,
                                                        std::uint32_t from_step) {
  return std::make_unique<SqliteTelemetry>(*file_, layout_, batch, station, from_step);
}

std::vector<plant::Event> SqliteStore::events(const EventFilter& filter) { return reader_.events(filter); }

void SqliteStore::close() { writer_.close(); }

std::unique_ptr<Store> open_sqlite(const plant::Layout& layout, SqliteConfig config) {
  auto file = std::make_unique<const SqliteFile>(config.path, config.fresh);
  // Nobody writes changed rows into the outbox from now on: a server that hands on to PostgreSQL later has to tell it
  // everything. What is to be deleted there is known from the outbox only.
  file->open_to_write()->exec(
      "delete from outbox where what not in ('restarted', 'forgotten');"
      "delete from setting where name = 'outbox_is_complete'");
  return std::make_unique<SqliteStore>(layout, std::move(file), config);
}

}  // namespace battery_twin::store
