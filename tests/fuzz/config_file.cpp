// The TOML file of --config.

#include <iostream>
#include <sstream>
#include <string>
#include <variant>

#include "../../src/app/options.hpp"
#include "battery_twin/process/random.hpp"
#include "cell_checks.hpp"
#include "input_file.hpp"

namespace battery_twin::fuzz {
namespace {

using std::chrono::milliseconds;

// What a stream is told while this lives.
class Told {
 public:
  explicit Told(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Told() { stream_.rdbuf(before_); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

bool is_in(milliseconds value, milliseconds low, milliseconds high) { return value >= low && value <= high; }

void check_options(const app::ServeOptions& options) {
  constexpr milliseconds kDay{86'400'000};
  const http::ServerConfig& server = options.server;
  require(server.fd >= -1, "a descriptor is none or one");
  require(server.backlog >= 1 && server.backlog <= 65535, "the backlog is in its range");
  require(server.max_body >= 1 && server.max_body <= 1u << 30, "the longest body is in its range");
  require(server.ws_max_message >= 1 && server.ws_max_message <= 1u << 30, "the longest message is in its range");
  for (const milliseconds time :
       {server.keep_alive_timeout, server.ws_ping_interval, server.ws_ping_timeout, options.graceful_timeout})
    require(is_in(time, milliseconds(1), kDay), "a time is in its range");
  for (const auto& [name, value] : server.extra_headers) {
    require(!name.empty() && std::ranges::all_of(name, http::is_token_char), "a field's name is one");
    require(std::ranges::all_of(value, http::is_field_char), "a field's value has no control characters");
  }
  require(std::ranges::all_of(options.root_path, http::is_field_char), "the root path may stand in a field");
  require(options.max_steps >= 1 && options.max_steps <= 1'000'000'000, "the longest run is in its range");
  const plant::PlantConfig& plant = options.plant;
  require(plant.threads >= 1 && plant.threads <= 1024, "the threads are in their range");
  require(plant.queue_limit >= 1 && plant.queue_limit <= 1'000'000, "the queue is in its range");
  require(plant.history_limit >= 1 && plant.history_limit <= 10'000'000, "the history is in its range");
  require(plant.seed <= process::kMaxSeed, "the seed is in its range");
  require(plant.step_interval >= plant::Interval::zero() && plant.step_interval <= std::chrono::seconds(60),
          "the pacing is in its range");
  check_design(plant.design);
}

void check(std::string_view text) {
  // Another cell file is a matter of its own, and may be one that has no end.
  if (text.find("/dev/") != std::string_view::npos || text.find("/proc/") != std::string_view::npos) return;
  const InputFile file(text);
  const Told errors(std::cerr);
  const Told output(std::cout);
  const auto read = app::read_serve_options({"--config", file.path()});
  if (const auto* options = std::get_if<app::ServeOptions>(&read)) {
    require(errors.text().empty() && output.text().empty(), "nothing is said of a good file");
    return check_options(*options);
  }
  const int code = std::get<app::Exit>(read).code;
  if (code == 0) return require(!output.text().empty(), "--help and --version say something");
  require(code == app::kExitUsage || code == app::kExitStart, "the code of a bad file is one of those");
  require(!errors.text().empty(), "what is wrong with a file is said");
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  battery_twin::fuzz::check(battery_twin::fuzz::Input(data, size).rest());
  return 0;
}
