// `battery-twin simulate` as a person at a terminal sees it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

namespace fs = std::filesystem;

class Simulate : public ::testing::Test {
 protected:
  Simulate() {
    std::string pattern = (fs::temp_directory_path() / "simulate-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Simulate() override { fs::remove_all(folder_); }

  // Exit code; what was printed is in "out" and "err".
  int run(const std::string& arguments) const {
    const std::string command =
        "cd " + folder_.string() + " && " + binary() + " simulate " + arguments + " > out 2> err";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  // Exit code of a shell script that may say $SIMULATE.
  int shell(const std::string& script) const {
    const std::string command =
        "cd " + folder_.string() + " && SIMULATE='" + binary() + " simulate' && { " + script + "; }";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  std::string text(const std::string& name) const {
    std::ifstream file(folder_ / name);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
  std::size_t lines(const std::string& name) const {
    const std::string all = text(name);
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
  }
  void write(const std::string& name, const std::string& content) const { std::ofstream(folder_ / name) << content; }

  fs::path folder_;
};

TEST_F(Simulate, GivesTheSameForAnyNumberOfThreads) {
  for (const std::string models : {"mechanistic", "reference"}) {
    SCOPED_TRACE(models);
    const std::string batches = "--models " + models + " --batches 200";
    ASSERT_EQ(run(batches + " --seed 7 --threads 1 --output one.csv"), 0);
    ASSERT_EQ(run(batches + " --seed 7 --threads 8 --output eight.csv"), 0);
    EXPECT_EQ(text("one.csv"), text("eight.csv"));
    EXPECT_EQ(lines("one.csv"), 201u);
    ASSERT_EQ(run(batches + " --seed 8 --output other.csv"), 0);
    EXPECT_NE(text("one.csv"), text("other.csv"));
    // Every step of a batch is some hundred kilobytes.
    const std::string traced = "--models " + models + " --batches 40";
    ASSERT_EQ(run(traced + " --seed 7 --threads 1 --trace one.jsonl --output traced.csv"), 0);
    ASSERT_EQ(run(traced + " --seed 7 --threads 8 --trace eight.jsonl"), 0);
    EXPECT_FALSE(text("one.jsonl").empty());
    EXPECT_EQ(text("one.jsonl"), text("eight.jsonl"));
    EXPECT_TRUE(text("one.csv").starts_with(text("traced.csv"))) << "a trace changes no result";
  }
}

TEST_F(Simulate, TracesEveryStepOfEveryMachine) {
  ASSERT_EQ(run("--models reference --batches 2 --noise off --seed 1 --trace steps.jsonl"), 0);
  std::istringstream all(text("steps.jsonl"));
  std::string line;
  std::map<std::string, std::vector<std::size_t>> steps;  // of both batches
  while (std::getline(all, line)) {
    const Json row = Json::parse(line);
    if (steps.empty()) {
      EXPECT_EQ(row.at("machine"), "mixing_anode");
      EXPECT_EQ(row.at("properties").at("yield_stress"), -32.8);
    }
    steps[row.at("machine")].push_back(row.at("step"));
  }
  EXPECT_EQ(steps.size(), kMachines.size());
  // docs/reference-models.md
  const std::map<std::string_view, std::size_t> known{
      {"mixing", 261},    {"coating", 20},   {"drying", 200}, {"calendaring", 60},         {"slitting", 30},
      {"inspection", 10}, {"rewinding", 24}, {"aging", 240},  {"electrolyte_filling", 10}, {"formation_cycling", 2},
  };
  for (const MachineName& machine : kMachines) {
    const std::vector<std::size_t>& found = steps[machine.process()];
    const auto expected = known.find(machine.machine);
    const std::size_t count = expected == known.end() ? found.size() / 2 : expected->second;
    ASSERT_EQ(found.size(), 2 * count) << machine.process();
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], i % count) << machine.process();
  }
}

TEST_F(Simulate, TakesParametersIdsAndSeedsFromAFile) {
  write("batches.json", R"([{"id":"a"},{"id":"b","seed":3,"aging_params":{"aging_time_days":1}}])");
  ASSERT_EQ(run("--parameters batches.json --noise off --seed 1 --output rows.jsonl --trace steps.jsonl"), 0);
  std::istringstream rows(text("rows.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(rows, line));
  EXPECT_EQ(Json::parse(line).at("batch"), "a");
  ASSERT_TRUE(std::getline(rows, line));
  EXPECT_EQ(Json::parse(line).at("batch"), "b");
  EXPECT_EQ(Json::parse(line).at("seed"), 3);
  EXPECT_NE(text("steps.jsonl").find(R"({"batch_id":"b","machine":"aging_cell","step":23,)"), std::string::npos);
  EXPECT_EQ(text("steps.jsonl").find(R"({"batch_id":"b","machine":"aging_cell","step":24,)"), std::string::npos);
}

TEST_F(Simulate, SaysWhatIsWrongWithItsInput) {
  write("bad.json", R"({"anode_coating_params":{"gap_height":-1,"gap":1}})");
  EXPECT_EQ(run("--parameters bad.json"), 2);
  EXPECT_NE(text("err").find("gap_height"), std::string::npos);
  EXPECT_NE(text("err").find("Extra inputs"), std::string::npos);
  write("two.json", R"([{},{}])");
  EXPECT_EQ(run("--parameters two.json --batches 3"), 2);
  write("same.json", R"([{"id":"a"},{"id":"a"}])");
  EXPECT_EQ(run("--parameters same.json"), 2);
  EXPECT_EQ(run("--parameters none.json"), 2);
  EXPECT_EQ(run("--output rows.txt"), 2);
  EXPECT_EQ(run("--output nowhere/rows.csv"), 2);
  EXPECT_EQ(run("--models imaginary"), 2);
}

TEST_F(Simulate, PrintsAReportForTheMeeting) {
  ASSERT_EQ(run("--batches 100 --seed 1"), 0);
  const std::string report = text("out");
  for (const std::string part :
       {"100 batches, models mechanistic, cell pouch_5Ah, noise on, seed 1", "mean", "deviation", "5 %", "50 %", "95 %",
        "capacity_Ah", "internal_resistance_mOhm", "yield of a batch", "Cells started 29600, good ",
        "Scrap by first cause", "inspection_anode width not passed",
        "Parameters that explain the spread of capacity_Ah", "mixing_cathode AM", "Energy used per batch"}) {
    EXPECT_NE(report.find(part), std::string::npos) << part << " is missing in\n" << report;
  }
  ASSERT_EQ(run("--batches 100 --seed 1 --threads 7"), 0);
  EXPECT_EQ(text("out"), report);
  ASSERT_EQ(run("--models reference --batches 100 --seed 1"), 0);
  EXPECT_NE(text("out").find("aging_cell: defect_risk: 100"), std::string::npos);
}

TEST_F(Simulate, WithoutNoiseNothingIsExplained) {
  ASSERT_EQ(run("--batches 3 --noise off --seed 1"), 0);
  EXPECT_NE(text("out").find("Cells started 888, good 888 (100.00 %)"), std::string::npos);
  EXPECT_EQ(text("out").find("explain the spread"), std::string::npos);
}

TEST_F(Simulate, WritesARowPerCell) {
  ASSERT_EQ(run("--batches 2 --seed 1 --per-cell --output cells.csv"), 0);
  ASSERT_EQ(run("--batches 2 --seed 1 --per-cell --output cells.jsonl"), 0);
  EXPECT_EQ(lines("cells.csv"), 1u + 2 * 296);
  EXPECT_EQ(lines("cells.jsonl"), 2u * 296);
  const std::string csv = text("cells.csv");
  EXPECT_EQ(csv.substr(0, 23), "batch,cell,good,cause,c");
  std::istringstream rows(text("cells.jsonl"));
  std::string line;
  std::size_t good = 0;
  double capacity = 0;
  while (std::getline(rows, line)) {
    const Json cell = Json::parse(line);
    EXPECT_EQ(cell.at("good").get<bool>(), cell.at("cause").is_null()) << line;
    if (cell.at("batch") != "0" || !cell.at("good").get<bool>()) continue;
    ++good;
    capacity += cell.at("capacity_Ah").get<double>();
  }
  // The batch's row is made of its cells.
  ASSERT_EQ(run("--batches 2 --seed 1 --output batches.jsonl"), 0);
  const Json batch = Json::parse(text("batches.jsonl").substr(0, text("batches.jsonl").find('\n')));
  EXPECT_EQ(batch.at("cells_good"), good);
  EXPECT_NEAR(batch.at("capacity_Ah").get<double>(), capacity / static_cast<double>(good), 1e-9);
  EXPECT_EQ(run("--models reference --per-cell --output cells.csv"), 2);
}

TEST_F(Simulate, VariesAFieldAndSaysWhatItExplains) {
  const std::string vary = " --vary cathode_coating_params.flow_rate=3.4e-6:3.7e-6";
  ASSERT_EQ(run("--batches 60 --seed 1" + vary), 0);
  const std::string report = text("out");
  const auto explained = report.find("explain the spread of capacity_Ah");
  ASSERT_NE(explained, std::string::npos);
  // The first line names the flow, as it was set or as the pump gave it.
  const std::string first = report.substr(report.find('\n', explained) + 1, 60);
  EXPECT_NE(first.find("flow_rate"), std::string::npos) << first;
  ASSERT_EQ(run("--batches 60 --seed 1 --threads 1 --output one.csv" + vary), 0);
  ASSERT_EQ(run("--batches 60 --seed 1 --threads 5 --output five.csv" + vary), 0);
  EXPECT_EQ(text("one.csv"), text("five.csv"));
  for (const std::string wrong : {"flow_rate=1:2", "anode_coating_params.flow=1:2", "anode_coating_params.flow_rate=1",
                                  "anode_coating_params.flow_rate=-1:2", "anode_coating_params.flow_rate=1:x"}) {
    EXPECT_EQ(run("--batches 2 --vary " + wrong), 2) << wrong;
    EXPECT_NE(text("err").find("--vary " + wrong), std::string::npos) << text("err");
  }
}

TEST_F(Simulate, BuildsTheCellItIsGiven) {
  ASSERT_EQ(run("--batches 2 --seed 1 --cell 18650_2p6Ah --output round.jsonl"), 0);
  const Json round = Json::parse(text("round.jsonl").substr(0, text("round.jsonl").find('\n')));
  EXPECT_EQ(round.at("cells_started"), 568);
  EXPECT_NEAR(round.at("capacity_Ah").get<double>(), 2.68, 0.03);
  // The files in config/cells are the built-in designs.
  for (const std::string name : {"pouch_5Ah", "18650_2p6Ah"}) {
    ASSERT_EQ(run("--batches 3 --seed 2 --cell " + name), 0);
    const std::string built_in = text("out");
    ASSERT_EQ(run("--batches 3 --seed 2 --cell " BATTERY_TWIN_SOURCE_DIR "/config/cells/" + name + ".json"), 0);
    EXPECT_EQ(text("out"), built_in);
  }
  write("short.json", R"({"name":"short","electrode_length":1.0,"nominal_capacity":1.9})");
  ASSERT_EQ(run("--batches 1 --seed 1 --cell short.json"), 0);
  EXPECT_NE(text("out").find("cell short"), std::string::npos);
  EXPECT_NE(text("out").find("Cells started 800"), std::string::npos);
  write("bad.json", R"({"electrode_lenght":1})");
  write("range.json", R"({"electrode_length":-1})");
  write("broken.json", R"({"electrode_length":)");
  for (const std::string file : {"bad.json", "range.json", "broken.json", "none.json"}) {
    EXPECT_EQ(run("--cell " + file), 2) << file;
    EXPECT_NE(text("err").find(file), std::string::npos) << text("err");
  }
}

TEST_F(Simulate, EndsAtOnceWithWhatIsDone) {
  // One batch of these takes seconds: the signal comes in the middle of it.
  write("slow.json", R"({"formation_cycling_params":{"charge_current_A":0.003,"charge_voltage_limit_V":3.1,
    "formation_duration_s":6e7},"anode_coating_params":{"flow_rate":8e-5,"coating_width":10},
    "cathode_coating_params":{"flow_rate":5e-5,"coating_width":10}})");
  const std::string interrupt = " & sleep 1; kill -INT $!; wait $!";
  EXPECT_EQ(shell("$SIMULATE --batches 100000 --parameters slow.json > out" + interrupt), 130);
  EXPECT_NE(text("out").find("batches, models mechanistic"), std::string::npos);
  EXPECT_EQ(shell("$SIMULATE --batches 100000000 --cells 1 --output rows.csv" + interrupt), 130);
  const std::string rows = text("rows.csv");
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back(), '\n') << "no row is cut";
}

TEST_F(Simulate, SaysWhenItCannotWrite) {
  EXPECT_EQ(shell("$SIMULATE --batches 2 > /dev/full 2> said"), 1);
  EXPECT_NE(text("said").find("cannot write"), std::string::npos);
  EXPECT_EQ(shell("ln -s /dev/full full.csv; $SIMULATE --batches 2 --output full.csv 2> said"), 1);
  EXPECT_EQ(run("--batches 2 --output same.csv --trace same.csv"), 2);
  EXPECT_NE(text("err").find("named for two things"), std::string::npos);
}

TEST_F(Simulate, GivesWhatTheServerGives) {
  const Json body{{"id", "same"}, {"seed", 4711}, {"anode_coating_params", {{"gap_height", 260e-6}}}};
  write("same.json", body.dump());
  ASSERT_EQ(run("--parameters same.json --output same.jsonl"), 0);
  const Json row = Json::parse(text("same.jsonl"));

  const Twin twin({"--step-interval", "0"});
  WsClient events = twin.listen();
  twin.start(body);
  events.wait_for_status("batch_completed", "same");
  const Json figures = twin.get("/batches/same").at("end_of_line");
  for (const auto& [name, value] : figures.items()) EXPECT_EQ(row.at(name), value) << name;
}

TEST_F(Simulate, TakesLiteralStepsToTheSameFigures) {
  ASSERT_EQ(run("--batches 4 --cells 16 --seed 3 --output wide.jsonl"), 0);
  ASSERT_EQ(run("--batches 4 --cells 16 --seed 3 --stepping literal --output literal.jsonl"), 0);
  std::istringstream wide(text("wide.jsonl"));
  std::istringstream literal(text("literal.jsonl"));
  std::string one, other;
  while (std::getline(wide, one)) {
    ASSERT_TRUE(std::getline(literal, other));
    const Json a = Json::parse(one), b = Json::parse(other);
    for (const std::string figure : {"capacity_Ah", "energy_Wh", "internal_resistance_mOhm", "mass_g",
                                     "self_discharge_mV_per_day", "first_cycle_efficiency"}) {
      const double value = a.at(figure).get<double>();
      EXPECT_NEAR(b.at(figure).get<double>(), value, 2e-4 * value) << figure;
    }
  }
}

}  // namespace
}  // namespace battery_twin::system
