// `battery-twin simulate` as a person at a terminal sees it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace battery_twin::system {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

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
        "cd " + folder_.string() + " && " BATTERY_TWIN_BINARY " simulate " + arguments + " > out 2> err";
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
  EXPECT_EQ(lines("steps.jsonl"), 2u * (2 * (261 + 20 + 200 + 60 + 30 + 10) + 24 + 10 + 2 + 240));
  std::istringstream all(text("steps.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(all, line));
  const Json first = Json::parse(line);
  EXPECT_EQ(first.at("machine"), "mixing_anode");
  EXPECT_EQ(first.at("step"), 0);
  EXPECT_EQ(first.at("properties").at("yield_stress"), -32.8);
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

TEST_F(Simulate, PrintsASummary) {
  ASSERT_EQ(run("--batches 100 --seed 1"), 0);
  EXPECT_NE(text("out").find("100 batches"), std::string::npos);
  EXPECT_NE(text("out").find("capacity_Ah"), std::string::npos);
}

}  // namespace
}  // namespace battery_twin::system
