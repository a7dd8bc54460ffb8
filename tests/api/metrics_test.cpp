// GET /metrics as a Prometheus server reads it.
#include <map>
#include <sstream>

#include "api_under_test.hpp"

namespace battery_twin::api {
namespace {

using Samples = std::map<std::string, double>;  // by name and labels as they stand

// Each sample's metric must have been described before, once, and no sample may come twice.
Samples read(const std::string& text) {
  Samples samples;
  std::map<std::string, int> types;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (line.starts_with("# ")) {
      std::string hash, what, name;
      words >> hash >> what >> name;
      if (what == "TYPE") {
        EXPECT_EQ(++types[name], 1) << name;
      }
      continue;
    }
    const auto blank = line.rfind(' ');
    const std::string key = line.substr(0, blank);
    EXPECT_TRUE(types.contains(key.substr(0, key.find('{')))) << line;
    EXPECT_TRUE(samples.emplace(key, std::stod(line.substr(blank + 1))).second) << line;
  }
  EXPECT_TRUE(text.ends_with('\n'));
  return samples;
}

TEST(Metrics, TellWhatTheStatusTells) {
  ApiUnderTest twin;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(twin.ask("POST", "/factory/start", "{}").status, 200);
  EXPECT_EQ(twin.ask("DELETE", "/batches/3").status, 200);
  EXPECT_EQ(twin.ask("PATCH", "/factory/pacing", R"({"step_interval_ms": 250})").status, 200);
  const Response response = twin.ask("GET", "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const Samples samples = read(response.body);

  EXPECT_EQ(samples.at("battery_twin_batches_accepted_total"), 3);
  EXPECT_EQ(samples.at(R"(battery_twin_batches_finished_total{status="cancelled"})"), 1);
  EXPECT_EQ(samples.at(R"(battery_twin_batches_finished_total{status="completed"})"), 0);
  EXPECT_EQ(samples.at("battery_twin_batches_queued"), 1);
  EXPECT_EQ(samples.at("battery_twin_batches_running"), 1);
  EXPECT_EQ(samples.at("battery_twin_paused"), 1);
  EXPECT_EQ(samples.at("battery_twin_step_interval_seconds"), 0.25);
  EXPECT_EQ(samples.at(R"(battery_twin_info{version="1.2.3",models="mechanistic"})"), 1);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(samples.at("process_cpu_seconds_total"), 0);

  double on = 0;
  std::size_t machines = 0;
  for (const auto& [name, value] : samples) {
    if (!name.starts_with("battery_twin_machine_on{")) continue;
    ++machines;
    on += value;
  }
  EXPECT_EQ(machines, twin.plant().layout().stations().size());
  EXPECT_EQ(on, 2);  // both mixing machines
  EXPECT_EQ(samples.at(R"(battery_twin_machine_on{line="anode",machine="mixing"})"), 1);
}

}  // namespace
}  // namespace battery_twin::api
