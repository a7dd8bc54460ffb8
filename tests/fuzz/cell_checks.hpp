#pragma once

#include <cmath>
#include <string_view>

#include "../../src/http/characters.hpp"
#include "battery_twin/process/cell_design.hpp"
#include "fuzzing.hpp"

namespace battery_twin::fuzz {

/// A design that was accepted.
inline void check_design(process::CellDesign design) {
  require(!design.name.empty() && design.name.size() <= 64, "a design has a name");
  require(std::ranges::all_of(design.name, http::is_field_char), "a design's name has no control characters");
  const auto fields = process::cell_design_fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const double value = process::cell_design_value(design, i);
    require(std::isfinite(value) && fields[i].hard.contains(value), "an accepted number is in its hard range");
  }
  require(design.faces == 1 || design.faces == 2, "a foil has one coated face or two");
}

/// What is said to whoever started the program.
inline void check_sentence(std::string_view text) {
  require(!text.empty() && text.size() < 1000, "what is wrong with a file is said in a sentence");
  require(std::ranges::all_of(text, http::is_field_char), "which has no control characters");
}

}  // namespace battery_twin::fuzz
