#include <algorithm>
#include <memory>

#include "../routes.hpp"
#include "../time_text.hpp"
#include "envelope.hpp"
#include "status.hpp"

// The plant as a whole: its state, a batch, a reset.

namespace battery_twin::api {
namespace {

constexpr std::size_t kLongestElectrode = 64;    // bytes of a name that is told back
constexpr std::chrono::seconds kLongestWait{5};  // of a reset, for the plant to be idle
constexpr std::size_t kLongQueue = 1000;         // that takes half a millisecond to write

// What a state is written from, all of one moment.
struct State {
  plant::PlantStatus plant;
  std::vector<plant::MachineSnapshot> snapshots;           // of all stations
  std::vector<std::optional<plant::BatchRecord>> running;  // in the plant's order
  std::vector<std::string> machines;                       // written
};

Response response_of(const State& state, const plant::Layout& layout) {
  Response response;
  response.body.reserve(16 * 1024);
  JsonWriter writer(response.body);
  writer.begin_object().member("success", true).member("message", "The plant's state now");
  writer.key("data").begin_object().key("batch_requests").begin_array();
  for (const std::string& id : state.plant.queue)
    compat::write_batch(writer, id, std::nullopt, state.snapshots, layout);
  writer.end_array().key("running_batches").begin_array();
  for (std::size_t i = 0; i < state.running.size(); ++i)
    compat::write_batch(writer, state.plant.running[i].id, state.running[i], state.snapshots, layout);
  writer.end_array().key("machine_statuses").begin_array();
  for (const std::string& machine : state.machines) writer.written(machine);
  writer.end_array().end_object().end_object();
  return response;
}

Response is_reset() { return compat::success("The plant was reset"); }

Response reset_timed_out() {
  return compat::refusal("The plant was not reset: batches are still running", "RESET_TIMEOUT");
}

}  // namespace

// Between two steps there is nothing new but the time.
std::string Routes::compat_machine_text(const plant::Station& station) {
  const std::uint64_t changes = plant_.changes(station);
  KeptStatus& kept = compat_statuses_[station.index];
  if (kept.rest.empty() || kept.changes != changes) {
    kept = {changes,
            compat::status_after_timestamp(names_.of(station), plant_.machine(station), plant_.parameters(station))};
  }
  std::string text;
  text.reserve(kept.rest.size() + 64);
  text.append("{\"timestamp\":\"").append(TimeText(plant::now()).view()).append("\",").append(kept.rest);
  return text;
}

std::optional<Response> Routes::compat_state(const Call& call) {
  const auto state = std::make_shared<State>(State{plant_.status(), {}, {}, {}});
  for (const plant::Station& station : plant_.layout().stations()) state->snapshots.push_back(plant_.machine(station));
  for (const auto& batch : state->plant.running) state->running.push_back(plant_.batch(batch.id));
  for (const plant::Station& station : plant_.layout().stations())
    state->machines.push_back(compat_machine_text(station));
  if (state->plant.queue.size() <= kLongQueue) return response_of(*state, plant_.layout());
  return make_aside(call.later, [this, state] { return response_of(*state, plant_.layout()); });
}

std::optional<Response> Routes::compat_plant_state(const Call& /*call*/) {
  Response response;
  response.body.reserve(8 * 1024);
  JsonWriter writer(response.body);
  writer.begin_object();
  for (const process::Line line : process::kLines) {
    writer.key(to_string(line)).begin_object();
    for (const plant::Station& station : plant_.layout().stations(line))
      writer.key(station.type->name).written(compat_machine_text(station));
    writer.end_object();
  }
  writer.end_object();
  return response;
}

plant::BatchRequest Routes::plain_request() const {
  Errors errors;  // of an empty object there are none
  return read_batch_request(
      Json::object(), plant_.layout(), [this](const plant::Station& station) { return plant_.parameters(station); },
      config_.limits, errors);
}

std::optional<Response> Routes::compat_enqueue(const Later& later,
                                               std::function<Response(const std::string& id)> accepted) {
  plant_.enqueue(plain_request(), [reply = later(), accepted = std::move(accepted)](const plant::Answer& answer) {
    if (const auto* success = std::get_if<plant::Accepted>(&answer)) return reply(accepted(success->id));
    const auto& refused = std::get<plant::Refused>(answer);
    if (refused.why == plant::Refused::Why::queue_full)
      return reply(compat::refusal("The queue is full, try again when a batch has started", "BATCH_LIMIT"));
    reply(refusal_of(refused));
  });
  return std::nullopt;
}

std::optional<Response> Routes::compat_start(const Call& call) {
  return compat_enqueue(call.later, [](const std::string& id) {
    return compat::success("Batch " + id + " was added to the queue", {{"batch_id", id}});
  });
}

std::optional<Response> Routes::compat_start_mixing(const Call& call) {
  Json electrode;
  if (!call.body.empty() && call.body != "null") {
    auto read = compat::read_object(call);
    if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
    electrode = std::get<Json>(read).value("electrode_type", Json());
  }
  if (!electrode.is_null() &&
      (!electrode.is_string() || electrode.get_ref<const std::string&>().size() > kLongestElectrode))
    return compat::unprocessable({"body", "electrode_type"}, "str type expected", "type_error.str");
  return compat_enqueue(call.later, [electrode](const std::string& id) {
    return compat::success("Batch " + id + " was added to the queue: mixing is its first step",
                           {{"data", {{"batch_id", id}, {"electrode_type", electrode}}}});
  });
}

std::optional<Response> Routes::compat_start_batch(const Call& call) { return start(plain_request(), call.later); }

std::optional<Response> Routes::compat_reset(const Call& call) {
  waiting_resets_.push_back({std::chrono::steady_clock::now() + kLongestWait, call.later()});
  tick();
  return std::nullopt;
}

void Routes::tick() {
  if (waiting_resets_.empty()) return;
  const bool is_done = plant_.reset_if_idle();
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiting_resets_, [&](WaitingReset& waiting) {
    if (is_done) {
      const Later same_reply = [&waiting] { return waiting.reply; };
      if (auto answer = once_kept(same_reply, is_reset())) waiting.reply(std::move(*answer));
      return true;
    }
    // A plant that stops will not be idle in time.
    if (!draining_ && now < waiting.deadline) return false;
    waiting.reply(reset_timed_out());
    return true;
  });
}

}  // namespace battery_twin::api
