#include "store_testing.hpp"

#include <iterator>

namespace battery_twin::store::testing {

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
