#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/api/json.hpp"
#include "battery_twin/plant/layout.hpp"

namespace battery_twin::api {

inline constexpr std::size_t kMaxFilterEntries = 100;  ///< in one list
inline constexpr std::size_t kMaxFilterLength = 64;    ///< of one of them

/// What a client wants to hear of. An empty list lets everything pass; the lists narrow each other.
class Subscription {
 public:
  /// Reads the value of "subscribe": `{"event","line","machine","batch_id"}`, each a string or a list of strings.
  /// @return what is wrong with it, or nothing; then the subscription has changed
  [[nodiscard]] std::optional<std::string> read(const Json& filter, const plant::Layout& layout);

  /// @param station  of the machine concerned, or nullptr
  /// @param line     of the line concerned ("anode", …), or empty
  [[nodiscard]] bool wants(std::string_view event, const plant::Station* station, std::string_view line,
                           std::string_view batch_id) const;

  /// Nothing is kept from the client, so that `wants` need not be asked.
  [[nodiscard]] bool wants_all() const { return wants_all_; }

 private:
  struct Lists {
    std::vector<std::string> events, lines, machines, batch_ids;
  };
  bool wants_all_ = true;
  Lists lists_;
};

}  // namespace battery_twin::api
