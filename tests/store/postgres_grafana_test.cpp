// Every query of Grafana's dashboards, as Grafana would send it, and what Grafana would not tell of their JSON.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/postgres_cluster.hpp"

namespace battery_twin::store::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using postgres::execute;
using postgres::query;
using postgres::Rows;
using postgres::shared_cluster;

const std::string kFolder = BATTERY_TWIN_SOURCE_DIR "/config/grafana";
const std::string kDataSource = "battery-twin-postgresql";

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

const std::vector<Json>& dashboards() {
  static const std::vector<Json> all = [] {
    std::vector<Json> read;
    for (const auto& entry : fs::directory_iterator(kFolder + "/dashboards")) {
      read.push_back(Json::parse(text_of(entry.path())));
    }
    return read;
  }();
  return all;
}

bool is_row(const Json& panel) { return panel["type"] == "row"; }

void for_each_panel(const std::function<void(const Json& dashboard, const Json& panel)>& action) {
  for (const Json& dashboard : dashboards()) {
    for (const Json& panel : dashboard["panels"]) {
      SCOPED_TRACE(dashboard["title"].get<std::string>() + " / " + panel["title"].get<std::string>());
      action(dashboard, panel);
    }
  }
}

// What Grafana makes of a query ---------------------------------------------------------------------------------------

// An end of a dashboard's time range.
std::string range_end(std::chrono::hours ago) {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - ago);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc));
  return "'" + text + "'";
}

std::string group(const std::string& column) { return "floor(extract(epoch from " + column + ")/300)*300"; }

// As pkg/tsdb/grafana-postgresql-datasource/macros.go does.
std::string macro(const std::string& name, const std::string& arguments, bool before_comma) {
  const std::string column = arguments.substr(0, arguments.find(','));
  std::string from = range_end(std::chrono::hours(6));
  std::string to = range_end(std::chrono::hours(-1));  // what was made just now is in it for certain
  if (name == "__time") return column + " AS \"time\"";
  if (name == "__timeFilter") return column + " BETWEEN " + from + " AND " + to;
  if (name == "__timeFrom") return from;
  if (name == "__timeTo") return to;
  if (name == "__timeGroup" && !before_comma) return group(column);
  if (name == "__timeGroup" || name == "__timeGroupAlias") return group(column) + " AS \"time\"";
  ADD_FAILURE() << "unknown macro " << name;
  return {};
}

// The browser puts in variables first, then the server evaluates macros: a name and all up to the first closing
// bracket.
std::string as_grafana_sends_it(std::string sql, const std::string& batch) {
  const std::string escaped = replaced(batch, "'", "''");
  sql = replaced(sql, "${batch:sqlstring}", "'" + escaped + "'");
  sql = replaced(replaced(sql, "${batch}", escaped), "$batch", escaped);
  sql = replaced(replaced(sql, "${__interval}", "5m"), "$__interval", "5m");
  static const std::regex kMacro(R"(\$([_a-zA-Z0-9]+)\(([^)]*)\))");
  std::string sent;
  std::smatch found;
  for (; std::regex_search(sql, found, kMacro); sql = found.suffix()) {
    sent += found.prefix().str() + macro(found[1], found[2], found.suffix().str().starts_with(','));
  }
  sent += sql;
  EXPECT_EQ(sent.find('$'), std::string::npos) << "Grafana would not replace this: " << sent;
  return sent;
}

// The plant that they are asked of ------------------------------------------------------------------------------------

