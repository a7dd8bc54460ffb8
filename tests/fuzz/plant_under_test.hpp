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
                .queue_limit = 4,
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
    const auto done = std::make_shared<std::promise<void>>();
    plant_.reset([done](const std::vector<std::string>&) { done->set_value(); });
    require(done->get_future().wait_for(kPatience) == std::future_status::ready, "a reset comes to its end");
    api_->pump();
  }

  static constexpr std::chrono::seconds kPatience{20};

 private:
  static constexpr std::size_t kReplayed = 5;  // every event is looked at
  static constexpr plant::Interval kInterval{60'000'000};

  const plant::Layout& layout_ = plant::standard_layout();
  plant::EventQueue events_;
  plant::PlantSimulation plant_;
  std::unique_ptr<api::Api> api_;
};

}  // namespace battery_twin::fuzz
