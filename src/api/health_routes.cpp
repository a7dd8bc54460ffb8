#include "routes.hpp"

namespace battery_twin::api {

void Routes::greeting(Call call) {
  call.reply(json_response(200, Json{{"success", true},
                                     {"message", "Battery Manufacturing Digital Twin, battery-twin " + config_.version},
                                     {"version", config_.version}}));
}

void Routes::health(Call call) {
  const plant::PlantStatus status = plant_.status();
  call.reply(
      json_response(200, Json{{"status", "healthy"},
                              {"version", config_.version},
                              {"uptime_s", uptime()},
                              {"simulation",
                               {{"state", status.is_idle() ? "idle" : "running"},
                                {"accepting", status.accepting},
                                {"running", status.running.size()},
                                {"queued", status.queue.size()},
                                {"paused", status.pacing.paused}}},
                              {"database", {{"backend", "none"}, {"status", "disabled"}, {"latency_ms", nullptr}}},
                              {"websocket_clients", broadcaster_.clients()}}));
}

void Routes::health_live(Call call) { call.reply(json_response(200, Json{{"status", "alive"}})); }

void Routes::health_ready(Call call) {
  if (draining_) return call.reply(json_response(503, Json{{"status", "draining"}}));
  call.reply(json_response(200, Json{{"status", "ready"}}));
}

double Routes::uptime() const {
  return std::chrono::duration_cast<std::chrono::duration<double, std::milli>>(
             std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_))
             .count() /
         1000;
}

}  // namespace battery_twin::api
