#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "battery_twin/http/server.hpp"
#include "battery_twin/http/tls.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "battery_twin/plant/population.hpp"

namespace battery_twin::app {

inline constexpr int kExitUsage = 2;
inline constexpr int kExitStart = 3;

struct ServeOptions {
  http::ServerConfig server;
  plant::PlantConfig plant;
  bool step_interval_given = false;
  std::string database;  ///< path of the SQLite file; empty: none
  std::string postgres;  ///< URL; empty: the file alone
  std::size_t spool_rows = 20'000'000;
  bool fresh = false;         ///< start with an empty database
  double retention_days = 0;  ///< of telemetry; 0: for ever
  std::uint32_t max_steps = 1'000'000;
  std::string log_level = "info";
  bool access_log = true;
  bool colours = false;
  bool log_json = false;  ///< one JSON object a line
  std::chrono::milliseconds graceful_timeout{8'000};
  bool compat = true;     ///< also the Python server's later routes, src/api/compat
  std::string root_path;  ///< below which a proxy serves the routes, e.g. "/twin"; or empty
  std::string ui_dir;     ///< folder of the dashboard's files, instead of those in the program; or empty
  std::optional<http::TlsConfig> tls;
  bool reload = false;      ///< read again what has changed
  std::string config_file;  ///< or empty
  std::string cell_file;    ///< or empty, for one of the built-in designs
  /// What was given in any way, by the option's first name without dashes.
  std::map<std::string, std::vector<std::string>> given;
  std::chrono::system_clock::time_point read_at{};  ///< before any file was
  std::vector<std::string> arguments;               ///< all this was read from, beside the environment and files
  std::string environment_file;                     ///< or empty
  std::vector<std::string> notes;                   ///< what was accepted but has no effect, to be said at start
  std::vector<std::string> warnings;                ///< what was perhaps meant otherwise
};

struct SimulateOptions {
  std::uint64_t batches = 1;
  bool batches_given = false;
  unsigned threads = 1;
  std::uint64_t seed = 0;
  process::ModelSet models = process::ModelSet::mechanistic;
  plant::PopulationConfig population;
  std::string parameters;         ///< file, or empty
  std::vector<std::string> vary;  ///< "GROUP.FIELD=LOW:HIGH"
  bool per_cell = false;          ///< a row per cell instead of one per batch
  std::string output;             ///< file, or empty: summary on stdout
  std::string trace;              ///< file, or empty
};

/// The process ends with this code; what there was to say has been said.
struct Exit {
  int code;
};

/// @param arguments  without the program's name and the word "serve"
[[nodiscard]] std::variant<ServeOptions, Exit> read_serve_options(std::vector<std::string> arguments);
/// The same once more, in a process that goes on: says nothing.
/// @return what is wrong, in one sentence, instead of an exit
[[nodiscard]] std::variant<ServeOptions, std::string> reread_serve_options(std::vector<std::string> arguments);
/// @param arguments  without the program's name and the word "simulate"
[[nodiscard]] std::variant<SimulateOptions, Exit> read_simulate_options(std::vector<std::string> arguments);

}  // namespace battery_twin::app
