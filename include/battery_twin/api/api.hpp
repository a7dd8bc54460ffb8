#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "battery_twin/api/assets.hpp"
#include "battery_twin/api/handler.hpp"
#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/event_queue.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "battery_twin/store/store.hpp"

namespace battery_twin::api {

struct ApiConfig {
  std::string version;
  Limits limits{};
  std::size_t replay_capacity = 10'000;  ///< life-cycle events that are kept for logs, replay and `since`
  std::function<void(const plant::Event&)> on_event{};  ///< told every life-cycle event once, in order
  store::Store* store = nullptr;                        ///< what remembers more than the plant; must outlive the api
  std::vector<plant::Event> history{};                  ///< the newest events from before this plant, in order
  Assets assets{};
  bool compat = true;       ///< also the routes by which the Python server's front end knows the plant
  std::string root_path{};  ///< below which a proxy serves these routes, e.g. "/twin"; paths with and without are known
};

/// Every route and the WebSocket's events, over one plant. Lives on the I/O thread.
class Api : public Handler {
 public:
  /// Takes what the plant has told since and passes it to the clients.
  virtual void pump() = 0;
  /// A part of that, so that others on the thread have their turn. True when it is to be called again.
  virtual bool pump_some() = 0;
  /// Sends the newest telemetry and progress to the clients that want them, and answers what waited for a time. To be
  /// called every `kTick`.
  virtual void tick() = 0;
  /// From now on `/health/ready` says no.
  virtual void set_draining() = 0;

  static constexpr std::chrono::milliseconds kTick{50};
};

/// @param plant, events  must outlive the result
[[nodiscard]] std::unique_ptr<Api> make_api(plant::PlantSimulation& plant, plant::EventQueue& events, ApiConfig config);

}  // namespace battery_twin::api
