#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "process_testing.hpp"

// How tests run one mechanistic machine: as the paced plant does and as studies do.
namespace battery_twin::process::testing {

inline const MachineModel& mechanistic(const MachineType& type) { return type.model(ModelSet::mechanistic); }

inline std::size_t output(const MachineType& type, std::string_view name) {
  const auto outputs = mechanistic(type).outputs;
  const auto found = std::ranges::find(outputs, name, &Output::name);
  if (found == outputs.end()) throw std::invalid_argument("no such property: " + std::string(name));
  return static_cast<std::size_t>(found - outputs.begin());
}

inline bool mentions(const std::vector<std::string>& remarks, std::string_view text) {
  return std::ranges::any_of(remarks,
                             [&](const std::string& remark) { return remark.find(text) != std::string::npos; });
}

/// A machine that has done its work on one cell.
struct Done {
  const MachineType* type;
  std::vector<double> properties;
  Product product;
  std::vector<std::vector<double>> steps{};  // properties after each; only where it went step by step
  std::vector<std::string> remarks{};

  double operator[](std::string_view name) const { return properties[output(*type, name)]; }
  [[nodiscard]] double at(std::size_t step, std::string_view name) const { return steps[step][output(*type, name)]; }
  [[nodiscard]] Outcome outcome() const { return judge(mechanistic(*type).outputs, properties); }
  [[nodiscard]] bool remarks_on(std::string_view text) const { return mentions(remarks, text); }
};

/// A machine and all that it starts from; the line's defaults and no noise unless said.
struct Machine {
  const MachineType& type;
  Line line;
  Product upstream{};
  CellDesign design = cell_designs().front();
  std::optional<std::uint64_t> seed{};
  Values values = type.defaults(ModelSet::mechanistic, line);

  [[nodiscard]] Machine with(std::string_view name, std::optional<double> value) const {
    Machine other = *this;
    other.values[field(type, name)] = value;
    return other;
  }

  /// Step by step, with what a batch's cells share of the noise where there is a seed.
  [[nodiscard]] Done paced() const {
    const auto run = mechanistic(type).start({.line = line,
                                              .upstream = upstream,
                                              .parameters = values,
                                              .design = design,
                                              .noise = Noise(seed.value_or(0), type.name, seed.has_value())});
    Done done{.type = &type, .properties = unset(), .product = upstream};
    for (std::uint32_t t = 0, planned = run->planned_steps(); t < planned; ++t) {
      run->step();
      run->properties(done.properties);
      done.steps.push_back(done.properties);
    }
    done.remarks = run->remarks();
    run->hand_on(done.product);
    return done;
  }

  /// Eight cells side by side: all alike without a seed, else cells 0 to 7 of that seed's batch.
  [[nodiscard]] std::vector<Done> block(bool literal = false, bool batch_noise = true, bool cell_noise = true) const {
    const auto parameters = mechanistic(type).prepare(values);
    ProductBlock block{};
    for (std::size_t i = 0; i < kLanes; ++i) set_cell(block, i, upstream);
    std::vector<CellPack> properties(mechanistic(type).outputs.size());
    for (CellPack& pack : properties) pack.lane.fill(std::numeric_limits<double>::quiet_NaN());
    BlockStart start{.line = line,
                     .parameters = parameters.get(),
                     .design = design,
                     .stream = stream_of(type.name),
                     .seeds = {},
                     .cells = {},
                     .batch_noise = seed.has_value() && batch_noise,
                     .cell_noise = seed.has_value() && cell_noise,
                     .literal = literal};
    for (std::size_t i = 0; i < kLanes; ++i) {
      start.seeds[i] = seed.value_or(0);
      start.cells[i] = static_cast<std::uint32_t>(i);
    }
    mechanistic(type).run_block(start, block, properties);
    std::vector<Done> cells;
    for (std::size_t i = 0; i < kLanes; ++i) {
      Done done{.type = &type, .properties = {}, .product = cell_of(block, i)};
      for (const CellPack& pack : properties) done.properties.push_back(pack.lane[i]);
      cells.push_back(std::move(done));
    }
    return cells;
  }

 private:
  [[nodiscard]] std::vector<double> unset() const {
    return std::vector<double>(mechanistic(type).outputs.size(), std::numeric_limits<double>::quiet_NaN());
  }
};

/// All numbers of a product.
inline auto numbers_of(const Product& product) {
  return std::bit_cast<std::array<double, sizeof(Product) / sizeof(double)>>(product);
}

/// Where the first number that is none stands, or an empty text.
inline std::string not_finite(const Done& done) {
  for (std::size_t i = 0; i < done.properties.size(); ++i) {
    if (!std::isfinite(done.properties[i])) return std::string(mechanistic(*done.type).outputs[i].name);
  }
  const auto numbers = numbers_of(done.product);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i])) return "number " + std::to_string(i) + " of the product";
  }
  return {};
}

/// Both have come to the same, in properties and in the product.
inline void expect_same(const Done& a, const Done& b, double tolerance) {
  const auto close = [&](double x, double y) { return std::abs(x - y) <= tolerance * std::abs(x) + 1e-18; };
  for (std::size_t i = 0; i < a.properties.size(); ++i)
    EXPECT_TRUE(close(a.properties[i], b.properties[i])) << a.type->name << ' ' << mechanistic(*a.type).outputs[i].name
                                                         << ": " << a.properties[i] << " and " << b.properties[i];
  const auto left = numbers_of(a.product), right = numbers_of(b.product);
  for (std::size_t i = 0; i < left.size(); ++i)
    EXPECT_TRUE(close(left[i], right[i])) << a.type->name << " product, number " << i;
}

/// What the anode and the cathode line have made of a batch without noise, up to and with `last`.
inline Product electrodes(const MachineType& last, const CellDesign& design = cell_designs().front()) {
  Product product;
  for (const Line line : {Line::anode, Line::cathode}) {
    for (const MachineType* type : electrode_types()) {
      product = Machine{.type = *type, .line = line, .upstream = product, .design = design}.paced().product;
      if (type == &last) break;
    }
  }
  return product;
}

}  // namespace battery_twin::process::testing