// Three batches that have just been completed, the last of them scrapped. Stands in for the store that is to come.
void fill(const std::string& url) {
  struct Table {
    std::string_view names, columns;
  };
  // As in the compatible tables; a question mark makes a boolean.
  static constexpr Table kTables[] = {
      {"mixing_anode mixing_cathode",
       "am_volume_L ca_volume_L pvdf_volume_L solvent_volume_L viscosity_Pa_s density_kg_m3 yield_stress_Pa "
       "total_volume_L am ca pvdf solvent"},
      {"coating_anode coating_cathode",
       "temperature solid_content viscosity_Pa_s wet_thickness_um dry_thickness_um defect_risk? coating_speed "
       "gap_height_um flow_rate coating_width_mm"},
      {"drying_anode drying_cathode",
       "wet_thickness_um dry_thickness_um m_solvent defect_risk? solid_content temperature web_speed"},
      {"calendaring_anode calendaring_cathode",
       "final_thickness_um porosity defect_risk? roll_gap_um roll_pressure temperature roll_speed dry_thickness_um "
       "initial_porosity"},
      {"slitting_anode slitting_cathode",
       "final_thickness_um width_final_mm epsilon_width burr_factor defect_risk? blade_sharpness slitting_speed "
       "target_width_mm slitting_tension"},
      {"inspection_anode inspection_cathode",
       "final_width_mm final_thickness_um epsilon_width burr_factor porosity epsilon_thickness d_detected "
       "pass_width_mm? pass_thickness_um? pass_burr? pass_surface? overall? epsilon_width_max epsilon_thickness_max "
       "b_max d_surface_max"},
      {"rewinding",
       "final_thickness_um porosity final_width_mm epsilon_width wound_length_m roll_diameter_mm web_tension "
       "roll_hardness rewinding_speed initial_tension tapering_steps environment_humidity"},
      {"electrolyte_filling",
       "final_thickness_um porosity final_width_mm epsilon_width wound_length_m v_sep v_elec v_max eta_wetting "
       "v_elec_filling defect_risk? vacuum_level vacuum_filling soaking_time_s"},
      {"formation_cycling",
       "voltage_v capacity_Ah sei_efficiency eta_wetting volume_electrolyte charge_current_A charge_voltage_limit_V "
       "initial_voltage formation_duration_s"},
      {"aging", "soc initial_soc final_ocv_v leakage_current_A defect_risk? k_leak temperature aging_time_days"},
  };
  std::string sql = R"sql(
CREATE SCHEMA battery_twin;
CREATE VIEW battery_twin.batches AS
  SELECT n::bigint AS number, (n + 1)::text AS id, 'completed' AS status, 'mechanistic' AS models, n::bigint AS seed,
         1 AS attempt, now() - interval '3 min' AS created_at, now() - interval '2 min' AS started_at,
         now() - interval '1 min' AS finished_at, n = 2 AS scrapped, 5.1 + n / 100.0::float8 AS "capacity_Ah",
         19.0::float8 AS "energy_Wh", 0.018::float8 AS "resistance_Ohm", (n < 2)::int::float8 AS yield,
         jsonb_build_object('cells_started', 296.0, 'cells_good', 296.0 * (n < 2)::int,
                            'scrap_causes', jsonb_build_object('drying_anode wet_web', 296.0 * (n = 2)::int),
                            'machine_energy_kWh', jsonb_build_object('drying_anode', 4.5)) AS end_of_line,
         '[]'::jsonb AS warnings, NULL::text AS error
  FROM generate_series(0, 2) AS n;
CREATE VIEW battery_twin.machines AS
  SELECT b.id AS batch, s.station, 'completed' AS status, 20 AS steps,
         CASE WHEN b.scrapped THEN 'scrap' ELSE 'pass' END AS outcome, '["wet_web"]'::jsonb AS causes,
         '{}'::jsonb AS parameters, s.properties
  FROM battery_twin.batches AS b, (VALUES
    ('mixing_anode', '{"viscosity": 0.3, "solid_content": 0.5}'::jsonb),
    ('coating_anode', '{"wet_thickness": 1.6e-4, "dry_thickness": 1e-4, "solid_loading": 0.1}'),
    ('drying_anode', '{"adhesion": 5.5, "residual_solvent": 1e-6}'),
    ('calendaring_anode', '{"final_thickness": 7.4e-5, "porosity": 0.33}'),
    ('slitting_anode', '{"epsilon_width": 2e-5, "burr_factor": 0.4}'),
    ('inspection_anode', '{"epsilon_thickness": 1e-8, "epsilon_width": 2e-5, "D_detected": 0, "escapes": 1}'),
    ('rewinding_cell', '{"roll_diameter": 0.038, "overhang": 7e-4}'),
    ('electrolyte_filling_cell', '{"eta_wetting": 0.998, "V_elec_filling": 7.7e-6}'),
    ('formation_cycling_cell', '{"Capacity_Ah": 5.1, "sei_efficiency": 0.92}'),
    ('aging_cell', '{"self_discharge_mV_per_day": 0.05, "Final_OCV_V": 3.7}')) AS first (station, properties),
    LATERAL (SELECT first.station, first.properties
             UNION SELECT replace(first.station, 'anode', 'cathode'), first.properties) AS s;
CREATE VIEW battery_twin.log AS
  SELECT 1::bigint AS seq, now() - interval '1 min' AS "time", 'warning' AS level, 'machine_turned_off' AS type,
         '3' AS batch_id, 'drying_anode' AS station, 19 AS step, 'drying_anode turned off' AS message;
)sql";
  for (const Table& table : kTables) {
    std::istringstream names{std::string(table.names)};
    for (std::string name; names >> name;) {
      sql += "CREATE VIEW " + name +
             " AS SELECT step::bigint AS id, id AS batch, 'On' AS state, finished_at AT TIME ZONE 'UTC' AS "
             "\"timestamp\", step::float8 AS duration, '" +
             name + "' AS process, 25.0::float8 AS \"temperature_C\"";
      std::istringstream columns{std::string(table.columns)};
      for (std::string column; columns >> column;) {
        const bool is_boolean = column.ends_with('?');
        if (is_boolean) column.pop_back();
        sql += is_boolean ? ", scrapped AS \"" : ", (1 + step / 10.0)::float8 AS \"";
        sql += column;
        sql += '"';
      }
      sql += " FROM battery_twin.batches, generate_series(0, 19) AS step;\n";
    }
  }
  execute(url, sql);
}

