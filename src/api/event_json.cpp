#include "event_json.hpp"

#include "battery_twin/api/parameters.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

const plant::Station* station_of(const plant::Event& event, const plant::Layout& layout) {
  return event.station ? &layout.stations()[*event.station] : nullptr;
}

std::string with_warnings(const plant::Event& event) {
  std::string text = event.message;
  for (const std::string& warning : event.warnings) text += "; " + warning;
  return text;
}

}  // namespace

Json message_json(std::string_view process, std::string_view status, plant::Time time, Json data) {
  return Json{{"process_name", process}, {"status", status}, {"timestamp", to_text(time)}, {"data", std::move(data)}};
}

Json event_json(const plant::Event& event, const plant::Layout& layout, bool replayed) {
  const plant::Station* station = station_of(event, layout);
  Json data{{"batch_id", event.batch_id.empty() ? Json() : Json(event.batch_id)}, {"message", event.message}};
  if (station != nullptr) {
    data["line_type"] = to_string(station->line);
    data["machine_id"] = station->type->name;
  }
  if (event.step) data["step"] = *event.step;
  if (!event.reason.empty()) data["reason"] = event.reason;
  if (!event.warnings.empty()) data["warnings"] = event.warnings;
  if (event.end_of_line) data["end_of_line"] = to_json(*event.end_of_line);
  if (replayed) data["replayed"] = true;
  Json message{{"seq", event.seq}};
  message.update(message_json(station != nullptr ? std::string_view(station->process_name) : kPlantProcess,
                              to_string(event.type), event.time, std::move(data)));
  return message;
}

Json log_json(const plant::Event& event, const plant::Layout& layout) {
  Json entry{{"seq", event.seq},
             {"timestamp", to_text(event.time)},
             {"level", to_string(event.level())},
             {"event", to_string(event.type)},
             {"message", with_warnings(event)}};
  if (!event.batch_id.empty()) entry["batch_id"] = event.batch_id;
  if (const plant::Station* station = station_of(event, layout)) entry["machine"] = station->process_name;
  return entry;
}

Json telemetry_json(const plant::Station& station, const plant::MachineSnapshot& snapshot) {
  const std::uint32_t step = snapshot.steps - 1;
  return message_json(
      station.process_name, "data_generated", plant::now(),
      {{"batch_id", *snapshot.batch_id},
       {"message", station.process_name + " did step " + std::to_string(step)},
       {"line_type", to_string(station.line)},
       {"machine_id", station.type->name},
       {"step", step},
       {"properties", to_json(station.type->model(snapshot.models).outputs, station.line, snapshot.properties)}});
}

Json stage_json(const std::array<plant::LineProgress, process::kLines.size()>& lines, const plant::Layout& layout) {
  Json stage = Json::object();
  for (const process::Line line : process::kLines) {
    const plant::LineProgress& progress = lines[static_cast<std::size_t>(line)];
    Json& entry = stage[std::string(to_string(line))];
    if (progress.completed) {
      entry = "completed";
    } else if (progress.station) {
      entry = layout.stations()[*progress.station].type->name;
    }
  }
  return stage;
}

Json progress_json(const std::array<plant::LineProgress, process::kLines.size()>& lines) {
  Json all = Json::object();
  for (const process::Line line : process::kLines) {
    all[std::string(to_string(line))] = lines[static_cast<std::size_t>(line)].progress;
  }
  return all;
}

}  // namespace battery_twin::api
