#include "battery_twin/api/json_writer.hpp"
#include "event_json.hpp"
#include "query.hpp"
#include "routes.hpp"
#include "telemetry.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

constexpr std::size_t kBytesPerBatch = 16 * 1024;  // about what a finished one takes

void write_time(JsonWriter& writer, std::string_view name, const std::optional<plant::Time>& time) {
  writer.key(name);
  if (time)
    writer.value(to_text(*time));
  else
    writer.null();
}

void write_list(JsonWriter& writer, std::string_view name, const std::vector<std::string>& texts) {
  writer.key(name).begin_array();
  for (const std::string& text : texts) writer.value(text);
  writer.end_array();
}

std::string_view status_name(plant::BatchStatus status) {
  // "cancelling" is how a running batch answers DELETE; its life has five states
  return to_string(status == plant::BatchStatus::cancelling ? plant::BatchStatus::running : status);
}

void write_machine(JsonWriter& writer, const plant::MachineResult& result, const plant::Station& station,
                   process::ModelSet models) {
  writer.begin_object().member("status", to_string(result.status)).member("steps", result.steps).key("outcome");
  if (result.outcome)
    writer.value(to_string(*result.outcome));
  else
    writer.null();
  write_list(writer, "causes", result.causes);
  writer.key("properties");
  if (result.properties.empty())
    writer.null();
  else
    write(writer, station.type->model(models).outputs, station.line, result.properties);
  writer.end_object();
}

void write_batch(JsonWriter& writer, const plant::BatchRecord& batch, const plant::Layout& layout) {
  writer.begin_object().member("batch_id", batch.id).member("status", status_name(batch.status));
  writer.member("created_at", to_text(batch.created_at));
  write_time(writer, "started_at", batch.started_at);
  write_time(writer, "finished_at", batch.finished_at);
  writer.member("attempt", batch.attempt).member("seed", batch.seed).member("models", to_string(batch.models));
  write_stage(writer.key("stage"), batch.lines, layout);
  write_progress(writer.key("progress"), batch.lines);
  writer.key("parameters").begin_object();
  for (const plant::Station& station : layout.stations()) {
    if (const auto& values = batch.parameters[station.index])
      write(writer.key(station.parameter_group), *station.type, *values);
  }
  writer.end_object();
  write_list(writer, "warnings", batch.warnings);
  writer.key("machines").begin_object();
  for (const plant::Station& station : layout.stations()) {
    writer.key(station.process_name);
    write_machine(writer, batch.machines[station.index], station, batch.models);
  }
  writer.end_object().key("end_of_line");
  if (batch.end_of_line)
    writer.document(to_json(*batch.end_of_line));
  else
    writer.null();
  if (!batch.error.empty()) writer.member("error", batch.error);
  writer.end_object();
}

std::optional<plant::BatchStatus> status_from(std::string_view name) {
  using plant::BatchStatus;
  for (const BatchStatus status : {BatchStatus::queued, BatchStatus::running, BatchStatus::completed,
                                   BatchStatus::failed, BatchStatus::cancelled}) {
    if (to_string(status) == name) return status;
  }
  return std::nullopt;
}

// No page: there is no such batch to go on behind.
Response page_response(const std::optional<plant::PlantSimulation::Page>& page, const plant::Layout& layout,
                       const std::optional<std::string>& after) {
  if (!page) {
    Errors errors;
    Query::add_choice_error("after", after.value_or(""), "the id of a batch", errors);
    return invalid(errors);
  }
  Response response;
  response.body.reserve(page->batches.size() * kBytesPerBatch);
  JsonWriter writer(response.body);
  writer.begin_object().key("batches").begin_array();
  for (const plant::BatchRecord& batch : page->batches) write_batch(writer, batch, layout);
  writer.end_array().key("next");
  if (page->next)
    writer.value(*page->next);
  else
    writer.null();
  writer.end_object();
  return response;
}

Response unknown_batch() { return failure(404, "Batch not found"); }

}  // namespace

std::optional<Response> Routes::batches(const Call& call) {
  const DeclaredQuery query = call.query();
  Errors errors;
  const auto status_asked = query.choice("status", errors);
  const auto order = query.choice("order", errors);
  const auto limit = query.integer("limit", errors).value_or(0);
  const auto after = query.text("after");
  if (!errors.empty()) return invalid(errors);
  const auto status = status_asked ? std::optional(status_from(*status_asked).value()) : std::nullopt;
  // A full page is more than 10 MB: it would hold up everybody else on this thread.
  return give_to(clerk_, call.later,
                 [this, status, ascending = order == "asc", limit, after = std::optional<std::string>(after)] {
                   return page_response(find_batches(status, ascending, limit, after), plant_.layout(), after);
                 });
}

