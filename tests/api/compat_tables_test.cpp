// GET /api/db/{table} over a SQLite file: every machine's steps, with the columns of the Python server's tables.
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "api_under_test.hpp"
#include "compat/names.hpp"
#include "schema_checker.hpp"
#include "system/temporary_folder.hpp"

namespace battery_twin::api {
namespace {

using process::ModelSet;

// The routes over a plant and a file.
class StoredTwin {
 public:
  explicit StoredTwin(ModelSet models)
      : store_(store::open_sqlite(plant::standard_layout(), {.path = folder_.file()})) {
    plant::Kept kept = store_->load(models, 2, 10);
    events_.keep(*store_, kept.last_seq);
    store_->on_kept([this](std::uint64_t seq) { events_.kept(seq); });
    const plant::PlantConfig config{.models = models, .step_interval = plant::Interval(0), .history_limit = 2};
    plant_ = std::make_unique<plant::PlantSimulation>(plant::standard_layout(), config, events_, store_.get(),
                                                      std::move(kept));
    api_ = make_api(*plant_, events_, {.version = "1.2.3", .limits = {.models = models}, .store = store_.get()});
  }
  ~StoredTwin() {
    plant_->stop();
    store_->close();
  }

  Response ask(std::string_view method, std::string_view path, std::string_view body = {}) {
    std::promise<Response> promise;
    auto future = promise.get_future();
    const Later later = [&]() -> Reply { return [&](Response response) { promise.set_value(std::move(response)); }; };
    const RequestHead head{.method = method,
                           .path = path,
                           .content_type = body.empty() ? "" : "application/json",
                           .has_body = !body.empty()};
    if (auto response = api_->handle(head, body, later)) return *response;
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) throw std::runtime_error("no answer");
    return future.get();
  }
  Json get(std::string_view path) {
    const Response response = ask("GET", path);
    EXPECT_EQ(response.status, 200) << path << response.body;
    return Json::parse(response.compressed ? response.compressed->plain : response.body);
  }
  void run(int batches, std::string_view body = "{}") {
    for (int i = 0; i < batches; ++i) ASSERT_EQ(ask("POST", "/factory/start", body).status, 200);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!plant_->status().is_idle()) {
      api_->pump();
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  plant::PlantSimulation& plant() { return *plant_; }
  store::Store& store() { return *store_; }

 private:
  battery_twin::testing::TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_;
  plant::EventQueue events_;
  std::unique_ptr<plant::PlantSimulation> plant_;
  std::unique_ptr<Api> api_;
};

// Columns in order, by the name of the table in SQL.
std::map<std::string, std::vector<std::string>> expected_columns() {
  std::map<std::string, std::vector<std::string>> tables;
  std::ifstream file(BATTERY_TWIN_TEST_DATA "/machine_tables.txt");
  for (std::string line; std::getline(file, line);) {
    const std::size_t bar = line.find('|');
    if (line.starts_with('#') || bar == std::string::npos) continue;
    std::vector<std::string> columns{"id", "batch", "state", "timestamp", "duration", "process", "temperature_C"};
    std::istringstream names(line.substr(bar + 1));
    for (std::string name; names >> name;) columns.push_back(name.substr(0, name.find('(')));
    std::istringstream all(line.substr(0, bar));
    for (std::string table; all >> table;) tables[table] = columns;
  }
  return tables;
}

class CompatTablesOf : public ::testing::TestWithParam<ModelSet> {};

TEST_P(CompatTablesOf, HaveEveryStepWithThePythonServersColumns) {
  StoredTwin twin(GetParam());
  const Json nothing = twin.get("/api/db/aging");
  EXPECT_EQ(nothing.at("data"), Json::array());
  EXPECT_NE(nothing.at("message").get<std::string>().find("no batch has been"), std::string::npos) << nothing;
  twin.run(1, R"({"id": "first", "aging_params": {"aging_time_days": 2}, "formation_cycling_params":
    {"formation_duration_s": 600}, "electrolyte_filling_params": {"soaking_time": 60}})");
  const Json document = twin.get("/openapi.json");
  const json_schema::SchemaChecker checker(document, json_schema::SchemaChecker::Reading::closed);
  const auto tables = expected_columns();
  const compat::Names names(plant::standard_layout());
  const plant::BatchRecord batch = twin.plant().batch("first").value();
  for (const compat::Machine& machine : names.machines()) {
    const plant::Station& station = *machine.station;
    const Json answer = twin.get("/api/db/" + machine.table);
    EXPECT_EQ(checker.problem_at("#/components/schemas/CompatTable", answer), "") << machine.table;
    const Json& rows = answer.at("data");
    ASSERT_EQ(rows.size(), batch.machines[station.index].steps) << machine.table;
    const std::string name =
        station.line == process::Line::cell ? std::string(station.type->name) : station.process_name;
    std::vector<std::string> columns;
    for (const auto& [column, value] : rows.at(0).items()) columns.push_back(column);
    EXPECT_EQ(columns, tables.at(name)) << machine.table;
    std::int64_t step = 0;
    std::int64_t last_id = 0;
    for (const Json& row : rows) {
      EXPECT_EQ(row.at("duration"), step++);
      EXPECT_EQ(row.at("batch"), "first");
      EXPECT_EQ(row.at("process"), station.process_name);
      EXPECT_EQ(row.at("state"), "On");
      EXPECT_GT(row.at("id").get<std::int64_t>(), last_id);
      last_id = row.at("id");
    }
  }
  // Some figures in the unit of their column, beside what the native routes say.
  const auto native = [&](std::string_view process, std::string_view property) {
    const plant::Station& station = *plant::standard_layout().find_process(process);
    const Json properties =
        to_json(station.type->model(GetParam()).outputs, station.line, batch.machines[station.index].properties);
    return properties.at(std::string(property)).get<double>();
  };
  const auto last = [&](std::string_view table) { return twin.get("/api/db/" + std::string(table)).at("data").back(); };
  EXPECT_DOUBLE_EQ(last("anode_coating").at("wet_thickness_um").get<double>(),
                   native("coating_anode", "wet_thickness") * 1e6);
  EXPECT_DOUBLE_EQ(last("cathode_slitting").at("width_final_mm").get<double>(),
                   native("slitting_cathode", "width_final") * 1e3);
  EXPECT_EQ(last("aging").at("aging_time_days"), 2.0);
  EXPECT_EQ(last("aging").at("temperature_C"), 25.0);
  EXPECT_TRUE(last("anode_coating").at("temperature").is_null());
  EXPECT_TRUE(last("anode_inspection").at("overall").is_boolean());
}

TEST_P(CompatTablesOf, HaveTheNewestRowsInOrder) {
  StoredTwin twin(GetParam());
  // 6 batches with 240 steps each: more than an answer has, and than the plant remembers.
  twin.run(6, R"({"aging_params": {"aging_time_days": 10}, "formation_cycling_params": {"formation_duration_s": 600},
    "electrolyte_filling_params": {"soaking_time": 60}})");
  const Json rows = twin.get("/api/db/aging").at("data");
  ASSERT_EQ(rows.size(), 1000u);
  EXPECT_EQ(rows.front().at("batch"), "2");
  EXPECT_EQ(rows.front().at("duration"), 240 - 40);
  EXPECT_EQ(rows.back().at("batch"), "6");
  EXPECT_EQ(rows.back().at("duration"), 239);
  std::int64_t last_id = 0;
  for (const Json& row : rows) {
    EXPECT_GT(row.at("id").get<std::int64_t>(), last_id);
    last_id = row.at("id");
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CompatTablesOf, ::testing::ValuesIn(process::kModelSets),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace
}  // namespace battery_twin::api
