// What dashboards read in PostgreSQL is what the server's routes say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "postgres_plant.hpp"

namespace battery_twin::system {
namespace {

constexpr double kKelvin = 273.15;

class PostgresAgreement : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(PostgresAnd, PostgresAgreement, ::testing::Values("mechanistic", "reference"),
                         [](const auto& models) { return models.param; });

// Names are spelled differently here and there.
std::string plain(std::string_view name) {
  std::string text;
  for (const char c : name) text += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

using Values = std::map<std::string, Json>;

Values values_of(const Json& object) {
  Values values;
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      for (const auto& [inner, number] : value.items()) values[plain(inner)] = number;
    } else {
      values[plain(name)] = value;
    }
  }
  return values;
}

struct Unit {
  std::string_view suffix;
  double factor;
};

// Factors from what the routes say. The reference mixing machine has litres and g/cm3 already.
std::vector<Unit> units(bool reference) {
  const double from_litres = reference ? 1 : 1e3;
  const double from_density = reference ? 1e3 : 1;
  return {{"_um", 1e6}, {"_mm", 1e3}, {"_l", from_litres}, {"_kg_m3", from_density},
          {"_pa_s", 1}, {"_pa", 1},   {"_m", 1},           {"_s", 1}};
}

struct ExpectedColumn {
  Json value;
  double factor = 1;
  double offset = 0;
};

// Parameters that are not told are null: then it is the property of that name.
std::optional<ExpectedColumn> expected(const std::string& column, const Values& properties, const Values& parameters,
                                       bool reference) {
  std::string name = plain(column);
  if (name.starts_with("solvent_volume")) name.replace(0, 7, properties.contains("nmp_volume") ? "nmp" : "h2o");
  const auto find = [&](const std::string& wanted) -> std::optional<ExpectedColumn> {
    const auto parameter = parameters.find(wanted);
    if (parameter != parameters.end() && !parameter->second.is_null()) return ExpectedColumn{parameter->second};
    const auto property = properties.find(wanted);
    if (property != properties.end()) return ExpectedColumn{property->second};
    if (parameter != parameters.end()) return ExpectedColumn{parameter->second};
    return std::nullopt;
  };
  if (auto found = find(name)) return found;
  for (const Unit& unit : units(reference)) {
    if (!name.ends_with(unit.suffix)) continue;
    auto found = find(name.substr(0, name.size() - unit.suffix.size()));
    if (found) found->factor = unit.factor;
    return found;
  }
  return std::nullopt;
}

// All temperatures that the routes tell are kelvin, but for the reference drying machine's.
ExpectedColumn expected_temperature(const MachineName& machine, const Values& properties, const Values& parameters,
                                    bool reference) {
  if (const auto reached = properties.find("temperature"); reached != properties.end())
    return {reached->second, 1, reference && machine.machine == "drying" ? 0 : -kKelvin};
  if (const auto set = parameters.find("temperature"); set != parameters.end()) return {set->second, 1, -kKelvin};
  return {};
}

bool agrees(const Json& stored, const ExpectedColumn& told) {
  if (!told.value.is_number()) return stored == told.value;
  if (!stored.is_number()) return false;
  const double value = told.value.get<double>() * told.factor + told.offset;
  const double allowed = 1e-12 * (std::abs(told.value.get<double>() * told.factor) + std::abs(told.offset));
  return std::abs(stored.get<double>() - value) <= allowed;
}

const std::set<std::string> kCommon{"id", "batch", "state", "timestamp", "duration", "process", "temperature_C"};

// What is wrong with a view's row of one step; empty when nothing is.
std::string row_problem(const Json& row, const Json& told, const MachineName& machine, const Values& parameters,
                        bool reference, std::set<std::string>& compared) {
  const Values properties = values_of(told.at("properties"));
  if (row.at("process") != machine.process()) return "process " + row.at("process").dump();
  if (row.at("state") != "On") return "state " + row.at("state").dump();
  if (row.at("duration") != told.at("step")) return "duration " + row.at("duration").dump();
  const ExpectedColumn temperature = expected_temperature(machine, properties, parameters, reference);
  if (!agrees(row.at("temperature_C"), temperature)) return "temperature_C " + row.at("temperature_C").dump();
  for (const auto& [column, value] : row.items()) {
    if (kCommon.contains(column)) continue;
    ExpectedColumn wanted;
    if (column == "temperature") {
      // Coating has the column and never had a value for it.
      if (machine.machine != "coating") wanted = temperature;
    } else {
      const auto found = expected(column, properties, parameters, reference);
      if (!found) return column + " has no counterpart";
      wanted = *found;
    }
    if (!agrees(value, wanted)) return column + " is " + value.dump() + " where " + wanted.value.dump() + " was told";
    if (!value.is_null()) compared.insert(column);
  }
  return {};
}

void expect_agreement(const PostgresPlant& plant, const Twin& twin, const std::string& batch,
                      const MachineName& machine, bool reference) {
  SCOPED_TRACE(batch + " in " + machine.process());
  const Json results = twin.get("/batches/" + batch);
  const Json told = twin.get("/batches/" + batch + "/telemetry?machine=" + machine.process()).at("telemetry");
  const auto column = [&](const std::string& sql) {
    return plant.texts("select " + sql + " from \"" + view_of(machine) + "\" v where batch = '" + batch +
                       "' order by duration");
  };
  const auto rows = column("to_jsonb(v)");
  const auto times = column("to_char(\"timestamp\", 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
  ASSERT_EQ(rows.size(), told.size());
  const Values parameters = values_of(results.at("parameters").at(machine.group));
  std::set<std::string> compared;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(row_problem(Json::parse(rows[i]), told[i], machine, parameters, reference, compared), "")
        << rows[i] << '\n'
        << told[i];
    ASSERT_EQ(times[i], told[i].at("timestamp"));
  }
  EXPECT_GE(compared.size(), 5U) << "a view of nulls would agree with anything";
  EXPECT_EQ(told.back().at("properties"), results.at("machines").at(machine.process()).at("properties"));
}

TEST_P(PostgresAgreement, OfTheMachinesViewsWithTelemetry) {
  const PostgresPlant plant;
  const Twin twin(plant.options({"--step-interval", "0", "--models", GetParam()}));
  twin.start({{"id", "a"}});
  twin.start({{"id", "b"}, {"anode_coating_params", {{"coating_speed", 0.049}}}});
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "a") && is_completed(twin, "b"); }));
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, {"a", "b"}), "");
  for (const char* batch : {"a", "b"}) {
    for (const MachineName& machine : kMachines)
      expect_agreement(plant, twin, batch, machine, GetParam() == "reference");
  }
}

