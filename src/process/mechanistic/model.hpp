#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../lane_draws.hpp"
#include "../lanes.hpp"
#include "battery_twin/process/machine_type.hpp"
#include "kernels.hpp"

// How a mechanistic model becomes a machine's model. A model is a template over the lane type L, written once for the
// paced plant (L = double) and for studies (L = Lanes, eight cells):
//
//   template <class L> class MechanisticX {
//     static double steps(const XParameters&, const CellDesign&);   // physical steps
//     explicit MechanisticX(const Setting<L, XParameters>&);
//     void step(std::uint32_t t);                     // one physical step
//     void run();                                     // to the end, in the widest safe steps
//     void properties(std::span<L> out) const;
//     void hand_on(ProductOf<L>&) const;
//   };
//
// and, where it has them, `MaskOf<L> finished() const` for one that may end early, `void specifics(std::span<L>) const`
// and `void remarks(std::vector<std::string>&) const`, the last for L = double only.
//
// Everything here and in the models is in an unnamed namespace on purpose: several translation units compile it for
// different instruction sets, and each keeps its own.

namespace battery_twin::process {
namespace {

/// What a mechanistic model starts from.
template <class L, class P>
struct Setting {
  Line line;
  const ProductOf<L>& upstream;
  const P& parameters;
  const CellDesign& design;
  Draws<L> draws;

  [[nodiscard]] bool is_anode() const { return line != Line::cathode; }
  [[nodiscard]] const WebOf<L>& web() const { return upstream.web(line); }
};

/// Parts of a run of `total` seconds in steps of `step`: at least one; the last may be shorter.
[[maybe_unused]] double steps_of(double total, double step) { return std::max(1.0, std::ceil(total / step - 1e-9)); }

/// True when all cells of a model that may end early have ended.
template <class M>
[[nodiscard]] bool over(const M& model) {
  if constexpr (requires { model.finished(); })
    return all(model.finished());
  else
    return false;
}

static_assert(sizeof(ProductOf<Lanes>) == sizeof(ProductBlock) && kLaneCount == process::kLanes,
              "a block of cells is lanes in memory");

template <template <class> class Model, class P>
void run_block(const BlockStart& start, ProductBlock& product, std::span<CellPack> properties) {
  // Lanes' vectors may alias: the packs are read and written in place.
  auto& cells = reinterpret_cast<ProductOf<Lanes>&>(product);  // NOLINT(*-reinterpret-cast)
  const auto& parameters = *static_cast<const P*>(start.parameters);
  Model<Lanes> model(Setting<Lanes, P>{
      .line = start.line,
      .upstream = cells,
      .parameters = parameters,
      .design = start.design,
      .draws = Draws<Lanes>(start.seeds, start.cells, start.stream, start.batch_noise, start.cell_noise)});
  if (start.literal) {
    const double planned = Model<Lanes>::steps(parameters, start.design);
    for (std::uint32_t t = 0; t < planned && !over(model); ++t) model.step(t);
  } else {
    model.run();
  }
  model.properties({reinterpret_cast<Lanes*>(properties.data()), properties.size()});  // NOLINT(*-reinterpret-cast)
  model.hand_on(cells);
}

/// @param machine  the type's name, under which a kernel for a newer instruction set may stand in kernels_v3.cpp
template <template <class> class Model, class P, const auto& kTable>
[[nodiscard]] MachineModel mechanistic_model(std::string_view machine, std::span<const Output> outputs) {
  class Run final : public MachineRun {
   public:
    explicit Run(const StartOf& start)
        : parameters_(to_parameters<P>(kTable, start.parameters)),
          model_(Setting<double, P>{
              .line = start.line,
              .upstream = start.upstream,
              .parameters = parameters_,
              .design = start.design,
              .draws = Draws<double>({start.noise.seed()}, {0}, start.noise.stream(), start.noise.on(), false)}) {
      const auto most = static_cast<std::uint32_t>(Model<double>::steps(parameters_, start.design));
      if constexpr (requires { model_.finished(); }) {
        // One that may end early runs ahead once, so that its end is known from the start.
        Model<double> ahead = model_;
        while (planned_ < most && !over(ahead)) ahead.step(planned_++);
      } else {
        planned_ = most;
      }
      planned_ = std::max(planned_, 1u);
    }
    std::uint32_t planned_steps() const override { return planned_; }
    std::optional<std::string> stop_reason() const override { return std::nullopt; }
    void step() override { model_.step(next_++); }
    void properties(std::span<double> out) const override { model_.properties(out); }
    void specifics(std::span<double> out) const override {
      if constexpr (requires { model_.specifics(out); }) model_.specifics(out);
    }
    std::vector<std::string> remarks() const override {
      std::vector<std::string> found;
      if constexpr (requires { model_.remarks(found); }) model_.remarks(found);
      return found;
    }
    void hand_on(Product& product) const override { model_.hand_on(product); }

   private:
    P parameters_;
    Model<double> model_;
    std::uint32_t planned_ = 0;
    std::uint32_t next_ = 0;
  };

  MachineModel model;
  model.outputs = outputs;
  model.steps = [](const Values& values, const CellDesign& design) {
    return Model<double>::steps(to_parameters<P>(kTable, values), design);
  };
  model.start = [](const StartOf& start) -> std::unique_ptr<MachineRun> { return std::make_unique<Run>(start); };
  model.prepare = [](const Values& values) -> std::shared_ptr<const void> {
    return std::make_shared<const P>(to_parameters<P>(kTable, values));
  };
  const BlockKernel wide = v3_kernel(machine);
  model.run_block = wide != nullptr ? wide : &run_block<Model, P>;
  return model;
}

}  // namespace
}  // namespace battery_twin::process
