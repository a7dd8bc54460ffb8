#include "battery_twin/api/json_writer.hpp"
#include "routes.hpp"
#include "time_text.hpp"

namespace battery_twin::api {

std::optional<Response> Routes::machine_status(const Call& call) {
  auto found = this->station(call);
  if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
  const plant::Station* station = std::get<const plant::Station*>(found);
  // Between two steps there is nothing new but the time.
  const std::uint64_t changes = plant_.changes(*station);
  KeptStatus& kept = statuses_[station->index];
  if (kept.rest.empty() || kept.changes != changes) kept = {changes, status_after_timestamp(*station)};
  Response response;
  response.body.reserve(kept.rest.size() + 64);
  response.body.append("{\"timestamp\":\"").append(TimeText(plant::now()).view()).append("\",").append(kept.rest);
  return response;
}

std::string Routes::status_after_timestamp(const plant::Station& station) const {
  const process::MachineType& type = *station.type;
  const plant::MachineSnapshot snapshot = plant_.machine(station);
  const process::MachineModel& model = type.model(snapshot.models);
  std::string text;
  JsonWriter writer(text);
  writer.begin_object()
      .member("line_type", to_string(station.line))
      .member("machine_id", type.name)
      .member("process", station.process_name)
      .member("state", snapshot.on ? "On" : "Off");
  write(writer.key("machine_parameters"), type, plant_.parameters(station));
  writer.key("process_specifics");
  if (snapshot.on && !model.specifics.empty())
    write(writer, model.specifics, station.line, snapshot.specifics);
  else
    writer.null();
  if (snapshot.on) {
    writer.member("batch_id", *snapshot.batch_id)
        .member("duration", snapshot.steps)
        .member("total_steps", snapshot.total_steps)
        .member("progress", static_cast<double>(snapshot.steps) / snapshot.total_steps);
    write(writer.key("battery_model"), model.outputs, station.line, snapshot.properties);
  }
  writer.end_object();
  return text.substr(1);
}

std::optional<Response> Routes::machine_parameters(const Call& call) {
  auto found = this->station(call);
  if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
  const plant::Station* station = std::get<const plant::Station*>(found);
  auto read = read_body(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  Errors errors;
  std::vector<std::string> warnings;
  process::Values values = plant_.parameters(*station);
  GroupReader(*station, config_.limits, errors, warnings).merge(body, Json::array({"body"}), values);
  if (!errors.empty()) return invalid(errors);
  const bool now = plant_.set_parameters(*station, values, warnings);
  return once_kept(call.later,
                   json_response(200, Json{{"message", "Parameters of " + station->process_name + " were updated"},
                                           {"line_type", to_string(station->line)},
                                           {"machine_id", station->type->name},
                                           {"machine_parameters", to_json(*station->type, values)},
                                           {"applies_from", now ? "now" : "next batch"},
                                           {"warnings", warnings}}));
}

}  // namespace battery_twin::api
