#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/process/line.hpp"
#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::plant {

/// A machine's place in the plant.
struct Station {
  std::size_t index;  ///< its place in `Layout::stations`
  process::Line line;
  const process::MachineType* type;  ///< never null
  std::string process_name;          ///< "mixing_anode"
  std::string parameter_group;       ///< "anode_mixing_params"; on the cell line "rewinding_params"
};

/// Which machine types stand in which line, in the order a batch meets them. Immutable once built.
class Layout {
 public:
  using Types = std::vector<const process::MachineType*>;

  /// @param electrode_line  machines of the anode line and, again, of the cathode line; not empty
  /// @param cell_line       machines after the merge; not empty
  /// @throws std::invalid_argument  for an empty line or a type that stands twice in one
  Layout(const Types& electrode_line, const Types& cell_line);

  [[nodiscard]] std::span<const Station> stations() const { return stations_; }
  [[nodiscard]] std::span<const Station> stations(process::Line line) const;
  /// The station of a machine type on a line, or nullptr.
  [[nodiscard]] const Station* find(process::Line line, std::string_view machine) const;
  [[nodiscard]] const Station* find_process(std::string_view process_name) const;
  [[nodiscard]] const Station* find_group(std::string_view parameter_group) const;

 private:
  std::vector<Station> stations_;
  std::array<std::size_t, process::kLines.size() + 1> first_{};
};

/// The plant that is served. A further machine type is one more line in its definition.
[[nodiscard]] const Layout& standard_layout();

}  // namespace battery_twin::plant
