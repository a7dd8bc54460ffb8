#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/api/handler.hpp"
#include "battery_twin/plant/event_queue.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "declared_query.hpp"
#include "subscription.hpp"

namespace battery_twin::api {

inline constexpr std::string_view kWebSocketPath = "/ws/status";

inline constexpr std::array<QueryField, 4> kWebSocketQuery{{
    {.name = "replay",
     .description = "How many of the last life-cycle events come first, marked as replayed. Not looked at with since.",
     .kind = QueryField::Kind::integer,
     .fallback = "100",
     .high = std::numeric_limits<std::uint64_t>::max()},
    {.name = "since",
     .description = "The last seq that the client has: exactly the events after it come first. A message with the "
                    "status gap stands for those that are not kept any more.",
     .kind = QueryField::Kind::integer,
     .high = std::numeric_limits<std::uint64_t>::max()},
    {.name = "telemetry",
     .description = "Also send data_generated: the machines' values, at most 20 times a second each.",
     .kind = QueryField::Kind::flag,
     .fallback = "0"},
    {.name = "access_token",
     .description = "The access token of a client that can set no Authorization field, as a browser's script.",
     .kind = QueryField::Kind::text},
}};

/// Turns what the plant tells into messages, each serialised once for all clients, and keeps the last ones for those
/// who come later. Lives on the I/O thread.
class Broadcaster {
 public:
  /// @param capacity  life-cycle events that are kept
  /// @param history   those from before the plant
  Broadcaster(plant::PlantSimulation& plant, plant::EventQueue& events, std::size_t capacity,
              std::function<void(const plant::Event&)> on_event, std::vector<plant::Event> history);

  /// Takes the new events out of the queue and sends them.
  void pump();
  /// As many of them as the thread may be held up for. True when there are more.
  bool pump_some();
  /// Sends what changed since the last tick: telemetry every time, progress every few times.
  void tick();

  /// Checks `replay`, `since` and `telemetry`.
  static void check(const DeclaredQuery& query, Errors& errors);
  std::unique_ptr<Feed> open(const DeclaredQuery& query, Sink& sink);

  [[nodiscard]] const std::deque<plant::Event>& history() const { return history_; }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  class Client;

  void remember();
  void pass_on();
  std::span<const plant::Event> send_bundle();
  /// Of the oldest event that is kept, or of the next one where none is.
  [[nodiscard]] std::uint64_t oldest() const { return history_.empty() ? newest_ + 1 : history_.front().seq; }
  void send_progress();
  void send_telemetry();

  plant::PlantSimulation& plant_;
  plant::EventQueue& events_;
  std::size_t capacity_;
  std::function<void(const plant::Event&)> on_event_;
  std::deque<plant::Event> history_;  // oldest first, sequence numbers without holes up to the newest
  std::uint64_t newest_ = 0;          // the last number that was given to the history
  std::vector<plant::Event> fresh_;   // in the history already, on their way to the live clients
  std::size_t passed_on_ = 0;         // of them
  std::vector<Client*> clients_;
  std::vector<std::uint64_t> sent_versions_;                        // of each machine's snapshot
  std::vector<std::pair<std::string, std::string>> sent_progress_;  // of each running batch
  unsigned ticks_ = 0;
};

}  // namespace battery_twin::api
