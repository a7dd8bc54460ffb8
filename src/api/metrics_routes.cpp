#include <cstdint>
#include <ctime>
#include <fstream>

#include "battery_twin/api/json_writer.hpp"
#include "routes.hpp"

// For Prometheus: the numbers of /health and /factory/status, and what the process uses under the names that its client
// libraries give them.

namespace battery_twin::api {
namespace {

// Text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/
class Metrics {
 public:
  struct Label {
    std::string_view name, value;
  };
  using Labels = std::initializer_list<Label>;

  enum class Kind : std::uint8_t { gauge, counter };

  /// Begins a metric; its samples follow.
  Metrics& metric(std::string_view name, Kind kind, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    text_.append(kind == Kind::gauge ? " gauge\n" : " counter\n");
    return *this;
  }

  /// @param labels  their values need no escaping
  template <class Number>
  Metrics& sample(Number value, Labels labels = {}) {
    text_.append(name_);
    char before = '{';
    for (const Label& label : labels) {
      text_.append(1, before).append(label.name).append("=\"").append(label.value).append("\"");
      before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ';
    JsonWriter(text_).value(value);
    text_ += '\n';
    return *this;
  }

  std::string text() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

using Kind = Metrics::Kind;

void add_plant(Metrics& metrics, const plant::PlantStatus& status, const plant::Layout& layout) {
  metrics.metric("battery_twin_batches_accepted_total", Kind::counter, "Batches that were accepted")
      .sample(status.counters.accepted);
  metrics.metric("battery_twin_batches_finished_total", Kind::counter, "Batches that have ended, by how")
      .sample(status.counters.completed, {{"status", "completed"}})
      .sample(status.counters.failed, {{"status", "failed"}})
      .sample(status.counters.cancelled, {{"status", "cancelled"}});
  metrics.metric("battery_twin_batches_scrapped_total", Kind::counter, "Completed batches without a good cell")
      .sample(status.counters.scrapped);
  metrics.metric("battery_twin_batches_queued", Kind::gauge, "Batches that wait for the mixing machines")
      .sample(status.queue.size());
  metrics.metric("battery_twin_batches_running", Kind::gauge, "Batches in the plant").sample(status.running.size());
  metrics.metric("battery_twin_accepting", Kind::gauge, "1: new batches are taken").sample(status.accepting ? 1 : 0);
  metrics.metric("battery_twin_paused", Kind::gauge, "1: steps wait").sample(status.pacing.paused ? 1 : 0);
  metrics.metric("battery_twin_step_interval_seconds", Kind::gauge, "Wall-clock pause after each step")
      .sample(std::chrono::duration<double>(status.pacing.step_interval).count());
  metrics.metric("battery_twin_machine_on", Kind::gauge, "1: the machine works on a batch");
  for (std::size_t i = 0; i < status.machines.size(); ++i) {
    const plant::Station& station = layout.stations()[i];
    metrics.sample(status.machines[i] ? 1 : 0, {{"line", to_string(station.line)}, {"machine", station.type->name}});
  }
}

void add_store(Metrics& metrics, const store::Health& store) {
  metrics.metric("battery_twin_database_up", Kind::gauge, "1: the database takes what it is given")
      .sample(store.status == store::Health::Status::connected ? 1 : 0, {{"backend", store.backend}});
  if (store.latency_ms) {
    metrics.metric("battery_twin_database_latency_seconds", Kind::gauge, "Of the last transaction or probe")
        .sample(*store.latency_ms / 1000, {{"backend", store.backend}});
  }
  metrics.metric("battery_twin_database_backlog_records", Kind::gauge, "Records that are not in the database yet")
      .sample(store.backlog, {{"backend", store.backend}});
}

void add_process(Metrics& metrics) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmRSS:") {
  }
  if (std::uint64_t kilobytes = 0; status >> kilobytes)
    metrics.metric("process_resident_memory_bytes", Kind::gauge, "Resident memory size in bytes.")
        .sample(kilobytes * 1024);
  std::timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
    metrics.metric("process_cpu_seconds_total", Kind::counter, "Total user and system CPU time spent in seconds.")
        .sample(static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9);
  }
}

}  // namespace

std::optional<Response> Routes::metrics(const Call& /*call*/) {
  Metrics metrics;
  metrics.metric("battery_twin_info", Kind::gauge, "Version and models of the server")
      .sample(1, {{"version", config_.version}, {"models", to_string(plant_.config().models)}});
  metrics.metric("battery_twin_uptime_seconds", Kind::gauge, "Since the start of the server")
      .sample(static_cast<double>(uptime_ms()) / 1000);
  add_plant(metrics, plant_.status(), plant_.layout());
  metrics.metric("battery_twin_websocket_clients", Kind::gauge, "Clients that listen to the events")
      .sample(broadcaster_.clients());
  if (config_.store != nullptr) add_store(metrics, config_.store->health());
  add_process(metrics);
  return Response{.body = metrics.text(), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace battery_twin::api
