#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "battery_twin/store/store.hpp"
#include "system/temporary_folder.hpp"

namespace battery_twin::store::testing {

inline const plant::Layout& layout() { return plant::standard_layout(); }

inline constexpr std::chrono::seconds kDeadline{30};

using Folder = battery_twin::testing::TemporaryFolder;

/// Values that one thread gives and another waits for.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    came_.notify_all();
  }

  /// The first of them, as soon as there are so many. @throws std::runtime_error after the deadline
  std::vector<T> wait_for(std::size_t many) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kDeadline, [&] { return values_.size() >= many; })) {
      throw std::runtime_error("it did not come in time");
    }
    return values_;
  }

  std::vector<T> all() {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<T> values_;
};

[[nodiscard]] inline std::unique_ptr<Store> open(const std::string& path, SqliteConfig config = {}) {
  config.path = path;
  return open_sqlite(plant::standard_layout(), std::move(config));
}

[[nodiscard]] inline plant::Kept load(Store& store, std::size_t history = 10'000, std::size_t events = 10'000) {
  return store.load(process::ModelSet::mechanistic, history, events);
}

/// What the exception says, or an empty text where there is none.
template <class Action>
[[nodiscard]] std::string sentence_of(const Action& action) {
  try {
    action();
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
  return {};
}

/// Accepts the batch and waits for the answer.
[[nodiscard]] inline bool accept(Store& store, const plant::BatchRecord& batch) {
  Mailbox<bool> answer;
  store.accept(batch, [&](bool kept) { answer.put(kept); });
  return answer.wait_for(1).front();
}

[[nodiscard]] inline plant::Time at_second(std::int64_t second) {
  return plant::Time(std::chrono::seconds(1'700'000'000 + second) + std::chrono::microseconds(123'457));
}

/// A batch as it is when it is accepted.
[[nodiscard]] inline plant::BatchRecord new_batch(std::uint64_t index, std::string id = {}) {
  static const auto design = std::make_shared<const process::CellDesign>(process::cell_designs().front());
  const std::size_t stations = plant::standard_layout().stations().size();
  plant::BatchRecord batch;
  batch.id = id.empty() ? std::to_string(index + 1) : std::move(id);
  batch.index = index;
  batch.seed = 1'000 + index;
  batch.models = process::ModelSet::mechanistic;
  batch.design = design;
  batch.created_at = at_second(static_cast<std::int64_t>(index));
  batch.parameters.resize(stations);
  batch.machines.resize(stations);
  return batch;
}

[[nodiscard]] inline plant::BatchRecord finished(plant::BatchRecord batch, plant::BatchStatus status) {
  batch.status = status;
  batch.started_at = batch.created_at + std::chrono::seconds(1);
  batch.finished_at = batch.created_at + std::chrono::seconds(2);
  return batch;
}

[[nodiscard]] inline plant::StepRecord step_of(std::uint64_t batch, std::size_t station, std::uint32_t step) {
  const auto& outputs =
      plant::standard_layout().stations()[station].type->model(process::ModelSet::mechanistic).outputs;
  std::vector<double> properties(outputs.size());
  for (std::size_t i = 0; i < properties.size(); ++i) properties[i] = step + static_cast<double>(i) / 7;
  return {.batch = batch,
          .station = station,
          .step = step,
          .time = at_second(step),
          .models = process::ModelSet::mechanistic,
          .properties = std::move(properties)};
}

[[nodiscard]] inline plant::Event event(std::uint64_t seq, plant::EventType type, std::string batch_id = {}) {
  return {.type = type,
          .seq = seq,
          .time = at_second(static_cast<std::int64_t>(seq)),
          .batch_id = std::move(batch_id),
          .message = "Event " + std::to_string(seq)};
}

/// No two numbers alike, and none that is short in decimal.
[[nodiscard]] process::Values some_values(const plant::Station& station, double first);
[[nodiscard]] std::shared_ptr<const process::EndOfLine> some_end_of_line();
/// Every member differs from its default.
[[nodiscard]] plant::BatchRecord full_batch(std::uint64_t index);

void expect_same(const plant::BatchRecord& kept, const plant::BatchRecord& told);
void expect_same(const process::EndOfLine& kept, const process::EndOfLine& told);
void expect_same(const plant::Event& kept, const plant::Event& told);

/// All of its rows, taken in such portions.
[[nodiscard]] std::vector<TelemetryReader::Row> all_rows(TelemetryReader& reader, std::size_t portion = 1'000);

}  // namespace battery_twin::store::testing
