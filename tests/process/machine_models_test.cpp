// What every machine type of the plant must keep, whoever wrote its models.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/calendaring.hpp"
#include "battery_twin/process/coating.hpp"
#include "battery_twin/process/drying.hpp"
#include "battery_twin/process/electrolyte_filling.hpp"
#include "battery_twin/process/formation_cycling.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/rewinding.hpp"
#include "battery_twin/process/slitting.hpp"
#include "mechanistic/aging.hpp"
#include "mechanistic/calendaring.hpp"
#include "mechanistic/coating.hpp"
#include "mechanistic/drying.hpp"
#include "mechanistic/electrolyte_filling.hpp"
#include "mechanistic/formation_cycling.hpp"
#include "mechanistic/inspection.hpp"
#include "mechanistic/mixing.hpp"
#include "mechanistic/rewinding.hpp"
#include "mechanistic/slitting.hpp"

namespace battery_twin::process {
namespace {

struct Place {
  const MachineType* type;
  Line line;
  BlockKernel here;  // compiled with this file: for the baseline
};

// The plant's way, both electrodes before the cell.
std::vector<Place> places() {
  std::vector<Place> all;
  for (const Line line : {Line::anode, Line::cathode}) {
    all.push_back({&mixing(), line, &run_block<MechanisticMixing, MixingParameters>});
    all.push_back({&coating(), line, &run_block<MechanisticCoating, CoatingParameters>});
    all.push_back({&drying(), line, &run_block<MechanisticDrying, DryingParameters>});
    all.push_back({&calendaring(), line, &run_block<MechanisticCalendaring, CalendaringParameters>});
    all.push_back({&slitting(), line, &run_block<MechanisticSlitting, SlittingParameters>});
    all.push_back({&inspection(), line, &run_block<MechanisticInspection, InspectionParameters>});
  }
  all.push_back({&rewinding(), Line::cell, &run_block<MechanisticRewinding, RewindingParameters>});
  all.push_back(
      {&electrolyte_filling(), Line::cell, &run_block<MechanisticElectrolyteFilling, ElectrolyteFillingParameters>});
  all.push_back(
      {&formation_cycling(), Line::cell, &run_block<MechanisticFormationCycling, FormationCyclingParameters>});
  all.push_back({&aging(), Line::cell, &run_block<MechanisticAging, AgingParameters>});
  return all;
}

TEST(MachineModels, WriteEveryPropertyOfTheirTableAndNoMore) {
  constexpr double kUnwritten = std::numeric_limits<double>::quiet_NaN();
  for (const ModelSet models : kModelSets) {
    Product product;
    for (const Place& place : places()) {
      const MachineModel& model = place.type->model(models);
      const auto run = model.start({.line = place.line,
                                    .upstream = product,
                                    .parameters = place.type->defaults(models, place.line),
                                    .design = cell_designs().front(),
                                    .noise = Noise(1, place.type->name, true)});
      for (const bool done : {false, true}) {
        for (std::uint32_t step = 0; done && step < run->planned_steps() && !run->stop_reason(); ++step) run->step();
        for (const auto& [table, read] :
             {std::pair(model.outputs, &MachineRun::properties), std::pair(model.specifics, &MachineRun::specifics)}) {
          std::vector<double> numbers(table.size() + 4, kUnwritten);
          (run.get()->*read)(numbers);
          for (std::size_t i = 0; i < table.size(); ++i)
            EXPECT_TRUE(std::isfinite(numbers[i])) << place.type->name << " " << table[i].name;
          for (std::size_t i = table.size(); i < numbers.size(); ++i)
            EXPECT_TRUE(std::isnan(numbers[i])) << place.type->name << " writes beyond its table";
        }
      }
      run->hand_on(product);
    }
  }
}

TEST(MachineModels, GiveTheSameOnEveryInstructionSet) {
  const CellDesign& design = cell_designs().front();
  ProductBlock product{};
  for (const Place& place : places()) {
    const MachineModel& model = place.type->model(ModelSet::mechanistic);
    ASSERT_NE(model.run_block, nullptr);
    if (v3_kernel("mixing") != nullptr) {
      EXPECT_EQ(model.run_block, v3_kernel(place.type->name)) << place.type->name << " is not among the wide kernels";
    }
    const auto parameters = model.prepare(place.type->defaults(ModelSet::mechanistic, place.line));
    const BlockStart start{.line = place.line,
                           .parameters = parameters.get(),
                           .design = design,
                           .stream = stream_of(place.type->name),
                           .seeds = {1, 1, 1, 2, 2, 3, 4, 5},
                           .cells = {0, 1, 2, 0, 7, 0, 0, 100},
                           .batch_noise = true,
                           .cell_noise = true};
    std::vector<CellPack> wide(model.outputs.size()), baseline(model.outputs.size());
    ProductBlock other = product;
    model.run_block(start, other, wide);
    place.here(start, product, baseline);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double value = baseline[i].lane[lane];
        EXPECT_NEAR(wide[i].lane[lane], value, 1e-9 * std::abs(value) + 1e-18)
            << place.type->name << " " << model.outputs[i].name;
      }
    }
  }
}

}  // namespace
}  // namespace battery_twin::process
