#include "status.hpp"

namespace battery_twin::api::compat {
namespace {

// Where a batch is, or was last, on a line: what that machine made of it. False where there is nothing yet.
bool write_newest(JsonWriter& writer, process::Line line, const std::string& id,
                  const std::optional<plant::BatchRecord>& batch, const std::vector<plant::MachineSnapshot>& snapshots,
                  const plant::Layout& layout) {
  const auto stations = layout.stations(line);
  for (auto last = stations.rbegin(); last != stations.rend(); ++last) {
    const plant::Station& station = *last;
    const plant::MachineSnapshot& now = snapshots[station.index];
    if (now.on && *now.batch_id == id) {
      write_properties(writer, station, now.models, now.properties);
      return true;
    }
    if (!batch || batch->machines[station.index].properties.empty()) continue;
    write_properties(writer, station, batch->models, batch->machines[station.index].properties);
    return true;
  }
  return false;
}

}  // namespace

void write_parameters(JsonWriter& writer, const Machine& machine, const process::Values& values) {
  writer.begin_object();
  for (const Parameter& parameter : machine.parameters) {
    writer.key(parameter.name);
    if (const auto& value = values[parameter.index])
      writer.value(parameter.from_plant(*value));
    else
      writer.null();
  }
  writer.end_object();
}

void write_properties(JsonWriter& writer, const plant::Station& station, process::ModelSet models,
                      std::vector<double> values) {
  const auto outputs = station.type->model(models).outputs;
  for (std::size_t i = 0; i < outputs.size() && i < values.size(); ++i)
    if (outputs[i].unit == "K") values[i] = celsius(values[i]);
  write(writer, outputs, station.line, values);
}

std::string status_after_timestamp(const Machine& machine, const plant::MachineSnapshot& snapshot,
                                   const process::Values& values) {
  std::string text;
  JsonWriter writer(text);
  writer.begin_object().member("process", machine.station->process_name).member("state", snapshot.on ? "On" : "Off");
  write_parameters(writer.key("machine_parameters"), machine, values);
  writer.key("process_specifics").null();
  if (snapshot.on) {
    // The Python server counts from 0, and says 0 before the first step as well.
    writer.member("duration", snapshot.steps == 0 ? 0 : snapshot.steps - 1);
    write_properties(writer.key("battery_model"), *machine.station, snapshot.models, snapshot.properties);
  }
  writer.end_object();
  return text.substr(1);
}

void write_batch(JsonWriter& writer, const std::string& id, const std::optional<plant::BatchRecord>& batch,
                 const std::vector<plant::MachineSnapshot>& snapshots, const plant::Layout& layout) {
  writer.begin_object().member("batch_id", id);
  for (const process::Line line : process::kLines) {
    writer.key("current_" + std::string(to_string(line)) + "_line_model");
    if (write_newest(writer, line, id, batch, snapshots, layout)) continue;
    if (line == process::Line::cell)
      writer.null();
    else
      writer.begin_object().end_object();
  }
  writer.end_object();
}

}  // namespace battery_twin::api::compat