// The newest are in the plant's memory, the others in the store.
std::optional<plant::BatchRecord> Routes::find_batch(std::string_view id) const {
  auto batch = plant_.batch(id);
  if (!batch && config_.store != nullptr) batch = config_.store->batch(id);
  return batch;
}

std::optional<plant::PlantSimulation::Page> Routes::find_batches(std::optional<plant::BatchStatus> status,
                                                                 bool ascending, std::size_t limit,
                                                                 std::optional<std::string_view> after) const {
  if (config_.store == nullptr) return plant_.batches(status, ascending, limit, after);
  auto page = config_.store->batches(status, ascending, limit, after);
  if (!page) return page;
  for (plant::BatchRecord& batch : page->batches) {
    if (is_finished(batch.status)) continue;
    if (auto live = plant_.batch(batch.id)) batch = std::move(*live);  // how far it is, the store does not know
  }
  return page;
}

std::optional<Response> Routes::batch(const Call& call) {
  const auto answer = [this](const std::optional<plant::BatchRecord>& batch) {
    if (!batch) return unknown_batch();
    Response response;
    response.body.reserve(kBytesPerBatch);
    JsonWriter writer(response.body);
    write_batch(writer, *batch, plant_.layout());
    return response;
  };
  const std::string_view id = call.parts.at(0);
  auto batch = plant_.batch(id);
  if (batch || config_.store == nullptr) return answer(batch);
  return give_to(clerk_, call.later, [this, answer, id = std::string(id)] { return answer(find_batch(id)); });
}

std::optional<Response> Routes::telemetry(const Call& call) {
  const DeclaredQuery query = call.query();
  Errors errors;
  const auto format = query.choice("format", errors);
  const auto machine = query.text("machine");
  const plant::Station* station = machine ? plant_.layout().find_process(*machine) : nullptr;
  if (machine && station == nullptr)
    Query::add_choice_error("machine", *machine, "the process name of a machine, as in mixing_anode", errors);
  if (!errors.empty()) return invalid(errors);
  if (config_.store == nullptr) return failure(404, "Telemetry is kept in a database only, and there is none (--db)");
  const TelemetryFormat form = format == "json"     ? TelemetryFormat::json
                               : station != nullptr ? TelemetryFormat::wide
                                                    : TelemetryFormat::tidy;
  return give_to(telemetry_clerk_, call.later, [this, form, station, id = std::string(call.parts.at(0))] {
    const auto batch = find_batch(id);
    if (!batch) return unknown_batch();
    auto reader =
        config_.store->telemetry(batch->index, station != nullptr ? std::optional(station->index) : std::nullopt);
    Response response;
    if (form != TelemetryFormat::json) {
      response.content_type = "text/csv; charset=utf-8";
      response.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + id + "-telemetry.csv\"");
    }
    response.source = telemetry_source(std::move(reader), id, form, plant_.layout(), telemetry_clerk_);
    return response;
  });
}

std::optional<Response> Routes::cancel_batch(const Call& call) {
  using Cancel = plant::PlantSimulation::Cancel;
  const std::string id(call.parts.at(0));
  switch (plant_.cancel(id)) {
    case Cancel::unknown:
      if (config_.store == nullptr) return unknown_batch();
      return give_to(clerk_, call.later, [this, id] {
        return config_.store->batch(id) ? failure(409, "Batch " + id + " is finished already") : unknown_batch();
      });
    case Cancel::finished:
      return failure(409, "Batch " + id + " is finished already");
    case Cancel::cancelled:
      return once_kept(call.later, json_response(200, Json{{"message", "Batch " + id + " was cancelled"},
                                                           {"batch_id", id},
                                                           {"status", "cancelled"}}));
    case Cancel::cancelling:
      return once_kept(call.later, json_response(202, Json{{"message", "Batch " + id + " stops at its next step"},
                                                           {"batch_id", id},
                                                           {"status", "cancelling"}}));
  }
  return std::nullopt;  // there are no others
}

}  // namespace battery_twin::api
