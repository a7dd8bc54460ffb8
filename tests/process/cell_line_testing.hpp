#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "mechanistic_testing.hpp"

// How tests run slitting, inspection, winding and filling: what a web and a cell go through behind the calender.
namespace battery_twin::process::testing::cell_line {

inline Line line_of(const MachineType& type) {
  return &type == &slitting() || &type == &inspection() ? Line::cathode : Line::cell;
}

/// The 5 Ah pouch behind the calender, and wound.
inline Product preset() {
  Product product;
  for (const Line line : {Line::anode, Line::cathode}) {
    const bool anode = line == Line::anode;
    Web& web = product.web(line);
    web.coated_width = 0.5;
    web.thickness = web.target_thickness = anode ? 74.3e-6 : 63.9e-6;
    web.porosity = anode ? 0.330 : 0.281;
    web.solid_loading = anode ? 0.10907 : 0.19975;
    web.solid_density = anode ? 2190.5 : 4346.6;
    web.width = 0.058;
    web.burr_height = 2.5e-6;
    web.defect_density = 0.2;
  }
  product.cell.width = 0.058;
  product.cell.area = 0.058 * 2.666;
  product.cell.porosity = 0.3222;
  product.cell.thickness = 333.4e-6;
  product.cell.wound_length = 1.333;
  return product;
}

/// A machine and what it starts from: by default its own parameters, the preset, and no noise.
struct Trial {
  const MachineType& type;
  Line line = line_of(type);
  Values values = type.defaults(ModelSet::mechanistic, line);
  Product upstream = preset();
  CellDesign design = cell_designs().front();
  std::optional<std::uint64_t> seed{};

  Trial with(std::string_view field, double value) && {
    values[type.index_of(field).value()] = value;
    return *this;
  }

  [[nodiscard]] Done paced() const { return Machine{type, line, upstream, design, seed, values}.paced(); }

  /// As studies do: eight cells that differ by their noise.
  [[nodiscard]] std::vector<Done> block(bool literal, bool noise) const {
    const auto parameters = mechanistic(type).prepare(values);
    ProductBlock block{};
    for (std::size_t i = 0; i < kLanes; ++i) set_cell(block, i, upstream);
    CellPack unset;
    unset.lane.fill(std::numeric_limits<double>::quiet_NaN());
    std::vector<CellPack> properties(mechanistic(type).outputs.size(), unset);
    mechanistic(type).run_block({.line = line,
                                 .parameters = parameters.get(),
                                 .design = design,
                                 .stream = stream_of(type.name),
                                 .seeds = seeds(),
                                 .cells = cells(),
                                 .batch_noise = noise,
                                 .cell_noise = noise,
                                 .literal = literal},
                                block, properties);
    std::vector<Done> results;
    for (std::size_t i = 0; i < kLanes; ++i) {
      Done result{.type = &type, .properties = {}, .product = cell_of(block, i)};
      for (const CellPack& pack : properties) result.properties.push_back(pack.lane[i]);
      results.push_back(std::move(result));
    }
    return results;
  }

  [[nodiscard]] std::array<std::uint64_t, kLanes> seeds() const {
    std::array<std::uint64_t, kLanes> seeds{};
    for (std::size_t i = 0; i < kLanes; ++i) seeds[i] = seed.value_or(1) + i / 4;
    return seeds;
  }
  [[nodiscard]] static std::array<std::uint32_t, kLanes> cells() { return {0, 1, 2, 3, 4, 5, 6, 1000}; }
};

}  // namespace battery_twin::process::testing::cell_line
