// The tables of the Python server, as views.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using process::ModelSet;

struct Column {
  std::string name;
  bool is_boolean;
};

std::map<std::string, std::vector<Column>> expected_tables() {
  std::map<std::string, std::vector<Column>> tables;
  std::ifstream file(BATTERY_TWIN_TEST_DATA "/machine_tables.txt");
  for (std::string line; std::getline(file, line);) {
    const std::size_t bar = line.find('|');
    if (line.starts_with('#') || bar == std::string::npos) continue;
    std::vector<Column> columns;
    std::istringstream names(line.substr(bar + 1));
    for (std::string name; names >> name;) {
      const std::size_t mark = name.find("(bool)");
      columns.push_back({name.substr(0, mark), mark != std::string::npos});
    }
    std::istringstream all(line.substr(0, bar));
    for (std::string table; all >> table;) tables[table] = columns;
  }
  return tables;
}

std::string table_of(const plant::Station& station) {
  return station.line == process::Line::cell ? std::string(station.type->name) : station.process_name;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// The unit that a column's name ends with, when it begins with this name; nothing when it is another one.
std::optional<std::string> unit_behind(std::string_view column, std::string_view name) {
  if (lower(column) == lower(name)) return "";
  if (column == "solvent_volume_L" && name == "H2O_volume") return "L";
  static const std::map<std::string, std::string> kUnits{
      {"_um", "um"}, {"_mm", "mm"}, {"_l", "L"}, {"_pa_s", "Pa*s"}, {"_kg_m3", "kg/m3"},
      {"_pa", "Pa"}, {"_m", "m"},   {"_s", "s"}, {"_a", "A"},       {"_v", "V"}};
  if (!lower(column).starts_with(lower(name))) return std::nullopt;
  const auto unit = kUnits.find(lower(column).substr(name.size()));
  return unit == kUnits.end() ? std::nullopt : std::optional(unit->second);
}

double in_unit(double value, std::string_view from, std::string_view to) {
  if (to.empty() || from == to) return value;
  if (from == "m" && to == "um") return value * 1e6;
  if ((from == "m" && to == "mm") || (from == "m3" && to == "L") || (from == "g/cm3" && to == "kg/m3")) {
    return value * 1e3;
  }
  if (from == "K" && to == "degC") return value - 273.15;
  ADD_FAILURE() << "from " << from << " to " << to;
  return 0;
}

struct Told {
  ModelSet models;
  std::vector<double> properties;  // empty: there are none
  process::Values parameters;
};

// Where a property and a parameter have the same name, the Python server wrote the property if it knew of one.
std::optional<double> expected(const plant::Station& station, const Told& told, const Column& column) {
  const auto outputs = station.type->model(told.models).outputs;
  for (const process::Output& known : station.type->model(ModelSet::reference).outputs) {
    const auto unit = unit_behind(column.name, known.name);
    if (!unit) continue;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].name != known.name) continue;
      if (std::isnan(told.properties.at(i))) return std::nullopt;
      if (column.is_boolean) return told.properties[i];
      return in_unit(told.properties[i], outputs[i].unit, column.name == "temperature" ? "degC" : *unit);
    }
    ADD_FAILURE() << column.name << " is no property any more";
  }
  for (std::size_t i = 0; i < station.type->fields.size() && i < told.parameters.size(); ++i) {
    const auto unit = unit_behind(column.name, station.type->fields[i].name);
    if (!unit) continue;
    const auto value = told.parameters[i];
    if (!value) return std::nullopt;
    return in_unit(*value, station.type->fields[i].unit, column.name == "temperature" ? "degC" : *unit);
  }
  EXPECT_TRUE(told.parameters.empty() || (column.name == "temperature" && station.type->name == "coating"))
      << column.name << " comes from nowhere";
  return std::nullopt;
}

std::optional<double> expected_temperature(const plant::Station& station, const Told& told) {
  const auto outputs = station.type->model(told.models).outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].name != "temperature") continue;
    if (std::isnan(told.properties.at(i))) return std::nullopt;
    return in_unit(told.properties[i], outputs[i].unit, "degC");
  }
  const auto place = station.type->index_of("temperature");
  if (!place || told.parameters.empty()) return std::nullopt;
  return in_unit(told.parameters[*place].value(), station.type->fields[*place].unit, "degC");
}

