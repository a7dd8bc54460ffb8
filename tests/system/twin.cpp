#include "twin.hpp"

#include <cstdint>
#include <map>
#include <stdexcept>
#include <thread>

namespace battery_twin::system {
namespace {

constexpr std::chrono::milliseconds kAskAgain{10};

// Statuses with process names, e.g. "machine_turned_on mixing_anode".
using Words = std::vector<std::string>;

Words line_words(std::string_view line, bool reference) {
  const std::string name(line);
  Words words{"batch_started_" + name + "_line"};
  for (const MachineName& machine : kMachines) {
    if (machine.line != line) continue;
    words.push_back("machine_turned_on " + machine.process());
    if (reference && machine.machine == "formation_cycling")
      words.push_back("machine_simulation_error " + machine.process());
    words.push_back("machine_turned_off " + machine.process());
  }
  words.push_back("batch_completed_" + name + "_line");
  return words;
}

std::string mismatch(std::string_view what, const Words& found, const Words& expected) {
  for (std::size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
    const std::string got = i < found.size() ? found[i] : "nothing";
    const std::string want = i < expected.size() ? expected[i] : "nothing";
    if (got != want)
      return std::string(what) + ", event " + std::to_string(i) + ": " + got + " where " + want + " belongs";
  }
  return {};
}

bool belongs_to(const std::string& word, std::string_view line) {
  return word.ends_with("_" + std::string(line)) || word.ends_with("_" + std::string(line) + "_line");
}

}  // namespace

const std::vector<std::string>& parameter_names(std::string_view machine) {
  static const std::map<std::string_view, std::vector<std::string>> names{
      {"mixing", {"material_ratios"}},
      {"coating", {"coating_speed", "gap_height", "flow_rate", "coating_width"}},
      {"drying", {"web_speed", "wet_thickness", "solid_content"}},
      {"calendaring", {"roll_gap", "roll_pressure", "temperature", "roll_speed", "dry_thickness", "initial_porosity"}},
      {"slitting", {"blade_sharpness", "slitting_speed", "target_width", "slitting_tension"}},
      {"inspection", {"epsilon_width_max", "epsilon_thickness_max", "B_max", "D_surface_max"}},
      {"rewinding", {"rewinding_speed", "initial_tension", "tapering_steps", "environment_humidity"}},
      {"electrolyte_filling", {"vacuum_level", "vacuum_filling", "soaking_time"}},
      {"formation_cycling", {"charge_current_A", "charge_voltage_limit_V", "initial_voltage", "formation_duration_s"}},
      {"aging", {"k_leak", "temperature", "aging_time_days"}},
  };
  const auto found = names.find(machine);
  if (found == names.end())
    throw std::runtime_error("a new machine gets a line of its parameters in " __FILE__ ": " + std::string(machine));
  return found->second;
}

Json Twin::get(std::string_view target) const {
  const HttpResponse response = http.get(target);
  if (response.status != 200)
    throw std::runtime_error(std::string(target) + ": " + std::to_string(response.status) + " " + response.body);
  return response.json();
}

std::string Twin::start(const Json& body) const {
  const HttpResponse response = http.post("/factory/start", body);
  if (response.status != 200)
    throw std::runtime_error("not started: " + std::to_string(response.status) + " " + response.body);
  return response.json().at("batch_id");
}

void Twin::set_step_interval(int milliseconds) const {
  const HttpResponse response = http.patch("/factory/pacing", {{"step_interval_ms", milliseconds}});
  if (response.status != 200) throw std::runtime_error("pacing not changed: " + response.body);
}

bool Twin::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kAskAgain);
  }
  return true;
}

std::vector<DocumentedRoute> documented_routes(const Twin& twin) {
  static const std::map<std::string_view, std::string> parts{{"{line_type}", "anode"}, {"{machine_id}", "mixing"},
                                                             {"{id}", "none"},         {"{name}", "none"},
                                                             {"{stage}", "Aging"},     {"{table}", "aging"}};
  std::vector<DocumentedRoute> routes;
  const Json document = twin.get("/openapi.json");
  for (const auto& [pattern, operations] : document.at("paths").items()) {
    DocumentedRoute route{.pattern = pattern, .path = pattern, .methods = {}};
    for (const auto& [part, value] : parts) {
      if (const auto at = route.path.find(part); at != std::string::npos) route.path.replace(at, part.size(), value);
    }
    if (route.path.find('{') != std::string::npos) throw std::runtime_error("nothing is known of a part of " + pattern);
    for (const auto& [name, operation] : operations.items()) {
      std::string method = name;
      for (char& c : method) c = static_cast<char>(c - 32);
      route.methods.insert(std::move(method));
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

Json good_simulation() {
  return {{"anode", {{"AM", 0.5}, {"CA", 0.04}, {"PVDF", 0.05}, {"solvent", 0.41}}},
          {"cathode", {{"AM", 0.51}, {"CA", 0.04}, {"PVDF", 0.1}, {"solvent", 0.35}}}};
}

Json state_of(const Twin& twin) {
  const Json status = twin.get("/factory/status");
  Json state;
  for (const char* key : {"counters", "queue", "pacing"}) state[key] = status.at(key);
  for (const Json& batch : status.at("running")) state["running"].push_back(batch.at("batch_id"));
  for (const MachineName& machine : kMachines)
    state["machines"][machine.process()] = twin.get(machine.path() + "/status").at("machine_parameters");
  return state;
}

bool is_life_cycle(const Json& message) { return message.contains("seq"); }

std::string order_problem(const std::vector<Json>& messages, std::string_view batch_id, bool reference) {
  Words whole;
  for (const Json& message : messages) {
    if (!is_life_cycle(message) || message.at("data").at("batch_id") != batch_id) continue;
    const std::string status = message.at("status");
    const std::string process = message.at("process_name");
    whole.push_back(process == "battery_plant_simulation" ? status : status + " " + process);
  }

  Words anode;
  Words cathode;
  Words rest;
  for (const std::string& word : whole) {
    Words& part = belongs_to(word, "anode") ? anode : belongs_to(word, "cathode") ? cathode : rest;
    part.push_back(word);
  }
  if (auto problem = mismatch("anode line", anode, line_words("anode", reference)); !problem.empty()) return problem;
  if (auto problem = mismatch("cathode line", cathode, line_words("cathode", reference)); !problem.empty())
    return problem;
  Words expected{"batch_requested", "batch_started_processing", "batch_merged"};
  for (const std::string& word : line_words("cell", reference)) expected.push_back(word);
  expected.emplace_back("batch_completed");
  if (auto problem = mismatch("plant and cell line", rest, expected); !problem.empty()) return problem;
  // With both lines whole and the rest in order, only their places among each other are left to look at.
  const std::size_t before_merge = 2 + anode.size() + cathode.size();
  if (whole.at(1) != "batch_started_processing") return "a line started before the batch was started";
  if (whole.at(before_merge) != "batch_merged") return "merged before both lines were completed";
  return {};
}

std::string seq_problem(const std::vector<Json>& messages) {
  std::uint64_t last = 0;
  for (const Json& message : messages) {
    if (!is_life_cycle(message)) continue;
    const auto seq = message.at("seq").get<std::uint64_t>();
    if (last != 0 && seq != last + 1) return std::to_string(seq) + " after " + std::to_string(last);
    last = seq;
  }
  return {};
}

}  // namespace battery_twin::system
