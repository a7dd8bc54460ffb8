#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "battery_twin/api/api.hpp"
#include "broadcaster.hpp"
#include "clerk.hpp"
#include "compat/names.hpp"
#include "router.hpp"

namespace battery_twin::api {

inline constexpr int kMaxStepInterval = 60'000;  // ms

/// The meaning of every route, in six files: factory, machine, batch, health, metrics and document. The table of them
/// is in route_table.cpp. Those by which the Python server's own front end and scripts know the plant, and their table,
/// are in compat/.
class Routes {
 public:
  Routes(plant::PlantSimulation& plant, Broadcaster& broadcaster, const ApiConfig& config)
      : plant_(plant), broadcaster_(broadcaster), config_(config) {}

  /// @param with_compat  also those in compat/
  [[nodiscard]] static std::span<const Route> table(bool with_compat = true);
  void set_draining() { draining_ = true; }
  /// Answers what waits for the plant or a time. To be called every `Api::kTick`.
  void tick();

  std::optional<Response> greeting(const Call& call);
  std::optional<Response> start_simulation(const Call& call);
  std::optional<Response> factory_start(const Call& call);
  std::optional<Response> factory_status(const Call& call);
  std::optional<Response> factory_logs(const Call& call);
  std::optional<Response> factory_reset(const Call& call);
  std::optional<Response> factory_pacing(const Call& call);
  std::optional<Response> machine_status(const Call& call);
  std::optional<Response> machine_parameters(const Call& call);
  std::optional<Response> batches(const Call& call);
  std::optional<Response> batch(const Call& call);
  std::optional<Response> telemetry(const Call& call);
  std::optional<Response> cancel_batch(const Call& call);
  std::optional<Response> health(const Call& call);
  std::optional<Response> health_live(const Call& call);
  std::optional<Response> health_ready(const Call& call);
  std::optional<Response> metrics(const Call& call);
  std::optional<Response> openapi(const Call& call);
  std::optional<Response> asyncapi(const Call& call);
  std::optional<Response> docs(const Call& call);
  std::optional<Response> asset(const Call& call);

  std::optional<Response> compat_state(const Call& call);
  std::optional<Response> compat_plant_state(const Call& call);
  std::optional<Response> compat_start(const Call& call);
  std::optional<Response> compat_start_mixing(const Call& call);
  std::optional<Response> compat_start_batch(const Call& call);
  std::optional<Response> compat_reset(const Call& call);
  std::optional<Response> compat_machine_status(const Call& call);
  std::optional<Response> compat_machine_parameters(const Call& call);
  std::optional<Response> compat_validate(const Call& call);
  std::optional<Response> compat_update(const Call& call);
  std::optional<Response> compat_current(const Call& call);
  std::optional<Response> compat_table(const Call& call);

 private:
  [[nodiscard]] static std::span<const Route> compat_table_of_routes();
  std::optional<Response> start(plant::BatchRequest request, const Later& later);
  /// A batch with what the machines are set to.
  [[nodiscard]] plant::BatchRequest plain_request() const;
  std::optional<Response> compat_enqueue(const Later& later, std::function<Response(const std::string& id)> accepted);
  [[nodiscard]] std::string compat_machine_text(const plant::Station& station);
  [[nodiscard]] Response compat_rows(const compat::Machine& machine) const;
  /// The station that the first two parts of the path name, or the answer that there is none.
  [[nodiscard]] std::variant<const plant::Station*, Response> station(const Call& call) const;
  /// The line that the first part names, or the answer that there is none.
  [[nodiscard]] static std::variant<process::Line, Response> line(const Call& call);
  /// A page of the user interface.
  [[nodiscard]] Response page(std::string_view name) const;
  [[nodiscard]] Json pacing_json() const;
  [[nodiscard]] std::uint64_t uptime_ms() const;

  [[nodiscard]] std::string status_after_timestamp(const plant::Station& station) const;
  void keep_health(const plant::Load& load, std::size_t clients, const store::Health& store);

  // Parts of answers that many ask for and that seldom change.
  struct KeptStatus {
    std::uint64_t changes = 0;
    std::string rest;  // all that follows the timestamp
  };
  struct KeptHealth {
    plant::Load load{};
    std::size_t clients = 0;
    store::Health store{};
    std::string before;  // all up to the uptime
    std::string rest;    // all that follows it
  };

  [[nodiscard]] std::optional<plant::BatchRecord> find_batch(std::string_view id) const;
  [[nodiscard]] std::optional<plant::PlantSimulation::Page> find_batches(std::optional<plant::BatchStatus> status,
                                                                         bool ascending, std::size_t limit,
                                                                         std::optional<std::string_view> after) const;
  /// The answer to a change, when the change is kept for good.
  std::optional<Response> once_kept(const Later& later, Response response);
  std::optional<Response> give_to(Clerk& clerk, const Later& later, std::function<Response()> work);
  /// The same for what is long but needs neither the store nor anything of this object's.
  std::optional<Response> make_aside(const Later& later, std::function<Response()> work);

  plant::PlantSimulation& plant_;
  Broadcaster& broadcaster_;
  const ApiConfig& config_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool draining_ = false;
  std::vector<KeptStatus> statuses_{plant_.layout().stations().size()};
  const compat::Names names_{plant_.layout()};
  std::vector<KeptStatus> compat_statuses_{plant_.layout().stations().size()};
  struct WaitingReset {
    std::chrono::steady_clock::time_point deadline;
    Reply reply;
  };
  std::vector<WaitingReset> waiting_resets_;
  KeptHealth health_;
  // A document for programs: compressed for each request it would hold up the I/O thread.
  struct Document {
    std::shared_ptr<Compressed> forms;  // once somebody has asked for it
    std::uint64_t etag = 0;
  };
  [[nodiscard]] static Document keep(const Json& document);
  [[nodiscard]] static Response answer_with(const Document& document);
  Document openapi_;
  Document asyncapi_;
  // Last: their work uses the others. Telemetry may wait for a PostgreSQL that has gone, and nothing else is to wait
  // with it.
  Clerk clerk_;
  Clerk telemetry_clerk_;
};

[[nodiscard]] Response json_response(int status, const Json& body);
/// `{"detail": sentence}`
[[nodiscard]] Response failure(int status, std::string_view sentence);
/// 503, with when to come again.
[[nodiscard]] Response busy_for(int seconds, std::string_view sentence);
/// Why a batch was not accepted.
[[nodiscard]] Response refusal_of(const plant::Refused& refused);
/// 400 with the list.
[[nodiscard]] Response invalid(const Errors& errors);
/// The body as a document, or the answer 400.
[[nodiscard]] std::variant<Json, Response> read_body(const Call& call);
/// Whole numbers without a fraction: 100 rather than 100.0.
[[nodiscard]] Json number(double value);

}  // namespace battery_twin::api
