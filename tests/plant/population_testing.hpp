#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/plant/population.hpp"
#include "battery_twin/plant/run.hpp"
#include "plant_testing.hpp"

// Recipes of the mechanistic plant, and populations of cells made by them.

namespace battery_twin::plant::testing::populations {

using process::CellDesign;
using process::EndOfLine;
using process::kCellFigures;
using process::kFigures;
using process::Line;
using process::ModelSet;
using process::Values;

using Recipe = std::vector<std::optional<Values>>;

inline const CellDesign& pouch() { return process::cell_designs()[0]; }
inline const CellDesign& round_cell() { return process::cell_designs()[1]; }

/// The default recipe of the mechanistic plant, to be changed.
inline Recipe default_recipe(ModelSet models = ModelSet::mechanistic) {
  Recipe recipe;
  for (const Station& station : standard_layout().stations())
    recipe.emplace_back(station.type->defaults(models, station.line));
  return recipe;
}

inline std::optional<double>& value_of(Recipe& recipe, std::string_view process_name, std::string_view field) {
  const Station* station = standard_layout().find_process(process_name);
  if (station == nullptr) throw std::invalid_argument("no such station: " + std::string(process_name));
  return recipe[station->index].value()[station->type->index_of(field).value()];
}

inline Recipe with(Recipe recipe, std::string_view process_name, std::string_view field, double value) {
  value_of(recipe, process_name, field) = value;
  return recipe;
}

inline Recipe scaled(Recipe recipe, std::string_view process_name, std::string_view field, double factor) {
  value_of(recipe, process_name, field).value() *= factor;
  return recipe;
}

inline void set_ratios(Recipe& recipe, std::string_view process_name, const std::array<double, 4>& ratios) {
  recipe[standard_layout().find_process(process_name)->index] = Values(ratios.begin(), ratios.end());
}

/// The first example of the README, and the third with it.
inline std::array<Recipe, 2> readme_recipes() {
  std::array recipes{default_recipe(), default_recipe()};
  for (Recipe& recipe : recipes) {
    set_ratios(recipe, "mixing_anode", {0.8, 0.1, 0.05, 0.05});
    set_ratios(recipe, "mixing_cathode", {0.9, 0.05, 0.03, 0.02});
  }
  set_ratios(recipes[1], "mixing_anode", {0.85, 0.08, 0.04, 0.03});
  recipes[1] = with(recipes[1], "coating_anode", "coating_speed", 0.1);
  recipes[1] = with(recipes[1], "coating_anode", "gap_height", 0.0002);
  recipes[1] = with(recipes[1], "coating_anode", "flow_rate", 0.000005);
  return recipes;
}

inline std::vector<BatchFigures> run(const Recipe& recipe, std::vector<std::uint64_t> seeds,
                                     PopulationConfig config = {}) {
  const Population population(standard_layout(), std::move(config), recipe);
  std::vector<BatchFigures> results;
  for (std::size_t i = 0; i < seeds.size(); i += Population::kBatches) {
    const std::size_t count = std::min(Population::kBatches, seeds.size() - i);
    for (BatchFigures& result : population.run(std::span(seeds).subspan(i, count)))
      results.push_back(std::move(result));
  }
  return results;
}

inline std::vector<std::uint64_t> seeds_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> seeds(count);
  for (std::size_t i = 0; i < count; ++i) seeds[i] = first + i;
  return seeds;
}

inline void tell_cells(const Population& population, std::span<const std::uint64_t> seeds,
                       const std::function<void(const CellBlock&)>& tell) {
  static_cast<void>(population.run(seeds, tell));
}

/// The figures of a batch's nominal cell, good or not.
inline EndOfLine nominal_of(const Recipe& recipe, std::uint64_t seed, PopulationConfig config) {
  config.cells = 1;
  EndOfLine figures;
  tell_cells(Population(standard_layout(), std::move(config), recipe), std::array{seed}, [&](const CellBlock& block) {
    for (std::size_t i = 0; i < kCellFigures.size(); ++i) figures.*kCellFigures[i].mean = block.figures[i].lane[0];
  });
  return figures;
}

/// Without noise.
inline EndOfLine nominal(const Recipe& recipe, const CellDesign& design = pouch()) {
  return nominal_of(recipe, 1, {.design = design, .noise = false});
}

inline bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace battery_twin::plant::testing::populations
