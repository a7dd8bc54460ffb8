#include "broadcaster.hpp"

#include <algorithm>
#include <new>

#include "event_json.hpp"

namespace battery_twin::api {
namespace {

using Text = std::shared_ptr<const std::string>;

constexpr std::string_view kForgotten = "Some events are not in the message queue any more";
constexpr std::size_t kReplayedAtOnce = 64;  // messages a client gets from the past before its queue must run empty
constexpr unsigned kTicksPerProgress = 4;
constexpr std::size_t kBundle = 32 * 1024;  // bytes of text, about: what a client's socket takes at once
// Events times clients in one turn of the loop, some ten milliseconds of work; but enough events that one write to a
// client carries several, and not more than make a client's backlog.
constexpr std::size_t kSentAtOnce = 16'384;
constexpr std::size_t kFewest = 16;
constexpr std::size_t kMost = 512;

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }
Text text_of(const Json& message) { return shared(dump(message)); }

std::string_view line_of(const plant::Event& event, const plant::Layout& layout) {
  if (event.station) return to_string(layout.stations()[*event.station].line);
  switch (event.type) {
    case plant::EventType::batch_started_anode_line:
    case plant::EventType::batch_completed_anode_line:
      return to_string(process::Line::anode);
    case plant::EventType::batch_started_cathode_line:
    case plant::EventType::batch_completed_cathode_line:
      return to_string(process::Line::cathode);
    case plant::EventType::batch_started_cell_line:
    case plant::EventType::batch_completed_cell_line:
      return to_string(process::Line::cell);
    default:
      return {};
  }
}

}  // namespace

// A client first reads the past out of the history, in parts, as fast as it takes them; from then on it is live and
// gets every new event when it comes.
class Broadcaster::Client final : public Feed {
 public:
  Client(Broadcaster& broadcaster, const DeclaredQuery& query, Sink& sink) : sink_(sink), broadcaster_(broadcaster) {
    Errors ignored;  // `check` has looked before
    telemetry_ = query.flag("telemetry", ignored);
    const auto since = query.integer("since", ignored);
    const auto replay = query.integer("replay", ignored);
    newest_at_start_ = broadcaster.newest_;
    if (since) {
      start_after(*since, broadcaster.oldest());
    } else {
      const std::uint64_t count = std::min<std::uint64_t>(replay.value_or(0), broadcaster.history_.size());
      next_ = newest_at_start_ + 1 - count;
    }
    broadcaster_.clients_.push_back(this);
  }
  ~Client() override { std::erase(broadcaster_.clients_, this); }

  void refill() override {
    if (live_) return;
    for (std::size_t sent = 0; sent < kReplayedAtOnce;) {
      const std::uint64_t oldest = broadcaster_.oldest();
      if (next_ < oldest) {  // too slow: what it should get next has been forgotten
        send_gap(next_, oldest - 1, kForgotten);
        next_ = oldest;
      }
      if (next_ > broadcaster_.newest_) {
        live_ = true;
        return;
      }
      const plant::Event& event = broadcaster_.history_[next_ - oldest];
      ++next_;
      if (!wants(event)) continue;
      sink_.send(shared(event_text(event, broadcaster_.plant_.layout(), event.seq <= newest_at_start_)));
      ++sent;
    }
  }

  std::string on_text(std::string_view text) override {
    if (text.find("\"subscribe\"") != std::string_view::npos) {
      const auto parsed = parse_json(text);
      const Json* document = std::get_if<Json>(&parsed);
      if (document != nullptr && document->is_object() && document->contains("subscribe")) {
        const auto error = subscription_.read(document->at("subscribe"), broadcaster_.plant_.layout());
        return dump(
            message_json(kPlantProcess, error ? "error" : "subscribed", plant::now(),
                         {{"batch_id", nullptr}, {"message", error ? *error : "The subscription was changed"}}));
      }
    }
    return "Echo: " + std::string(text);
  }

  [[nodiscard]] bool wants(const plant::Event& event) const {
    if (subscription_.wants_all()) return true;
    const plant::Layout& layout = broadcaster_.plant_.layout();
    return subscription_.wants(to_string(event.type), event.station ? &layout.stations()[*event.station] : nullptr,
                               line_of(event, layout), event.batch_id);
  }
  [[nodiscard]] const Subscription& subscription() const { return subscription_; }
  [[nodiscard]] bool telemetry() const { return telemetry_; }
  [[nodiscard]] bool live() const { return live_; }
  /// It has not read that event out of the history.
  [[nodiscard]] bool owed(const plant::Event& event) const { return live_ && event.seq >= next_; }
  /// It gets all that comes from that event on.
  [[nodiscard]] bool owed_all(const plant::Event& first) const { return owed(first) && subscription_.wants_all(); }
  void send(const Text& text) { sink_.send(text); }
  void send_all(Bundle& bundle) { sink_.send_all(bundle); }

 private:
  // Exactly the events after `since`; what of them is gone, or cannot be known, is a gap.
  void start_after(std::uint64_t since, std::uint64_t oldest) {
    if (since > newest_at_start_) {
      send_gap(oldest, newest_at_start_, "The number asked for is above the newest event; all that is kept follows");
      next_ = oldest;
    } else if (since + 1 < oldest) {
      send_gap(since + 1, oldest - 1, kForgotten);
      next_ = oldest;
    } else {
      next_ = since + 1;
    }
  }

