#include <string>
#include <utility>

#include "battery_twin/store/store.hpp"
#include "sqlite_file.hpp"
#include "sqlite_reader.hpp"
#include "sqlite_writer.hpp"

namespace battery_twin::store {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(const plant::Layout& layout, const SqliteConfig& config)
      : layout_(layout), file_(config.path, config.fresh), reader_(file_, layout), writer_(file_, layout, config) {}

  void accept(const plant::BatchRecord& batch, std::function<void(bool kept)> done) override {
    writer_.tell(Accepted{std::make_unique<const plant::BatchRecord>(batch), std::move(done)});
  }

  void sync(std::function<void(bool kept)> done) override { writer_.tell(Accepted{nullptr, std::move(done)}); }

  void start(const plant::BatchRecord& batch) override {
    writer_.tell(Started{batch.index, kept_status(batch.status), batch.started_at, batch.attempt});
  }

  void enter(const plant::BatchRecord& batch, const plant::Station& station) override {
    writer_.tell(Entered{batch.index, station.index, batch.parameters.at(station.index)});
  }

  void step(plant::StepRecord step) override { writer_.tell(std::move(step)); }

  void finish(const plant::BatchRecord& batch) override {
    writer_.tell(Finished{std::make_unique<const plant::BatchRecord>(batch)});
  }

  void event(const plant::Event& event) override {
    writer_.tell(Happened{std::make_unique<const plant::Event>(event)});
  }

  void set_parameters(const plant::Station& station, process::ModelSet models, const process::Values& values) override {
    writer_.tell(ParametersSet{station.index, models, values});
  }

  void set_pacing(std::int64_t step_interval_us, bool paused) override {
    writer_.tell(PacingSet{step_interval_us, paused});
  }

  bool has_room() const override { return writer_.has_room(); }

  plant::Kept load(process::ModelSet models, std::size_t history, std::size_t events) override {
    drop_open_telemetry(*file_.open_to_write());
    return reader_.load(models, history, events);
  }

  void on_kept(std::function<void(std::uint64_t)> tell) override { writer_.on_kept(std::move(tell)); }
  Health health() const override { return writer_.health(); }
  std::optional<plant::BatchRecord> batch(std::string_view id) override { return reader_.batch(id); }

  std::optional<plant::PlantSimulation::Page> batches(std::optional<plant::BatchStatus> status, bool ascending,
                                                      std::size_t limit,
                                                      std::optional<std::string_view> after) override {
    return reader_.batches(status, ascending, limit, after);
  }

  std::unique_ptr<TelemetryReader> telemetry(std::uint64_t batch, std::optional<std::size_t> station) override {
    return read_telemetry(file_, layout_, batch, station);
  }

  std::vector<plant::Event> events(const EventFilter& filter) override { return reader_.events(filter); }
  void close() override { writer_.close(); }

 private:
  const plant::Layout& layout_;
  SqliteFile file_;
  SqliteReader reader_;
  SqliteWriter writer_;  // the last: it ends first
};

}  // namespace

std::unique_ptr<Store> open_sqlite(const plant::Layout& layout, SqliteConfig config) {
  return std::make_unique<SqliteStore>(layout, config);
}

}  // namespace battery_twin::store
