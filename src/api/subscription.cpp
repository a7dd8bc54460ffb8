#include "subscription.hpp"

#include <algorithm>

#include "battery_twin/plant/event.hpp"

namespace battery_twin::api {
namespace {

bool passes(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

// Characters, as JSON Schema counts them; the text is UTF-8.
std::size_t length_of(const std::string& text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

bool is_event(std::string_view name) {
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    if (to_string(static_cast<plant::EventType>(i)) == name) return true;
  }
  return name == "batch_progress" || name == "data_generated";
}

bool is_machine(std::string_view name, const plant::Layout& layout) {
  return std::ranges::any_of(layout.stations(), [&](const plant::Station& station) {
    return station.process_name == name || station.type->name == name;
  });
}

}  // namespace

std::optional<std::string> Subscription::read(const Json& filter, const plant::Layout& layout) {
  if (!filter.is_object()) return "subscribe should be an object";
  Lists lists;
  for (const auto& [key, value] : filter.items()) {
    std::vector<std::string>* list = key == "event"      ? &lists.events
                                     : key == "line"     ? &lists.lines
                                     : key == "machine"  ? &lists.machines
                                     : key == "batch_id" ? &lists.batch_ids
                                                         : nullptr;
    if (list == nullptr) return "subscribe takes event, line, machine and batch_id only";
    const Json values = value.is_array() ? value : Json::array({value});
    if (values.size() > kMaxFilterEntries)
      return key + " takes at most " + std::to_string(kMaxFilterEntries) + " values";
    for (const Json& one : values) {
      if (!one.is_string() || length_of(one.get_ref<const std::string&>()) > kMaxFilterLength)
        return key + " should be a string of at most 64 characters or a list of those";
      list->push_back(one.get<std::string>());
    }
  }
  if (!std::ranges::all_of(lists.events, is_event)) return "event names an event that does not exist";
  if (!std::ranges::all_of(lists.lines, [](const auto& name) { return process::line_from(name).has_value(); }))
    return "line should be anode, cathode or cell";
  if (!std::ranges::all_of(lists.machines, [&](const auto& name) { return is_machine(name, layout); }))
    return "machine names a machine that does not exist";
  lists_ = std::move(lists);
  wants_all_ = lists_.events.empty() && lists_.lines.empty() && lists_.machines.empty() && lists_.batch_ids.empty();
  return std::nullopt;
}

bool Subscription::wants(std::string_view event, const plant::Station* station, std::string_view line,
                         std::string_view batch_id) const {
  if (!passes(lists_.events, event) || !passes(lists_.batch_ids, batch_id) || !passes(lists_.lines, line)) return false;
  if (lists_.machines.empty()) return true;
  return station != nullptr &&
         (passes(lists_.machines, station->process_name) || passes(lists_.machines, station->type->name));
}

}  // namespace battery_twin::api
