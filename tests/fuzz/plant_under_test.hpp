#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "battery_twin/api/api.hpp"
#include "fuzzing.hpp"

namespace battery_twin::fuzz {

/// The API over a real plant that stands still, so that what is accepted can be looked at before anything becomes of
/// it.
class PlantUnderTest {
 public:
  explicit PlantUnderTest(process::ModelSet models)
      : plant_(layout_,
               {.models = models,
                .seed = 1,
                .step_interval = kInterval,
                .queue_limit = kQueue,
                .history_limit = 4,
                .threads = 1},
               events_),
        api_(api::make_api(plant_, events_,
                           {.version = "0", .limits = {.models = models}, .replay_capacity = kReplayed})) {
    restore();
  }

  api::Api& api() { return *api_; }
  plant::PlantSimulation& plant() { return plant_; }

  /// Idle, standing still, every machine as it was.
  void restore() {
    plant_.set_pacing({.step_interval = kInterval, .paused = true});
    empty();
    api_->pump();
  }

  /// A batch in its first machines, which stand still, or waiting behind others; its id.
  std::string add_batch() {
    const auto answer = plant_.enqueue({});
    const auto* accepted = std::get_if<plant::Accepted>(&answer);
    require(accepted != nullptr, "there is room for a batch");
    return accepted->id;
  }
  /// One batch in the plant, and as many waiting as may.
  void fill() {
    for (std::size_t i = 0; i <= kQueue; ++i) add_batch();
  }
  /// Cancels what there is.
  void empty() {
    const auto done = std::make_shared<std::promise<void>>();
    plant_.reset([done](const std::vector<std::string>&) { done->set_value(); });
    require(done->get_future().wait_for(kPatience) == std::future_status::ready, "a reset comes to its end");
  }

  static constexpr std::chrono::seconds kPatience{20};

 private:
  static constexpr std::size_t kQueue = 4;
  static constexpr std::size_t kReplayed = 5;  // every event is looked at
  static constexpr plant::Interval kInterval{60'000'000};

  const plant::Layout& layout_ = plant::standard_layout();
  plant::EventQueue events_;
  plant::PlantSimulation plant_;
  std::unique_ptr<api::Api> api_;
};

}  // namespace battery_twin::fuzz
