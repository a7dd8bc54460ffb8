#include "battery_twin/api/json_writer.hpp"
#include "routes.hpp"

namespace battery_twin::api {
namespace {

using Status = store::Health::Status;

std::string_view health_word(Status status) {
  switch (status) {
    case Status::connected:
      return "healthy";
    case Status::unreachable:
      return "degraded";
    case Status::failed:
      break;
  }
  return "unhealthy";
}

std::string_view store_word(Status status) {
  switch (status) {
    case Status::connected:
      return "connected";
    case Status::unreachable:
      return "unreachable";
    case Status::failed:
      break;
  }
  return "failed";
}

}  // namespace

std::optional<Response> Routes::health(const Call& /*call*/) {
  const plant::Load load = plant_.load();
  const std::size_t clients = broadcaster_.clients();
  const store::Health store = config_.store != nullptr ? config_.store->health() : store::Health{.backend = "none"};
  if (health_.rest.empty() || health_.load != load || health_.clients != clients || health_.store != store)
    keep_health(load, clients, store);
  Response response;
  if (store.status == store::Health::Status::failed) response.status = 503;
  response.body.reserve(320);
  response.body.append(health_.before);
  JsonWriter(response.body).thousandths(uptime_ms());
  response.body.append(health_.rest);
  return response;
}

void Routes::keep_health(const plant::Load& load, std::size_t clients, const store::Health& store) {
  health_ = {.load = load, .clients = clients, .store = store, .before = {}, .rest = {}};
  std::string& text = health_.before;
  JsonWriter writer(text);
  writer.begin_object()
      .member("status", health_word(store.status))
      .member("version", config_.version)
      .key("uptime_s")
      .value(0);
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
      .member("backend", store.backend)
      .member("status", config_.store == nullptr ? "disabled" : store_word(store.status))
      .key("latency_ms");
  if (store.latency_ms)
    writer.value(*store.latency_ms);
  else
    writer.null();
  if (config_.store != nullptr) writer.member("backlog", store.backlog);
  writer.end_object();
  writer.member("websocket_clients", clients).end_object();
  health_.rest = text.substr(place);
  text.resize(place);
}

std::optional<Response> Routes::health_live(const Call& /*call*/) {
  return json_response(200, Json{{"status", "alive"}});
}

std::optional<Response> Routes::health_ready(const Call& /*call*/) {
  if (draining_) return json_response(503, Json{{"status", "draining"}});
  if (config_.store != nullptr && config_.store->health().status == Status::failed)
    return json_response(503, Json{{"status", "the store has failed"}});
  return json_response(200, Json{{"status", "ready"}});
}

std::uint64_t Routes::uptime_ms() const {
  const auto uptime = std::chrono::steady_clock::now() - started_;
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(uptime).count());
}

}  // namespace battery_twin::api