// The user that docs/grafana.md tells to make.
class PostgresGrafana : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    database_ = shared_cluster().create_database();
    fill(shared_cluster().url(database_));
    const std::string page = text_of(BATTERY_TWIN_SOURCE_DIR "/docs/grafana.md");
    const std::size_t start = page.find("```sql\n") + 7;
    const std::string grants = page.substr(start, page.find("```", start) - start);
    ASSERT_NE(grants.find(" DATABASE battery_twin "), std::string::npos);
    execute(shared_cluster().admin_url(database_),
            replaced(grants, " DATABASE battery_twin ", " DATABASE " + database_ + " "));
    reader_ = replaced(shared_cluster().url(database_), "twin:secret@", "grafana:change-me@");
  }

  static void TearDownTestSuite() {
    execute(shared_cluster().admin_url(database_), "DROP OWNED BY grafana; DROP ROLE grafana");
  }

  static Rows ask(const std::string& sql, const std::string& batch = {}) {
    const std::string sent = as_grafana_sends_it(sql, batch);
    try {
      return query(reader_, sent);
    } catch (const std::runtime_error& problem) {
      ADD_FAILURE() << problem.what() << '\n' << sent;
      return {};
    }
  }

  // What can be chosen as batch, in the order of the list. Grafana chooses the first one.
  static std::vector<std::string> choices(const Json& dashboard) {
    std::vector<std::string> values;
    for (const Json& variable : dashboard["templating"]["list"]) {
      for (const auto& row : ask(variable["query"])) values.push_back(row.at(1).value());
    }
    return values;
  }

  static std::string database_;
  static std::string reader_;
};

std::string PostgresGrafana::database_;
std::string PostgresGrafana::reader_;