  void send_gap(std::uint64_t from, std::uint64_t to, std::string_view message) {
    sink_.send(text_of(message_json(kPlantProcess, "gap", plant::now(),
                                    {{"batch_id", nullptr}, {"message", message}, {"from", from}, {"to", to}})));
  }

  // What every event asks for stands together: with many clients most of the time goes into fetching it from memory.
  Sink& sink_;
  bool live_ = false;
  bool telemetry_ = false;
  Subscription subscription_;
  Broadcaster& broadcaster_;
  std::uint64_t next_ = 1;  // while not live; then the first that comes to it live
  std::uint64_t newest_at_start_ = 0;
};

Broadcaster::Broadcaster(plant::PlantSimulation& plant, plant::EventQueue& events, std::size_t capacity,
                         std::function<void(const plant::Event&)> on_event, std::vector<plant::Event> history)
    : plant_(plant),
      events_(events),
      capacity_(capacity),
      on_event_(std::move(on_event)),
      history_(std::make_move_iterator(history.begin()), std::make_move_iterator(history.end())),
      sent_versions_(plant.layout().stations().size(), 0) {}

void Broadcaster::check(const DeclaredQuery& query, Errors& errors) {
  (void)query.integer("since", errors);
  (void)query.integer("replay", errors);
  (void)query.flag("telemetry", errors);
}

std::unique_ptr<Feed> Broadcaster::open(const DeclaredQuery& query, Sink& sink) {
  pump_some();  // so that what has just happened is past to the client; what is still queued then comes to it live
  if (std::ranges::none_of(clients_, &Client::telemetry)) {
    // Nobody has looked since: what the machines show now is not news.
    for (const plant::Station& station : plant_.layout().stations())
      sent_versions_[station.index] = plant_.machine(station).version;
  }
  return std::make_unique<Client>(*this, query, sink);
}

void Broadcaster::pump() {
  while (pump_some()) {
  }
}

bool Broadcaster::pump_some() {
  if (passed_on_ == fresh_.size()) {
    fresh_ = events_.drain(std::clamp(kSentAtOnce / std::max<std::size_t>(clients_.size(), 1), kFewest, kMost));
    passed_on_ = 0;
    remember();
  }
  pass_on();
  return !events_.empty();
}

// All of them first: whatever happens while they are sent, the history has no holes.
void Broadcaster::remember() {
  for (const plant::Event& event : fresh_) {
    try {
      history_.push_back(event);
      if (history_.size() > capacity_) history_.pop_front();
    } catch (const std::bad_alloc&) {
      history_.clear();  // what was kept makes room for what comes; who wants it is told of a gap
    }
    newest_ = event.seq;
  }
}

void Broadcaster::pass_on() {
  while (passed_on_ < fresh_.size()) {
    const std::span<const plant::Event> events = send_bundle();
    passed_on_ += events.size();
    if (!on_event_) continue;
    for (const plant::Event& event : events) on_event_(event);
  }
}

// The next events, to all clients: most want all, and are given the same bytes. An exception, for want of memory,
// leaves before anybody has got anything: the next call begins with the same event.
std::span<const plant::Event> Broadcaster::send_bundle() {
  std::span<const plant::Event> events = std::span(fresh_).subspan(passed_on_);
  if (clients_.empty()) return events;
  Bundle bundle;
  for (std::size_t size = 0; size < kBundle && bundle.texts.size() < events.size();) {
    bundle.texts.push_back(shared(event_text(events[bundle.texts.size()], plant_.layout(), false)));
    size += bundle.texts.back()->size();
  }
  events = events.first(bundle.texts.size());
  const auto takes_all = [&](const Client* client) { return client->owed_all(events.front()); };
  for (Client* client : clients_) {
    if (takes_all(client)) client->send_all(bundle);
  }
  for (Client* client : clients_) {
    if (takes_all(client)) continue;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (client->owed(events[i]) && client->wants(events[i])) client->send(bundle.texts[i]);
    }
  }
  return events;
}

void Broadcaster::tick() {
  if (clients_.empty()) return;
  send_telemetry();
  if (++ticks_ % kTicksPerProgress == 0) send_progress();
}

void Broadcaster::send_telemetry() {
  if (std::ranges::none_of(clients_, &Client::telemetry)) return;
  for (const plant::Station& station : plant_.layout().stations()) {
    const plant::MachineSnapshot snapshot = plant_.machine(station);
    std::uint64_t& sent = sent_versions_[station.index];
    if (snapshot.version == sent || snapshot.steps == 0) continue;
    sent = snapshot.version;
    Text text;
    for (Client* client : clients_) {
      if (!client->telemetry() || !client->live() ||
          !client->subscription().wants("data_generated", &station, to_string(station.line), *snapshot.batch_id))
        continue;
      if (!text) text = shared(telemetry_text(station, snapshot));
      client->send(text);
    }
  }
}

void Broadcaster::send_progress() {
  const plant::PlantStatus status = plant_.status();
  std::vector<std::pair<std::string, std::string>> sent;
  for (const auto& running : status.running) {
    std::string progress;
    JsonWriter progress_writer(progress);
    write_progress(progress_writer, running.lines);
    sent.emplace_back(running.id, progress);
    if (std::ranges::find(sent_progress_, sent.back()) != sent_progress_.end()) continue;
    const Text text = shared(progress_text(running, plant_.layout()));
    for (Client* client : clients_) {
      if (client->live() && client->subscription().wants("batch_progress", nullptr, {}, running.id)) client->send(text);
    }
  }
  sent_progress_ = std::move(sent);
}

}  // namespace battery_twin::api
