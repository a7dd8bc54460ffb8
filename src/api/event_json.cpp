#include "event_json.hpp"

#include "battery_twin/api/json_writer.hpp"
#include "battery_twin/api/parameters.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

const plant::Station* station_of(const plant::Event& event, const plant::Layout& layout) {
  return event.station ? &layout.stations()[*event.station] : nullptr;
}

// All of a message up to the members of its data.
void begin_message(JsonWriter& writer, std::string_view process, std::string_view status, plant::Time time) {
  writer.member("process_name", process).member("status", status).member("timestamp", TimeText(time).view());
  writer.key("data").begin_object();
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

std::string event_text(const plant::Event& event, const plant::Layout& layout, bool replayed) {
  const plant::Station* station = station_of(event, layout);
  std::string text;
  text.reserve(384);
  JsonWriter writer(text);
  writer.begin_object().member("seq", event.seq);
  begin_message(writer, station != nullptr ? std::string_view(station->process_name) : kPlantProcess,
                to_string(event.type), event.time);
  writer.key("batch_id");
  if (event.batch_id.empty())
    writer.null();
  else
    writer.value(event.batch_id);
  writer.member("message", event.message);
  if (station != nullptr)
    writer.member("line_type", to_string(station->line)).member("machine_id", station->type->name);
  if (event.step) writer.member("step", *event.step);
  if (event.attempt > 1) writer.member("attempt", event.attempt);
  if (!event.reason.empty()) writer.member("reason", event.reason);
  if (!event.warnings.empty()) {
    writer.key("warnings").begin_array();
    for (const std::string& warning : event.warnings) writer.value(warning);
    writer.end_array();
  }
  if (event.end_of_line) writer.key("end_of_line").document(to_json(*event.end_of_line));
  if (replayed) writer.member("replayed", true);
  writer.end_object().end_object();
  return text;
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

std::string telemetry_text(const plant::Station& station, const plant::MachineSnapshot& snapshot) {
  const std::uint32_t step = snapshot.steps - 1;
  std::string text;
  text.reserve(1024);
  JsonWriter writer(text);
  writer.begin_object();
  begin_message(writer, station.process_name, "data_generated", plant::now());
  writer.member("batch_id", *snapshot.batch_id)
      .member("message", station.process_name + " did step " + std::to_string(step))
      .member("line_type", to_string(station.line))
      .member("machine_id", station.type->name)
      .member("step", step);
  write(writer.key("properties"), station.type->model(snapshot.models).outputs, station.line, snapshot.properties);
  writer.end_object().end_object();
  return text;
}

std::string progress_text(const plant::PlantStatus::Running& batch, const plant::Layout& layout) {
  std::string text;
  JsonWriter writer(text);
  writer.begin_object();
  begin_message(writer, kPlantProcess, "batch_progress", plant::now());
  writer.member("batch_id", batch.id).member("message", "Batch " + batch.id + " is on its way");
  write_stage(writer.key("stage"), batch.lines, layout);
  write_progress(writer.key("progress"), batch.lines);
  writer.end_object().end_object();
  return text;
}

void write_stage(JsonWriter& writer, const std::array<plant::LineProgress, process::kLines.size()>& lines,
                 const plant::Layout& layout) {
  writer.begin_object();
  for (const process::Line line : process::kLines) {
    const plant::LineProgress& progress = lines[static_cast<std::size_t>(line)];
    writer.key(to_string(line));
    if (progress.completed)
      writer.value("completed");
    else if (progress.station)
      writer.value(layout.stations()[*progress.station].type->name);
    else
      writer.null();
  }
  writer.end_object();
}

void write_progress(JsonWriter& writer, const std::array<plant::LineProgress, process::kLines.size()>& lines) {
  writer.begin_object();
  for (const process::Line line : process::kLines)
    writer.member(to_string(line), lines[static_cast<std::size_t>(line)].progress);
  writer.end_object();
}

}  // namespace battery_twin::api
