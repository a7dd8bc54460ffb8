#pragma once

#include <array>
#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http_client.hpp"
#include "server_process.hpp"
#include "ws_client.hpp"

namespace battery_twin::system {

struct MachineName {
  std::string_view line;
  std::string_view machine;
  std::string_view group;  ///< in the body of POST /factory/start

  [[nodiscard]] std::string process() const { return std::string(machine) + "_" + std::string(line); }
  [[nodiscard]] std::string path() const { return "/machine/" + std::string(line) + "/" + std::string(machine); }
};

/// The plant as the contract has it, in the order a batch meets the machines of a line. Written down and not asked for:
/// one that is missing or called otherwise breaks what others have written. A new machine gets its line here, and is
/// counted.
inline constexpr auto kMachines = std::to_array<MachineName>({
    {"anode", "mixing", "anode_mixing_params"},
    {"anode", "coating", "anode_coating_params"},
    {"anode", "drying", "anode_drying_params"},
    {"anode", "calendaring", "anode_calendaring_params"},
    {"anode", "slitting", "anode_slitting_params"},
    {"anode", "inspection", "anode_inspection_params"},
    {"cathode", "mixing", "cathode_mixing_params"},
    {"cathode", "coating", "cathode_coating_params"},
    {"cathode", "drying", "cathode_drying_params"},
    {"cathode", "calendaring", "cathode_calendaring_params"},
    {"cathode", "slitting", "cathode_slitting_params"},
    {"cathode", "inspection", "cathode_inspection_params"},
    {"cell", "rewinding", "rewinding_params"},
    {"cell", "electrolyte_filling", "electrolyte_filling_params"},
    {"cell", "formation_cycling", "formation_cycling_params"},
    {"cell", "aging", "aging_params"},
});

/// The parameters that each of these machines has.
[[nodiscard]] const std::vector<std::string>& parameter_names(std::string_view machine);

/// Options of a server whose machines are those of the Python server.
inline const std::vector<std::string> kReference{"--models", "reference"};

/// Options of one that runs as fast as it can.
inline const std::vector<std::string> kFast{"--step-interval", "0"};

inline constexpr const char* kStart = "/factory/start";

/// A server and a client of its routes. Its models are the mechanistic ones unless the options say otherwise. At the
/// default pacing a batch takes more than a minute, so that what a test does at once it does while the batch is in its
/// first machines.
struct Twin {
  explicit Twin(const std::vector<std::string>& options = {}, const std::vector<std::string>& wrapper = {})
      : server(options, wrapper), http(server.port()) {}

  ServerProcess server;
  HttpClient http;

  /// GET, which must give 200; its document.
  [[nodiscard]] Json get(std::string_view target) const;
  /// Starts a batch, which must be accepted; its id.
  std::string start(const Json& body) const;
  [[nodiscard]] WsClient listen(std::string target = "/ws/status") const {
    return WsClient(server.port(), std::move(target));
  }
  void set_step_interval(int milliseconds) const;
  /// Asks until it is so. False when it is not in time. For what no event tells.
  [[nodiscard]] static bool eventually(const std::function<bool()>& condition);
};

/// A path that the server's document has, with something that there may be in place of each part of it.
struct DocumentedRoute {
  std::string pattern;            ///< "/machine/{line_type}/{machine_id}/status"
  std::string path;               ///< "/machine/anode/mixing/status"
  std::set<std::string> methods;  ///< as /openapi.json has them: neither HEAD nor OPTIONS
};

/// All that /openapi.json has.
[[nodiscard]] std::vector<DocumentedRoute> documented_routes(const Twin& twin);

/// Mixing ratios that the body of POST /start-simulation takes.
[[nodiscard]] Json good_simulation();

/// All that a rejected request must leave alone: counters, queue, running batches, pacing, every machine's parameters.
[[nodiscard]] Json state_of(const Twin& twin);

/// True for a message that counts: one with a seq.
[[nodiscard]] bool is_life_cycle(const Json& message);

/// What is wrong with one batch's life-cycle messages, held against the contract's order; empty when nothing is.
/// @param messages   all messages of a client, those of other batches among them
/// @param reference  the models are the reference ones: then formation ends early with the default parameters, which is
///                   told, once
[[nodiscard]] std::string order_problem(const std::vector<Json>& messages, std::string_view batch_id,
                                        bool reference = false);

/// What is wrong with the seq numbers: a hole, a repetition, a step back; empty when nothing is.
[[nodiscard]] std::string seq_problem(const std::vector<Json>& messages);

/// All of a batch that depends on its seed and parameters only.
[[nodiscard]] inline Json results_of(const Twin& twin, const std::string& batch) {
  const Json whole = twin.get("/batches/" + batch);
  Json results;
  for (const char* part : {"seed", "models", "parameters", "machines", "end_of_line"}) results[part] = whole.at(part);
  return results;
}

/// How often a part stands in a text.
[[nodiscard]] inline std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

/// A body as it is, to where batches are started.
inline HttpResponse post_text(const Twin& twin, const std::string& body, const std::string& type = "application/json") {
  return twin.http.request("POST", kStart, body, {{"Content-Type", type}});
}

}  // namespace battery_twin::system
