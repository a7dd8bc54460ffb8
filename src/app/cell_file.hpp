#pragma once

#include <string>

#include "battery_twin/process/cell_design.hpp"

namespace battery_twin::app {

/// A built-in cell design by its name, or one from a JSON file: an object with any of the design's fields; those it
/// does not name are pouch_5Ah's. `config/cells` has the built-in ones as files.
/// @throws std::runtime_error  one sentence, when there is no such design or the file is wrong
[[nodiscard]] process::CellDesign read_cell(const std::string& name_or_path);

}  // namespace battery_twin::app