void expect_value(const std::optional<std::string>& kept, std::optional<double> value, bool is_boolean) {
  ASSERT_EQ(kept.has_value(), value.has_value());
  if (!value) return;
  if (is_boolean) {
    EXPECT_EQ(*kept, *value != 0 ? "t" : "f");
  } else {
    EXPECT_EQ(std::stod(*kept), *value);
  }
}

Told told_values(const plant::Station& station, ModelSet models, std::size_t salt) {
  Told told{.models = models, .properties = {}, .parameters = station.type->defaults(models, station.line)};
  double value = 0.1 + static_cast<double>(salt);
  for (const process::Output& output : station.type->model(models).outputs) {
    value += 1.0 / 7;
    const bool flag = (told.properties.size() + salt) % 2 == 0;
    told.properties.push_back(output.kind == process::Kind::boolean ? (flag ? 1 : 0) : value);
  }
  for (auto& parameter : told.parameters) parameter = value += 1.0 / 3;
  return told;
}

class PostgresViews : public ::testing::Test {
 protected:
  // A batch on all stations, its parameters unless they are unknown, a step at every station.
  void tell(std::uint64_t index, ModelSet models, bool has_parameters, bool is_known = true) {
    plant::BatchRecord batch = new_batch(index);
    batch.models = models;
    for (const plant::Station& station : layout().stations()) {
      Told& told = told_[{index, station.index}] = told_values(station, models, index * 16 + station.index);
      if (has_parameters) {
        batch.parameters[station.index] = told.parameters;
      } else {
        told.parameters.clear();
      }
      if (!is_known) std::ranges::fill(told.properties, std::numeric_limits<double>::quiet_NaN());
    }
    ASSERT_TRUE(accept(*store_, batch));
    for (const plant::Station& station : layout().stations()) {
      store_->step({.batch = index,
                    .station = station.index,
                    .step = 7,
                    .time = at_second(5),
                    .models = models,
                    .properties = told_[{index, station.index}].properties});
    }
  }

  Site site_;
  std::unique_ptr<Store> store_ = site_.start();
  std::map<std::pair<std::uint64_t, std::size_t>, Told> told_;  // by batch and station
};

TEST_F(PostgresViews, HaveTheTablesColumns) {
  const auto tables = expected_tables();
  ASSERT_EQ(tables.size(), 16u);
  for (const auto& [table, columns] : tables) {
    SCOPED_TRACE(table);
    Rows expected{{"id", "bigint"},
                  {"batch", "text"},
                  {"state", "text"},
                  {"timestamp", "timestamp without time zone"},
                  {"duration", "double precision"},
                  {"process", "text"},
                  {"temperature_C", "double precision"}};
    for (const Column& column : columns) {
      expected.push_back({column.name, column.is_boolean ? "boolean" : "double precision"});
    }
    EXPECT_EQ(site_.ask("select column_name, data_type from information_schema.columns where table_schema = 'public' "
                        "and table_name = '" +
                        table + "' order by ordinal_position"),
              expected);
    EXPECT_EQ(site_.number("select count(*) from " + table), 0);
  }
  EXPECT_EQ(site_.number("select count(*) from pg_class where relnamespace = 'public'::regnamespace"),
            static_cast<std::int64_t>(layout().stations().size()));
}

TEST_F(PostgresViews, HaveEveryValueOfEveryModelSet) {
  tell(0, ModelSet::mechanistic, true);
  tell(1, ModelSet::reference, true);
  tell(2, ModelSet::mechanistic, false);
  tell(3, ModelSet::reference, false);
  tell(4, ModelSet::mechanistic, true, false);
  ASSERT_TRUE(site_.hands_on(*store_));
  const auto tables = expected_tables();
  for (const plant::Station& station : layout().stations()) {
    SCOPED_TRACE(station.process_name);
    const auto table = tables.find(table_of(station));
    if (table == tables.end()) continue;  // a machine that the Python server did not have
    const auto& columns = table->second;
    const Rows rows = site_.ask("select * from " + table_of(station) + " order by batch");
    ASSERT_EQ(rows.size(), 5u);
    for (std::uint64_t batch = 0; batch < rows.size(); ++batch) {
      SCOPED_TRACE(batch);
      const auto& row = rows[batch];
      const Told& told = told_.at({batch, station.index});
      ASSERT_EQ(row.size(), 7 + columns.size());
      EXPECT_EQ(row[1], std::to_string(batch + 1));
      EXPECT_EQ(row[2], "On");
      EXPECT_EQ(row[3], "2023-11-14 22:13:25.123457");
      EXPECT_EQ(row[4], "7");
      EXPECT_EQ(row[5], station.process_name);
      expect_value(row[6], expected_temperature(station, told), false);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        SCOPED_TRACE(columns[i].name);
        expect_value(row[7 + i], expected(station, told, columns[i]), columns[i].is_boolean);
      }
    }
  }
  EXPECT_EQ(site_.number("select count(distinct id) from battery_twin.telemetry"),
            static_cast<std::int64_t>(5 * layout().stations().size()));
}

