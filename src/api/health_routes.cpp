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
  const std::size_t clients = broadcaster_.clients();
  if (health_.rest.empty() || health_.load != load || health_.clients != clients) keep_health(load, clients);
  Response response;
  response.body.reserve(320);
  response.body.append(health_.before);
  JsonWriter(response.body).thousandths(uptime_ms());
  response.body.append(health_.rest);
  return response;
}

void Routes::keep_health(const plant::Load& load, std::size_t clients) {
  health_ = {.load = load, .clients = clients, .before = {}, .rest = {}};
  std::string& text = health_.before;
  JsonWriter writer(text);
  writer.begin_object().member("status", "healthy").member("version", config_.version).key("uptime_s").value(0);
  text.pop_back();  // its place
  const std::size_t place = text.size();
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
  writer.member("websocket_clients", clients).end_object();
  health_.rest = text.substr(place);
  text.resize(place);
}

std::optional<Response> Routes::health_live(const Call& /*call*/) {
  return json_response(200, Json{{"status", "alive"}});
}

std::optional<Response> Routes::health_ready(const Call& /*call*/) {
  if (draining_) return json_response(503, Json{{"status", "draining"}});
  return json_response(200, Json{{"status", "ready"}});
}

std::uint64_t Routes::uptime_ms() const {
  const auto uptime = std::chrono::steady_clock::now() - started_;
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(uptime).count());
}

}  // namespace battery_twin::api
