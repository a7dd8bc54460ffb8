#pragma once

#include <memory>

#include "battery_twin/store/store.hpp"
#include "sqlite_file.hpp"
#include "sqlite_reader.hpp"
#include "sqlite_writer.hpp"

namespace battery_twin::store {

/// Everything in one SQLite file.
class SqliteStore : public Store {
 public:
  /// @param layout  must outlive the store. @throws std::runtime_error
  SqliteStore(const plant::Layout& layout, std::unique_ptr<const SqliteFile> file, const SqliteConfig& config,
              WriterHooks hooks = {});

  void accept(const plant::BatchRecord& batch, std::function<void(bool kept)> done) final;
  void sync(std::function<void(bool kept)> done) final;
  void start(const plant::BatchRecord& batch) final;
  void cancel(const plant::BatchRecord& batch) final;
  void enter(const plant::BatchRecord& batch, const plant::Station& station) final;
  void step(plant::StepRecord step) final;
  void finish(const plant::BatchRecord& batch) final;
  void event(const plant::Event& event) final;
  void set_parameters(const plant::Station& station, process::ModelSet models, const process::Values& values) final;
  void set_pacing(std::int64_t step_interval_us, bool paused) final;
  bool has_room() const override;

  plant::Kept load(process::ModelSet models, std::size_t history, std::size_t events) override;
  void on_kept(std::function<void(std::uint64_t)> tell) final;
  Health health() const override;
  std::optional<plant::BatchRecord> batch(std::string_view id) final;
  std::optional<plant::PlantSimulation::Page> batches(std::optional<plant::BatchStatus> status, bool ascending,
                                                      std::size_t limit, std::optional<std::string_view> after) final;
  using Store::telemetry;
  std::unique_ptr<TelemetryReader> telemetry(std::uint64_t batch, std::optional<std::size_t> station,
                                             std::uint32_t from_step) override;
  std::vector<plant::Event> events(const EventFilter& filter) final;
  void close() override;

 protected:
  [[nodiscard]] const plant::Layout& layout() const { return layout_; }
  [[nodiscard]] const SqliteFile& file() const { return *file_; }
  [[nodiscard]] SqliteWriter& writer() { return writer_; }

 private:
  const plant::Layout& layout_;
  std::unique_ptr<const SqliteFile> file_;
  SqliteReader reader_;
  SqliteWriter writer_;  // the last: it ends first
};

}  // namespace battery_twin::store
