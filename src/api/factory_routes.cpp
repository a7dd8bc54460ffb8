#include <algorithm>
#include <cmath>

#include "battery_twin/api/json_writer.hpp"
#include "battery_twin/process/mixing.hpp"
#include "event_json.hpp"
#include "routes.hpp"

namespace battery_twin::api {
namespace {

void read_pacing(const Json& body, plant::Pacing& pacing, Errors& errors) {
  const Json loc = Json::array({"body"});
  if (!body.is_object()) {
    errors.add(loc, "dict_type", "Input should be an object", body);
    return;
  }
  for (const auto& [key, value] : body.items()) {
    if (key == "step_interval_ms") {
      if (!value.is_number()) {
        errors.add(join(loc, key), "float_type", "Input should be a valid number", value);
      } else if (const double interval = value.get<double>(); interval < 0) {
        errors.add(join(loc, key), "greater_than_equal", "Input should be greater than or equal to 0", value,
                   {{"ge", 0}});
      } else if (interval > kMaxStepInterval) {
        errors.add(join(loc, key), "less_than_equal",
                   "Input should be less than or equal to " + std::to_string(kMaxStepInterval), value,
                   {{"le", kMaxStepInterval}});
      } else {
        pacing.step_interval = plant::Interval(std::llround(interval * 1000));
      }
    } else if (key == "paused") {
      if (value.is_boolean()) {
        pacing.paused = value.get<bool>();
      } else {
        errors.add(join(loc, key), "bool_type", "Input should be a valid boolean", value);
      }
    } else {
      errors.add(join(loc, key), "extra_forbidden", "Extra inputs are not permitted", value);
    }
  }
}

Response logs_response(const std::vector<plant::Event>& events, const plant::Layout& layout) {
  Json logs = Json::array();
  for (const plant::Event& event : events) logs.push_back(log_json(event, layout));
  const std::size_t count = logs.size();
  return json_response(200, Json{{"logs", std::move(logs)}, {"count", count}});
}

Response acceptance_of(const plant::Accepted& accepted, bool simple, bool paused,
                       const std::vector<std::string>& warnings) {
  Json answer = Json::object();
  if (simple) {
    answer["message"] = "Simulation started";
    answer["batch_id"] = accepted.id;
  } else {
    answer["message"] = accepted.queue_position == 0 ? "Batch " + accepted.id + " started"
                                                     : "Batch " + accepted.id + " was added to the queue";
    answer["batch_id"] = accepted.id;
    answer["queue_position"] = accepted.queue_position;
  }
  if (paused) answer["message"] = answer["message"].get<std::string>() + ". The plant is paused: PATCH /factory/pacing";
  answer["seed"] = accepted.seed;
  answer["warnings"] = warnings;
  return json_response(200, answer);
}

}  // namespace

Response refusal_of(const plant::Refused& refused) {
  using Why = plant::Refused::Why;
  switch (refused.why) {
    case Why::known_id:
      return failure(409, "A batch with the id " + refused.batch_id + " exists already");
    case Why::busy:
      return failure(409, "A simulation is running: batch " + refused.batch_id +
                              " is not finished. Use POST /factory/start to queue further batches");
    case Why::queue_full:
      return busy_for(1, "The queue is full, try again when a batch has started");
    case Why::stopping:
      return busy_for(5, "The server is shutting down and takes no new work");
    case Why::not_kept:
      break;
  }
  return busy_for(5, "The batch could not be stored, so it was not accepted: see the server's log");
}

// The answer comes when the batch is kept for good.
std::optional<Response> Routes::start(plant::BatchRequest request, const Later& later) {
  const bool simple = request.only_when_idle;
  std::vector<std::string> warnings = request.warnings;
  plant_.enqueue(std::move(request), [reply = later(), simple, paused = plant_.pacing().paused,
                                      warnings = std::move(warnings)](const plant::Answer& answer) {
    if (const auto* refused = std::get_if<plant::Refused>(&answer)) return reply(refusal_of(*refused));
    reply(acceptance_of(std::get<plant::Accepted>(answer), simple, paused, warnings));
  });
  return std::nullopt;
}

std::optional<Response> Routes::start_simulation(const Call& call) {
  auto read = read_body(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  Errors errors;
  const Json loc = Json::array({"body"});
  plant::BatchRequest request{.only_when_idle = true};
  request.parameters.resize(plant_.layout().stations().size());
  if (!body.is_object()) {
    errors.add(loc, "dict_type", "Input should be an object", body);
    return invalid(errors);
  }
  for (const auto& [key, value] : body.items()) {
    const auto line = process::line_from(key);
    if (!line || *line == process::Line::cell) {
      errors.add(join(loc, key), "extra_forbidden", "Extra inputs are not permitted", value);
      continue;
    }
    const plant::Station* mixing = plant_.layout().find(*line, process::mixing().name);
    if (mixing == nullptr) {
      errors.add(join(loc, key), "value_error", "Value error, the " + key + " line mixes nothing", value);
      continue;
    }
    process::Values values;
    GroupReader(*mixing, config_.limits, errors, request.warnings).read_all(value, join(loc, key), values);
    request.parameters[mixing->index] = std::move(values);
  }
  for (const process::Line line : {process::Line::anode, process::Line::cathode}) {
    const std::string name{to_string(line)};
    if (!body.contains(name)) errors.add_missing(join(loc, name));
  }
  if (!errors.empty()) return invalid(errors);
  warn_of_settings(
      plant_.layout(), [this](const plant::Station& station) { return plant_.parameters(station); }, config_.limits,
      request);
  return start(std::move(request), call.later);
}

std::optional<Response> Routes::factory_start(const Call& call) {
  auto read = read_body(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  Errors errors;
  plant::BatchRequest request = read_batch_request(
      body, plant_.layout(), [this](const plant::Station& station) { return plant_.parameters(station); },
      config_.limits, errors);
  if (!errors.empty()) return invalid(errors);
  return start(std::move(request), call.later);
}

std::optional<Response> Routes::factory_status(const Call& /*call*/) {
  const plant::PlantStatus status = plant_.status();
  Response response;
  response.body.reserve(2048);
  JsonWriter writer(response.body);
  writer.begin_object().member("state", status.is_idle() ? "idle" : "running").member("accepting", status.accepting);
  writer.key("queue").begin_array();
  for (const std::string& id : status.queue) writer.value(id);
  writer.end_array().key("running").begin_array();
  for (const auto& batch : status.running) {
    writer.begin_object().member("batch_id", batch.id);
    write_stage(writer.key("stage"), batch.lines, plant_.layout());
    write_progress(writer.key("progress"), batch.lines);
    writer.end_object();
  }
  writer.end_array().key("lines").begin_object();
  for (const process::Line line : process::kLines) {
    writer.key(to_string(line)).begin_object();
    for (const plant::Station& station : plant_.layout().stations(line)) {
      const auto& batch_id = status.machines[station.index];
      writer.key(station.type->name).begin_object().member("state", batch_id ? "On" : "Off").key("batch_id");
      if (batch_id)
        writer.value(*batch_id);
      else
        writer.null();
      writer.end_object();
    }
    writer.end_object();
  }
  writer.end_object().key("counters").begin_object();
  writer.member("accepted", status.counters.accepted)
      .member("completed", status.counters.completed)
      .member("failed", status.counters.failed)
      .member("cancelled", status.counters.cancelled)
      .member("scrapped", status.counters.scrapped)
      .end_object();
  const auto interval = static_cast<std::uint64_t>(status.pacing.step_interval.count());
  writer.key("pacing").begin_object().key("step_interval_ms");
  if (interval % 1000 == 0)
    writer.value(interval / 1000);
  else
    writer.thousandths(interval);
  writer.member("paused", status.pacing.paused).end_object();
  writer.member("models", to_string(plant_.config().models)).key("uptime_s").thousandths(uptime_ms());
  writer.member("version", config_.version).end_object();
  return response;
}

std::optional<Response> Routes::factory_logs(const Call& call) {
  const DeclaredQuery query = call.query();
  Errors errors;
  const auto limit = query.integer("limit", errors).value_or(0);
  const auto since = query.integer("since_seq", errors).value_or(0);
  const auto level = query.choice("level", errors);
  const auto batch_id = query.text("batch_id");
  const auto machine = query.text("machine");
  std::optional<std::vector<std::size_t>> stations;
  if (machine) {
    stations.emplace();
    for (const plant::Station& station : plant_.layout().stations()) {
      if (station.process_name == *machine || station.type->name == *machine) stations->push_back(station.index);
    }
    if (stations->empty())
      Query::add_choice_error("machine", *machine, "a machine, as in mixing, or its process name, as in mixing_anode",
                              errors);
  }
  if (!errors.empty()) return invalid(errors);
  const plant::Level least = plant::level_from(level.value()).value();

  broadcaster_.pump_some();
  std::vector<plant::Event> found;
  const auto& history = broadcaster_.history();
  for (auto event = history.rbegin(); event != history.rend() && event->seq > since && found.size() < limit; ++event) {
    if (event->level() < least || (batch_id && event->batch_id != *batch_id)) continue;
    if (stations && (!event->station || std::ranges::find(*stations, *event->station) == stations->end())) continue;
    found.push_back(*event);
  }
  const bool has_all = found.size() == limit || history.empty() || history.front().seq <= since + 1;
  if (config_.store == nullptr || has_all) {
    std::ranges::reverse(found);
    return logs_response(found, plant_.layout());
  }
  store::EventFilter filter{.since_seq = since,
                            .least = least,
                            .batch_id = std::optional<std::string>(batch_id),
                            .stations = std::move(stations),
                            .limit = limit};
  return give_to(clerk_, call.later, [this, filter = std::move(filter)] {
    return logs_response(config_.store->events(filter), plant_.layout());
  });
}

std::optional<Response> Routes::factory_reset(const Call& call) {
  plant_.reset([this, reply = call.later()](std::vector<std::string> ids) {
    const Later same_reply = [&reply] { return reply; };
    auto answer =
        once_kept(same_reply, json_response(200, Json{{"message", "The factory was reset"}, {"cancelled", ids}}));
    if (answer) reply(std::move(*answer));
  });
  return std::nullopt;
}

std::optional<Response> Routes::factory_pacing(const Call& call) {
  auto read = read_body(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  Errors errors;
  plant::Pacing pacing = plant_.pacing();
  read_pacing(body, pacing, errors);
  if (!errors.empty()) return invalid(errors);
  plant_.set_pacing(pacing);
  return once_kept(call.later,
                   json_response(200, Json{{"message", "The pacing was changed"}, {"pacing", pacing_json()}}));
}

Json Routes::pacing_json() const {
  const plant::Pacing pacing = plant_.pacing();
  return {{"step_interval_ms", number(static_cast<double>(pacing.step_interval.count()) / 1000)},
          {"paused", pacing.paused}};
}

}  // namespace battery_twin::api
