#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace battery_twin::process {

/// The three production lines. Anode and cathode make electrodes side by side; the cell line joins one of each.
enum class Line : std::uint8_t { anode, cathode, cell };

inline constexpr std::array kLines{Line::anode, Line::cathode, Line::cell};

/// Which equations the machines follow. Values are published, so their names never change.
enum class ModelSet : std::uint8_t {
  reference,    ///< the Python server's, to the last bit
  mechanistic,  ///< published physics, with process noise
};

inline constexpr std::array kModelSets{ModelSet::reference, ModelSet::mechanistic};

/// "anode", "cathode", "cell".
[[nodiscard]] std::string_view to_string(Line line);

/// "reference", "mechanistic".
[[nodiscard]] std::string_view to_string(ModelSet models);

/// The line of that name, or nothing where there is none.
[[nodiscard]] std::optional<Line> line_from(std::string_view name);

/// The model set of that name, or nothing where there is none.
[[nodiscard]] std::optional<ModelSet> model_set_from(std::string_view name);

}  // namespace battery_twin::process