TEST_F(PostgresViews, ShowSeriesOfOtherLayouts) {
  tell(0, ModelSet::mechanistic, true);
  store_->finish(finished(new_batch(0), plant::BatchStatus::completed));
  ASSERT_TRUE(site_.hands_on(*store_));
  store_.reset();
  execute(site_.url,
          "insert into battery_twin.series values (900, 'mixing_anode', 'mechanistic', "
          "'[\"gone\", \"total_volume\", \"AM_volume\"]');"
          "insert into battery_twin.telemetry (batch, series, step, \"timestamp\", properties) "
          "values (0, 900, 8, '2020-01-01', '{5, 0.25, 0.5}')");
  store_ = site_.start();
  EXPECT_EQ(site_.ask("select total_volume_l, am_volume_l, density_kg_m3 from (select \"total_volume_L\" as "
                      "total_volume_l, \"am_volume_L\" as am_volume_l, density_kg_m3, duration from mixing_anode) rows "
                      "where duration = 8"),
            (Rows{{"250", "500", std::nullopt}}));
}

// Dashboards ask for a batch or for a time: that must not read everything there is.
TEST_F(PostgresViews, UseAnIndexForABatchAndForATime) {
  tell(0, ModelSet::mechanistic, true);
  tell(1, ModelSet::reference, true);
  ASSERT_TRUE(site_.hands_on(*store_));
  const auto plan = [&](const std::string& sql) {
    std::string text;
    for (const auto& row : site_.ask("explain " + sql)) text += row[0].value() + "\n";
    return text;
  };
  execute(
      site_.url,
      "insert into battery_twin.batch select number, number + 1, 'completed', 0, 'mechanistic', 0, 1, 1, 0, 0, 0, "
      "'[]', '{}', null, 0, null from generate_series(2, 1000) number;"
      "insert into battery_twin.telemetry (batch, series, step, \"timestamp\", properties) "
      "select row / 100, row % 100 / 4, row % 4, timestamp '2026-01-01' + row * interval '1 minute', '{1, 2, 3, 4}' "
      "from generate_series(200, 100000) row");
  execute(site_.url, "vacuum analyze");
  for (const plant::Station& station : layout().stations()) {
    const std::string of_batch = plan("select * from " + table_of(station) + " where batch = '1'");
    EXPECT_NE(of_batch.find("batch_id_key"), std::string::npos) << of_batch;
    EXPECT_NE(of_batch.find("(id = '1'::text)"), std::string::npos) << of_batch;
    EXPECT_NE(of_batch.find("telemetry_pkey"), std::string::npos) << of_batch;
    EXPECT_EQ(of_batch.find("Seq Scan on telemetry"), std::string::npos) << of_batch;
    const std::string of_time =
        plan("select * from " + table_of(station) + " where \"timestamp\" between '2026-01-01' and '2026-01-02'");
    EXPECT_NE(of_time.find("telemetry_by_time"), std::string::npos) << of_time;
    EXPECT_EQ(of_time.find("Seq Scan on telemetry"), std::string::npos) << of_time;
  }
}

TEST_F(PostgresViews, CanBeReadByDashboardsWhileTheyAreMadeAgain) {
  pqxx::connection dashboard(site_.url);
  pqxx::work reading(dashboard);
  EXPECT_TRUE(reading.exec("select * from mixing_anode").empty());
  reading.commit();
  store_.reset();
  pqxx::work open_transaction(dashboard);
  (void)open_transaction.exec("select * from mixing_anode");
  // Nothing has changed, so nothing has to wait for it.
  store_ = site_.start();
  EXPECT_EQ(store_->health().status, Health::Status::connected);
}

}  // namespace
}  // namespace battery_twin::store::testing