// A misspelled property of a machine would be null and no error.
void expect_data(const Rows& rows, bool every_column) {
  ASSERT_FALSE(rows.empty());
  std::size_t columns_with_data = 0;
  for (std::size_t i = 0; i < rows.front().size(); ++i) {
    const bool has_data = std::ranges::any_of(rows, [&](const auto& row) { return row[i].has_value(); });
    columns_with_data += has_data ? 1 : 0;
    EXPECT_TRUE(has_data || !every_column) << "column " << i + 1 << " is empty";
  }
  EXPECT_GT(columns_with_data, 0U);
}

TEST_F(PostgresGrafana, EveryQueryGivesData) {
  std::size_t queries = 0;
  for_each_panel([&](const Json& dashboard, const Json& panel) {
    if (is_row(panel)) return;
    const std::vector<std::string> batches =
        dashboard["templating"]["list"].empty() ? std::vector<std::string>{""} : choices(dashboard);
    ASSERT_FALSE(batches.empty());
    for (const Json& target : panel["targets"]) {
      for (const std::string& batch : {batches.front(), batches.back()}) {
        SCOPED_TRACE("batch " + batch);
        expect_data(ask(target["rawSql"], batch), panel["type"] != "table");
        ++queries;
      }
    }
  });
  EXPECT_GT(queries, 100U);
}

TEST_F(PostgresGrafana, TheNewestBatchIsChosenAndTheLastChoiceIsAllOfThem) {
  for (const Json& dashboard : dashboards()) {
    if (dashboard["templating"]["list"].empty()) continue;
    EXPECT_EQ(choices(dashboard), (std::vector<std::string>{"3", "2", "1", "*"}));
    const std::string sql = dashboard["panels"][0]["targets"][0]["rawSql"];
    EXPECT_EQ(ask(sql, "*").size(), 3 * ask(sql, "2").size());
    EXPECT_EQ(ask(sql, "a batch's").size(), 0U);
  }
}

TEST_F(PostgresGrafana, ItsUserMayOnlyReadTheViews) {
  const std::string relations =
      "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace IN "
      "('public'::regnamespace, "
      "'battery_twin'::regnamespace) AND has_table_privilege(oid, ";
  EXPECT_EQ(query(reader_, relations + "'SELECT')"), Rows{{"19"}});
  EXPECT_EQ(query(reader_, relations + "'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"), Rows{{"0"}});
  EXPECT_EQ(query(reader_, "SELECT has_schema_privilege('battery_twin', 'CREATE')"), Rows{{"f"}});
  EXPECT_THROW(execute(reader_, "CREATE TEMPORARY TABLE own (n int)"), std::runtime_error);
}

// What Grafana would not tell of the JSON -----------------------------------------------------------------------------

TEST(PostgresGrafanaFiles, DashboardsAndPanelsHaveNamesOfTheirOwn) {
  std::set<std::string> uids;
  std::set<std::string> titles;
  for (const Json& dashboard : dashboards()) {
    EXPECT_TRUE(uids.insert(dashboard["uid"]).second) << dashboard["uid"];
    EXPECT_TRUE(titles.insert(dashboard["title"]).second) << dashboard["title"];
    std::set<int> ids;
    std::set<std::string> panels;
    for (const Json& panel : dashboard["panels"]) {
      EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << dashboard["uid"] << panel["id"];
      EXPECT_TRUE(panels.insert(panel["title"]).second) << dashboard["uid"] << panel["title"];
    }
    EXPECT_EQ(panels.count(""), 0U);
  }
  EXPECT_EQ(uids, (std::set<std::string>{"battery-twin-anode", "battery-twin-cathode", "battery-twin-cell",
                                         "battery-twin-overview"}));
}

