#include "battery_twin/api/json_writer.hpp"
#include "routes.hpp"

namespace battery_twin::api {

std::optional<Response> Routes::greeting(const Call& /*call*/) {
  return json_response(200, Json{{"success", true},
                                 {"message", "Battery Manufacturing Digital Twin, battery-twin " + config_.version},
                                 {"version", config_.version}});
}

std::optional<Response> Routes::health(const Call& /*call*/) {
  const plant::Load load = plant_.load();
  Response response;
  response.body.reserve(320);
  JsonWriter writer(response.body);
  writer.begin_object().member("status", "healthy").member("version", config_.version).member("uptime_s", uptime());
  writer.key("simulation")
      .begin_object()
      .member("state", load.running + load.queued == 0 ? "idle" : "running")
      .member("accepting", load.accepting)
      .member("running", load.running)
      .member("queued", load.queued)
      .member("paused", load.paused)
      .end_object();
  writer.key("database")
      .begin_object()
      .member("backend", "none")
      .member("status", "disabled")
      .key("latency_ms")
      .null()
      .end_object();
  writer.member("websocket_clients", broadcaster_.clients()).end_object();
  return response;
}

std::optional<Response> Routes::health_live(const Call& /*call*/) {
  return json_response(200, Json{{"status", "alive"}});
}

std::optional<Response> Routes::health_ready(const Call& /*call*/) {
  if (draining_) return json_response(503, Json{{"status", "draining"}});
  return json_response(200, Json{{"status", "ready"}});
}

double Routes::uptime() const {
  return std::chrono::duration_cast<std::chrono::duration<double, std::milli>>(
             std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_))
             .count() /
         1000;
}

}  // namespace battery_twin::api
