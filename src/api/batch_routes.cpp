#include "battery_twin/api/json_writer.hpp"
#include "event_json.hpp"
#include "query.hpp"
#include "routes.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

constexpr std::uint64_t kMaxPage = 1000;
constexpr std::uint64_t kDefaultPage = 100;
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
  writer.member("seed", batch.seed).member("models", to_string(batch.models));
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

// No page: the batch to go on behind was forgotten while the request waited.
Response page_response(const std::optional<plant::PlantSimulation::Page>& page, const plant::Layout& layout) {
  if (!page) return failure(404, "The batch to go on behind has been forgotten");
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
  const Query query(call.head.query);
  Errors errors;
  std::optional<plant::BatchStatus> status;
  if (const auto name = query.text("status")) {
    status = status_from(*name);
    if (!status)
      Query::add_choice_error("status", *name, "'queued', 'running', 'completed', 'failed' or 'cancelled'", errors);
  }
  const std::string_view order = query.text("order").value_or("desc");
  if (order != "asc" && order != "desc") Query::add_choice_error("order", order, "'desc' or 'asc'", errors);
  const auto limit = query.integer("limit", 1, kMaxPage, errors).value_or(kDefaultPage);
  const auto after = query.text("after");
  if (after && !plant_.batch(*after)) Query::add_choice_error("after", *after, "the id of a batch", errors);
  if (!errors.empty()) return invalid(errors);
  // A full page is more than 10 MB: it would hold up everybody else on this thread.
  const bool taken = clerk_.give([this, status, ascending = order == "asc", limit,
                                  after = std::optional<std::string>(after), reply = call.later()] {
    try {
      reply(page_response(plant_.batches(status, ascending, limit, after), plant_.layout()));
    } catch (const std::exception&) {
      reply(failure(503, "There is not enough memory for so long a list now"));
    }
  });
  if (taken) return std::nullopt;
  Response busy = failure(503, "Too many long lists are being made");
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

std::optional<Response> Routes::batch(const Call& call) {
  const auto batch = plant_.batch(call.parts.at(0));
  if (!batch) return unknown_batch();
  Response response;
  response.body.reserve(kBytesPerBatch);
  JsonWriter writer(response.body);
  write_batch(writer, *batch, plant_.layout());
  return response;
}

std::optional<Response> Routes::cancel_batch(const Call& call) {
  using Cancel = plant::PlantSimulation::Cancel;
  const std::string id(call.parts.at(0));
  switch (plant_.cancel(id)) {
    case Cancel::unknown:
      return unknown_batch();
    case Cancel::finished:
      return failure(409, "Batch " + id + " is finished already");
    case Cancel::cancelled:
      return json_response(
          200, Json{{"message", "Batch " + id + " was cancelled"}, {"batch_id", id}, {"status", "cancelled"}});
    case Cancel::cancelling:
      return json_response(
          202,
          Json{{"message", "Batch " + id + " stops at its next step"}, {"batch_id", id}, {"status", "cancelling"}});
  }
  return std::nullopt;  // there are no others
}

}  // namespace battery_twin::api