TEST_P(PostgresAgreement, OfBatchesAndTheLog) {
  const PostgresPlant plant;
  const Twin twin(plant.options({"--step-interval", "0", "--models", GetParam()}));
  twin.start({{"id", "plain"}});
  twin.start({{"id", "largest-seed"}, {"seed", 9007199254740991}});
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "plain") && is_completed(twin, "largest-seed"); }));
  ASSERT_TRUE(plant.holds_all_of(twin));
  twin.set_step_interval(60'000);
  twin.start({{"id", "running"}});
  twin.start({{"id", "cancelled"}});
  EXPECT_EQ(twin.http.del("/batches/cancelled").status, 200);
  ASSERT_TRUE(Twin::eventually(
      [&] { return plant.number("select count(*) from battery_twin.batches where status = 'cancelled'") == 1; }));

  const Json listed = twin.get("/batches?order=asc").at("batches");
  const auto rows = plant.texts(
      "select to_jsonb(b) || jsonb_build_object('created_at', "
      "to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'finished_at', "
      "to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')) "
      "from battery_twin.batches b order by number");
  ASSERT_EQ(rows.size(), 4U);
  ASSERT_EQ(listed.size(), 4U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json row = Json::parse(rows[i]);
    SCOPED_TRACE(rows[i]);
    const std::string id = listed[i].at("batch_id");
    EXPECT_EQ(row.at("id"), id);
    for (const char* name : {"status", "models", "seed", "attempt", "warnings", "created_at", "finished_at"})
      EXPECT_EQ(row.at(name), listed[i].at(name)) << name;
    if (row.at("status") != "completed") continue;
    // Figures that are not known are not stored.
    for (const auto& [name, value] : listed[i].at("end_of_line").items()) {
      if (!value.is_null()) {
        EXPECT_EQ(row.at("end_of_line").at(name), value);
      }
      if (value.is_number()) {
        EXPECT_EQ(row.at(name), value) << name;
      }
    }
    EXPECT_FALSE(row.at("capacity_Ah").is_null());
  }
  ASSERT_TRUE(Twin::eventually([&] { return plant.events_problem(twin).empty(); })) << plant.events_problem(twin);
}

}  // namespace
}  // namespace battery_twin::system
