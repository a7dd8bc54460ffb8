#include "routes.hpp"
#include "time_text.hpp"

namespace battery_twin::api {

void Routes::machine_status(Call call) {
  const plant::Station* station = this->station(call);
  if (station == nullptr) return;
  const process::MachineType& type = *station->type;
  const plant::MachineSnapshot snapshot = plant_.machine(*station);
  Json status{{"timestamp", to_text(plant::now())},
              {"line_type", to_string(station->line)},
              {"machine_id", type.name},
              {"process", station->process_name},
              {"state", snapshot.on ? "On" : "Off"},
              {"machine_parameters", to_json(type, plant_.parameters(*station))},
              {"process_specifics", nullptr}};
  if (snapshot.on) {
    const process::MachineModel& model = type.model(snapshot.models);
    if (!model.specifics.empty())
      status["process_specifics"] = to_json(model.specifics, station->line, snapshot.specifics);
    status["batch_id"] = *snapshot.batch_id;
    status["duration"] = snapshot.steps;
    status["total_steps"] = snapshot.total_steps;
    status["progress"] = static_cast<double>(snapshot.steps) / snapshot.total_steps;
    status["battery_model"] = to_json(model.outputs, station->line, snapshot.properties);
  }
  call.reply(json_response(200, status));
}

void Routes::machine_parameters(Call call) {
  const plant::Station* station = this->station(call);
  if (station == nullptr) return;
  const auto body = read_body(call);
  if (!body) return;
  Errors errors;
  std::vector<std::string> warnings;
  process::Values values = plant_.parameters(*station);
  GroupReader(*station, config_.limits, errors, warnings).merge(*body, Json::array({"body"}), values);
  if (!errors.empty()) return call.reply(invalid(errors));
  const bool now = plant_.set_parameters(*station, values, warnings);
  call.reply(json_response(200, Json{{"message", "Parameters of " + station->process_name + " were updated"},
                                     {"line_type", to_string(station->line)},
                                     {"machine_id", station->type->name},
                                     {"machine_parameters", to_json(*station->type, values)},
                                     {"applies_from", now ? "now" : "next batch"},
                                     {"warnings", warnings}}));
}

}  // namespace battery_twin::api
