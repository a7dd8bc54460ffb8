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
#include <thread>
#include <utility>
#include <vector>

#include "battery_twin/plant/event_queue.hpp"
#include "postgres/postgres_cluster.hpp"
#include "store_testing.hpp"

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

// Three batches that a plant completes now. The drier of the last one is far too cold, which is told and ends as scrap.
void fill(const std::string& url) {
  const Folder folder;
  const plant::Layout& layout = plant::standard_layout();
  const auto store = open_postgres(layout, {.url = url, .spool = {.path = folder.file()}});
  plant::EventQueue events;
  plant::Kept kept = load(*store);
  events.keep(*store, kept.last_seq);
  store->on_kept([&](std::uint64_t seq) { events.kept(seq); });
  {
    plant::PlantSimulation plant(layout, {.seed = 1, .step_interval = {}}, events, store.get(), std::move(kept));
    for (const char* id : {"1", "2", "3"}) {
      plant::BatchRequest request{.id = id};
      if (std::string_view(id) == "3") {
        request.parameters.resize(layout.stations().size());
        const plant::Station& drying = *layout.find_process("drying_anode");
        process::Values& values = request.parameters[drying.index].emplace(
            drying.type->defaults(process::ModelSet::mechanistic, drying.line));
        values[*drying.type->index_of("web_speed")] = 2.0;
        request.warnings.emplace_back("web_speed 2 m/s is fast");
      }
      Mailbox<bool> accepted;
      plant.enqueue(std::move(request), [&](const auto& answer) { accepted.put(answer.index() == 0); });
      ASSERT_TRUE(accepted.wait_for(1).front());
    }
    const auto until = std::chrono::steady_clock::now() + kDeadline;
    while (plant.counters().completed < 3) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    plant.stop();
  }
  store->close();
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
  EXPECT_EQ(query(reader_, relations + "'SELECT')"), Rows{{"20"}});
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
