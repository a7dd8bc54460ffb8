#include "event_json.hpp"
#include "query.hpp"
#include "routes.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

constexpr std::uint64_t kMaxPage = 1000;
constexpr std::uint64_t kDefaultPage = 100;

Json time_json(const std::optional<plant::Time>& time) { return time ? Json(to_text(*time)) : Json(); }

std::string_view status_name(plant::BatchStatus status) {
  // "cancelling" is how a running batch answers DELETE; its life has five states
  return to_string(status == plant::BatchStatus::cancelling ? plant::BatchStatus::running : status);
}

Json batch_json(const plant::BatchRecord& batch, const plant::Layout& layout) {
  Json parameters = Json::object();
  Json machines = Json::object();
  for (const plant::Station& station : layout.stations()) {
    if (const auto& values = batch.parameters[station.index])
      parameters[station.parameter_group] = to_json(*station.type, *values);
    const plant::MachineResult& result = batch.machines[station.index];
    machines[station.process_name] = {
        {"status", to_string(result.status)},
        {"steps", result.steps},
        {"outcome", result.outcome ? Json(to_string(*result.outcome)) : Json()},
        {"causes", result.causes},
        {"properties", result.properties.empty()
                           ? Json()
                           : to_json(station.type->model(batch.models).outputs, station.line, result.properties)}};
  }
  Json json{{"batch_id", batch.id},
            {"status", status_name(batch.status)},
            {"created_at", to_text(batch.created_at)},
            {"started_at", time_json(batch.started_at)},
            {"finished_at", time_json(batch.finished_at)},
            {"seed", batch.seed},
            {"models", to_string(batch.models)},
            {"stage", stage_json(batch.lines, layout)},
            {"progress", progress_json(batch.lines)},
            {"parameters", std::move(parameters)},
            {"warnings", batch.warnings},
            {"machines", std::move(machines)},
            {"end_of_line", batch.end_of_line ? to_json(*batch.end_of_line) : Json()}};
  if (!batch.error.empty()) json["error"] = batch.error;
  return json;
}

std::optional<plant::BatchStatus> status_from(std::string_view name) {
  using plant::BatchStatus;
  for (const BatchStatus status : {BatchStatus::queued, BatchStatus::running, BatchStatus::completed,
                                   BatchStatus::failed, BatchStatus::cancelled}) {
    if (to_string(status) == name) return status;
  }
  return std::nullopt;
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
  std::optional<plant::PlantSimulation::Page> page;
  if (errors.empty()) {
    page = plant_.batches(status, order == "asc", limit, after);
    if (!page) Query::add_choice_error("after", *after, "the id of a batch", errors);
  }
  if (!errors.empty()) return invalid(errors);
  Json list = Json::array();
  for (const plant::BatchRecord& batch : page->batches) list.push_back(batch_json(batch, plant_.layout()));
  Json next = page->more ? Json(page->batches.back().id) : Json();
  return json_response(200, Json{{"batches", std::move(list)}, {"next", std::move(next)}});
}

std::optional<Response> Routes::batch(const Call& call) {
  const auto batch = plant_.batch(call.parts.at(0));
  return batch ? json_response(200, batch_json(*batch, plant_.layout())) : unknown_batch();
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
