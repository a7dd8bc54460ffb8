#pragma once

#include <chrono>
#include <span>
#include <string>
#include <variant>

#include "battery_twin/api/api.hpp"
#include "broadcaster.hpp"
#include "clerk.hpp"
#include "router.hpp"

namespace battery_twin::api {

/// The meaning of every route, in four files: factory, machine, batch and health.
class Routes {
 public:
  Routes(plant::PlantSimulation& plant, Broadcaster& broadcaster, const ApiConfig& config)
      : plant_(plant), broadcaster_(broadcaster), config_(config) {}

  [[nodiscard]] static std::span<const Route> table();
  void set_draining() { draining_ = true; }

  void greeting(Call call);
  void start_simulation(Call call);
  void factory_start(Call call);
  void factory_status(Call call);
  void factory_logs(Call call);
  void factory_reset(Call call);
  void factory_pacing(Call call);
  void machine_status(Call call);
  void machine_parameters(Call call);
  void batches(Call call);
  void batch(Call call);
  void cancel_batch(Call call);
  void health(Call call);
  void health_live(Call call);
  void health_ready(Call call);

 private:
  void start(plant::BatchRequest request, const Reply& reply);
  /// The station that the first two parts of the path name; answers 404 and gives nullptr where there is none.
  const plant::Station* station(const Call& call) const;
  [[nodiscard]] Json pacing_json() const;
  [[nodiscard]] Json counters_json() const;
  [[nodiscard]] double uptime() const;

  plant::PlantSimulation& plant_;
  Broadcaster& broadcaster_;
  const ApiConfig& config_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool draining_ = false;
  Clerk clerk_;  // last: its work uses the others
};

[[nodiscard]] Response json_response(int status, const Json& body);
/// `{"detail": sentence}`
[[nodiscard]] Response failure(int status, std::string_view sentence);
/// 400 with the list.
[[nodiscard]] Response invalid(const Errors& errors);
/// The body as a document; answers 400 and gives nothing where it is none.
[[nodiscard]] std::optional<Json> read_body(const Call& call);
/// Whole numbers without a fraction: 100 rather than 100.0.
[[nodiscard]] Json number(double value);

}  // namespace battery_twin::api
