#include "store_testing.hpp"

#include <cmath>
#include <iterator>

namespace battery_twin::store::testing {

process::Values some_values(const plant::Station& station, double first) {
  process::Values values = station.type->defaults(process::ModelSet::mechanistic, station.line);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i) / 3;
  return values;
}

std::shared_ptr<const process::EndOfLine> some_end_of_line() {
  process::EndOfLine end;
  double value = 0.1;
  for (const process::Figure& figure : process::kFigures) end.*figure.member = (value += 1.0 / 3);
  end.scrap_causes = {{"burr", 3.0}, {"dry_area", 1.0}};
  end.machine_energy_kWh.emplace();
  for (const plant::Station& station : plant::standard_layout().stations()) {
    end.machine_energy_kWh->push_back({station.process_name, value += 1.0 / 3});
  }
  return std::make_shared<const process::EndOfLine>(end);
}

plant::BatchRecord full_batch(std::uint64_t index) {
  plant::BatchRecord batch =
      finished(new_batch(index, "a.full-one_" + std::to_string(index)), plant::BatchStatus::completed);
  batch.seed = process::kMaxSeed;
  batch.models = process::ModelSet::reference;
  batch.noise = false;
  process::CellDesign design = process::cell_designs().back();
  design.name = "my \"own\" cell, ü";
  design.electrode_length = 1.0 / 3;
  batch.design = std::make_shared<const process::CellDesign>(design);
  batch.attempt = 3;
  batch.lines = {{{.station = 5, .progress = 1.0 / 3, .completed = true},
                  {.station = 11, .progress = 2.0 / 3, .completed = true},
                  {.station = 15, .progress = 1, .completed = true}}};
  for (const plant::Station& station : plant::standard_layout().stations()) {
    batch.parameters[station.index] = some_values(station, 1 + static_cast<double>(station.index));
    plant::MachineResult& result = batch.machines[station.index];
    result.status = plant::MachineStatus::completed;
    result.steps = 100 + static_cast<std::uint32_t>(station.index);
    result.properties.resize(station.type->model(batch.models).outputs.size());
    for (std::size_t i = 0; i < result.properties.size(); ++i) {
      result.properties[i] = std::pow(10.0, static_cast<double>(i) - 4) / 3;
    }
    result.outcome = process::Outcome::rework;
    result.causes = {"one", "two"};
  }
  batch.warnings = {"gap_height 0.01 m is unusual", "a line\nwith \"quotes\" and ü"};
  batch.end_of_line = some_end_of_line();
  batch.error = "none, but kept";
  return batch;
}

void expect_same(const process::EndOfLine& kept, const process::EndOfLine& told) {
  for (const process::Figure& figure : process::kFigures) {
    EXPECT_EQ(kept.*figure.member, told.*figure.member) << figure.name;
  }
  EXPECT_EQ(kept.scrap_causes, told.scrap_causes);
  ASSERT_EQ(kept.machine_energy_kWh.has_value(), told.machine_energy_kWh.has_value());
  if (!told.machine_energy_kWh) return;
  ASSERT_EQ(kept.machine_energy_kWh->size(), told.machine_energy_kWh->size());
  for (std::size_t i = 0; i < told.machine_energy_kWh->size(); ++i) {
    EXPECT_EQ((*kept.machine_energy_kWh)[i].process, (*told.machine_energy_kWh)[i].process);
    EXPECT_EQ((*kept.machine_energy_kWh)[i].value, (*told.machine_energy_kWh)[i].value);
  }
}

void expect_same(const plant::BatchRecord& kept, const plant::BatchRecord& told) {
  EXPECT_EQ(kept.id, told.id);
  EXPECT_EQ(kept.status, told.status);
  EXPECT_EQ(kept.index, told.index);
  EXPECT_EQ(kept.seed, told.seed);
  EXPECT_EQ(kept.models, told.models);
  EXPECT_EQ(kept.noise, told.noise);
  ASSERT_NE(kept.design, nullptr);
  EXPECT_EQ(kept.design->name, told.design->name);
  process::CellDesign kept_design = *kept.design;
  process::CellDesign told_design = *told.design;
  for (std::size_t i = 0; i < process::cell_design_fields().size(); ++i) {
    EXPECT_EQ(process::cell_design_value(kept_design, i), process::cell_design_value(told_design, i));
  }
  EXPECT_EQ(kept.attempt, told.attempt);
  EXPECT_EQ(kept.created_at, told.created_at);
  EXPECT_EQ(kept.started_at, told.started_at);
  EXPECT_EQ(kept.finished_at, told.finished_at);
  for (std::size_t i = 0; i < told.lines.size(); ++i) {
    EXPECT_EQ(kept.lines[i].station, told.lines[i].station);
    EXPECT_EQ(kept.lines[i].progress, told.lines[i].progress);
    EXPECT_EQ(kept.lines[i].completed, told.lines[i].completed);
  }
  EXPECT_EQ(kept.parameters, told.parameters);
  ASSERT_EQ(kept.machines.size(), told.machines.size());
  for (std::size_t i = 0; i < told.machines.size(); ++i) {
    EXPECT_EQ(kept.machines[i].status, told.machines[i].status) << i;
    EXPECT_EQ(kept.machines[i].steps, told.machines[i].steps) << i;
    EXPECT_EQ(kept.machines[i].properties, told.machines[i].properties) << i;
    EXPECT_EQ(kept.machines[i].outcome, told.machines[i].outcome) << i;
    EXPECT_EQ(kept.machines[i].causes, told.machines[i].causes) << i;
  }
  EXPECT_EQ(kept.warnings, told.warnings);
  ASSERT_EQ(kept.end_of_line != nullptr, told.end_of_line != nullptr);
  if (told.end_of_line) expect_same(*kept.end_of_line, *told.end_of_line);
  EXPECT_EQ(kept.error, told.error);
}

void expect_same(const plant::Event& kept, const plant::Event& told) {
  EXPECT_EQ(kept.type, told.type);
  EXPECT_EQ(kept.seq, told.seq);
  EXPECT_EQ(kept.time, told.time);
  EXPECT_EQ(kept.batch_id, told.batch_id);
  EXPECT_EQ(kept.message, told.message);
  EXPECT_EQ(kept.station, told.station);
  EXPECT_EQ(kept.step, told.step);
  EXPECT_EQ(kept.reason, told.reason);
  EXPECT_EQ(kept.warnings, told.warnings);
  ASSERT_EQ(kept.end_of_line != nullptr, told.end_of_line != nullptr);
  if (told.end_of_line) expect_same(*kept.end_of_line, *told.end_of_line);
}

std::vector<TelemetryReader::Row> all_rows(TelemetryReader& reader, std::size_t portion) {
  std::vector<TelemetryReader::Row> rows;
  for (;;) {
    std::vector<TelemetryReader::Row> more = reader.next(portion);
    if (more.empty()) return rows;
    EXPECT_LE(more.size(), portion);
    std::ranges::move(more, std::back_inserter(rows));
  }
}

}  // namespace battery_twin::store::testing