TEST(PostgresGrafanaFiles, EverythingAsksTheProvisionedDataSource) {
  EXPECT_NE(text_of(kFolder + "/provisioning/datasources/battery-twin.yaml").find("uid: " + kDataSource + ' '),
            std::string::npos);
  for (const Json& dashboard : dashboards()) {
    for (const Json& variable : dashboard["templating"]["list"]) EXPECT_EQ(variable["datasource"]["uid"], kDataSource);
  }
  for_each_panel([](const Json&, const Json& panel) {
    if (is_row(panel)) return;
    EXPECT_EQ(panel["datasource"]["uid"], kDataSource);
    EXPECT_FALSE(panel["targets"].empty());
    for (const Json& target : panel["targets"]) {
      EXPECT_EQ(target["datasource"]["uid"], kDataSource);
      EXPECT_EQ(target["rawQuery"], true);
      EXPECT_EQ(target["format"], panel["type"] == "timeseries" ? "time_series" : "table");
    }
  });
}

TEST(PostgresGrafanaFiles, EveryFigureHasAUnit) {
  for_each_panel([](const Json&, const Json& panel) {
    if (is_row(panel) || panel["type"] == "table") return;
    EXPECT_FALSE(panel["fieldConfig"]["defaults"].value("unit", "").empty());
  });
}

TEST(PostgresGrafanaFiles, OptionsNameColumnsOfTheQuery) {
  for_each_panel([](const Json&, const Json& panel) {
    if (is_row(panel)) return;
    const std::string sql = panel["targets"][0]["rawSql"];
    std::vector<std::string> names;
    for (const Json& override : panel["fieldConfig"]["overrides"]) names.push_back(override["matcher"]["options"]);
    const Json options = panel.value("options", Json::object());
    if (options.contains("xField")) names.push_back(options["xField"]);
    if (options.contains("dims")) names.push_back(options["dims"]["x"]);
    for (const std::string& name : names) {
      const std::regex column("(^|[ \",.])" + name + "($|[ \",])");
      EXPECT_TRUE(std::regex_search(sql, column)) << name << " is not in " << sql;
    }
  });
}

TEST(PostgresGrafanaFiles, PanelsDoNotOverlap) {
  for (const Json& dashboard : dashboards()) {
    std::set<std::pair<int, int>> taken;
    for (const Json& panel : dashboard["panels"]) {
      const Json& at = panel["gridPos"];
      const int x = at["x"];
      const int y = at["y"];
      EXPECT_LE(x + at["w"].get<int>(), 24) << dashboard["uid"] << panel["title"];
      for (int column = x; column < x + at["w"].get<int>(); ++column) {
        for (int row = y; row < y + at["h"].get<int>(); ++row) {
          EXPECT_TRUE(taken.insert({column, row}).second) << dashboard["uid"] << panel["title"];
        }
      }
    }
  }
}

TEST(PostgresGrafanaFiles, LinksLeadToDashboards) {
  std::set<std::string> uids;
  std::set<std::string> tags;
  for (const Json& dashboard : dashboards()) {
    uids.insert(dashboard["uid"]);
    for (const Json& tag : dashboard["tags"]) tags.insert(tag);
  }
  std::size_t links = 0;
  for (const Json& dashboard : dashboards()) {
    for (const Json& link : dashboard["links"]) {
      for (const Json& tag : link["tags"]) EXPECT_EQ(tags.count(tag), 1U) << tag;
    }
    static const std::regex kPath(R"re("/d/([^?"/]+)\?var-batch=)re");
    const std::string text = dashboard.dump();
    for (std::sregex_iterator link(text.begin(), text.end(), kPath), end; link != end; ++link, ++links) {
      EXPECT_EQ(uids.count((*link)[1]), 1U) << (*link)[1];
    }
  }
  EXPECT_EQ(links, 6U);  // from a batch, in two tables, to three lines
}

TEST(PostgresGrafanaFiles, TheElectrodesHaveTheSameDashboard) {
  EXPECT_EQ(replaced(text_of(kFolder + "/dashboards/anode.json"), "anode", "cathode"),
            text_of(kFolder + "/dashboards/cathode.json"));
}

}  // namespace
}  // namespace battery_twin::store::testing
