// The README's own curl lines, byte for byte, pasted into a shell, in the order in which they stand there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr std::string_view kPublished = "http://localhost:8000";

struct Example {
  std::string text;    // as it stands in the README
  std::string method;  // "" for GET
  std::string path;
};

// The commands of the bash blocks that call curl; a backslash at the end of a line, or an open quote, goes on.
std::vector<Example> curl_examples(const std::string& file) {
  std::ifstream stream(file);
  std::vector<Example> examples;
  bool in_block = false;
  std::string command;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("```")) {
      in_block = !in_block && (line == "```bash" || line == "```sh" || line == "```shell");
      command.clear();
      continue;
    }
    if (!in_block || (command.empty() && !line.starts_with("curl"))) continue;
    command += line + "\n";
    const bool in_quotes = std::ranges::count(command, '\'') % 2 != 0;
    if (line.ends_with('\\') || in_quotes) continue;
    Example example{.text = command};
    if (const auto method = command.find("-X "); method != std::string::npos)
      example.method = command.substr(method + 3, command.find_first_of(" \n\\", method + 3) - method - 3);
    if (const auto url = command.find(kPublished); url != std::string::npos) {
      const auto start = url + kPublished.size();
      example.path = command.substr(start, command.find_first_of(" \"'\n\\", start) - start);
    }
    examples.push_back(std::move(example));
    command.clear();
  }
  return examples;
}

struct Answer {
  int status = 0;
  Json body;
};

// What the command prints when curl is told to be quiet and to add the status.
Answer run(const Twin& twin, const Example& example) {
  std::string text = example.text;
  for (auto at = text.find(kPublished); at != std::string::npos; at = text.find(kPublished, at))
    text.replace(at, kPublished.size(), twin.server.url());
  Process shell({"bash", "-c", "curl() { command curl -s -w '\\n%{http_code}' \"$@\"; }\n" + text});
  if (shell.wait() != 0) throw std::runtime_error("the example failed: " + text + shell.err());
  const std::string out = shell.out();
  const auto status = out.rfind('\n');
  return {.status = std::atoi(out.c_str() + status + 1), .body = Json::parse(out.substr(0, status))};
}

// The five that the README has always had, wherever they stand and whatever stands beside them.
const std::vector<Example>& published_examples() {
  static const std::vector<Example> five = [] {
    const auto all = curl_examples(std::string(BATTERY_TWIN_SOURCE_DIR) + "/README.md");
    std::vector<Example> found;
    for (const auto& [method, path] :
         std::initializer_list<std::pair<std::string, std::string>>{{"POST", "/start-simulation"},
                                                                    {"POST", "/factory/start"},
                                                                    {"PATCH", "/machine/anode/mixing/parameters"},
                                                                    {"", "/machine/anode/mixing/status"},
                                                                    {"", "/factory/status"}}) {
      for (const Example& example : all) {
        const bool same_method = example.method == method || (method.empty() && example.method == "GET");
        if (!same_method || example.path != path) continue;
        found.push_back(example);
        break;
      }
    }
    return found;
  }();
  return five;
}

TEST(Readme, HasTheFiveExamples) {
  const auto& examples = published_examples();
  EXPECT_EQ(examples.size(), 5u);
}

bool tells_of_solids(const Json& warnings) {
  return std::ranges::any_of(
      warnings, [](const Json& warning) { return warning.get<std::string>().find("solids") != std::string::npos; });
}

// What the published recipes give is powder, not slurry: the batch is made to its end, and is scrap.
void expect_powder(const Json& batch) {
  EXPECT_EQ(batch.at("status"), "completed");
  EXPECT_TRUE(tells_of_solids(batch.at("warnings"))) << batch.at("warnings");
  EXPECT_EQ(batch.at("machines").at("mixing_anode").at("outcome"), "scrap");
  EXPECT_FALSE(batch.at("machines").at("mixing_anode").at("causes").empty());
  EXPECT_EQ(batch.at("machines").at("aging_cell").at("outcome"), "scrap");
  EXPECT_EQ(batch.at("end_of_line").at("cells_good"), 0);
}

TEST(Readme, ItsExamplesWorkAsPasted) {
  const auto& examples = published_examples();
  ASSERT_EQ(examples.size(), 5u);
  const Twin twin;
  WsClient events = twin.listen();

  const Answer simulation = run(twin, examples[0]);
  ASSERT_EQ(simulation.status, 200) << simulation.body;
  const std::string first = simulation.body.at("batch_id");
  const Json batch = twin.get("/batches/" + first).at("parameters");
  EXPECT_TRUE(batch.contains("anode_mixing_params"));
  EXPECT_TRUE(batch.contains("cathode_mixing_params"));
  EXPECT_TRUE(tells_of_solids(simulation.body.at("warnings"))) << simulation.body;

  const Answer factory = run(twin, examples[1]);
  ASSERT_EQ(factory.status, 200) << factory.body;
  EXPECT_EQ(factory.body.at("batch_id"), "batch_001");
  EXPECT_EQ(factory.body.at("queue_position"), 1);
  EXPECT_TRUE(tells_of_solids(factory.body.at("warnings"))) << factory.body;

  const Answer patched = run(twin, examples[2]);
  ASSERT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(patched.body.at("line_type"), "anode");
  EXPECT_EQ(patched.body.at("machine_id"), "mixing");
  EXPECT_TRUE(tells_of_solids(patched.body.at("warnings"))) << patched.body;

  const Answer machine = run(twin, examples[3]);
  ASSERT_EQ(machine.status, 200) << machine.body;
  EXPECT_EQ(machine.body.at("process"), "mixing_anode");
  EXPECT_EQ(machine.body.at("machine_parameters"), patched.body.at("machine_parameters"));

  const Answer status = run(twin, examples[4]);
  ASSERT_EQ(status.status, 200) << status.body;
  EXPECT_EQ(status.body.at("queue"), Json({"batch_001"}));
  EXPECT_EQ(status.body.at("running").at(0).at("batch_id"), first);
  EXPECT_EQ(status.body.at("counters").at("accepted"), 2);

  // Pasted again: the plant is busy, and the id is taken.
  EXPECT_EQ(run(twin, examples[0]).status, 409);
  EXPECT_EQ(run(twin, examples[1]).status, 409);
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 2);

  // And it comes to its end.
  twin.set_step_interval(0);
  std::vector<Json> messages;
  events.wait_for_status("batch_completed", "batch_001", &messages);
  EXPECT_EQ(order_problem(messages, first), "");
  EXPECT_EQ(order_problem(messages, "batch_001"), "");
  EXPECT_EQ(seq_problem(messages), "");
  for (const std::string& id : {first, std::string("batch_001")}) expect_powder(twin.get("/batches/" + id));
  EXPECT_EQ(twin.get("/factory/status").at("counters"),
            Json({{"accepted", 2}, {"completed", 2}, {"failed", 0}, {"cancelled", 0}, {"scrapped", 2}}));
}

TEST(Readme, NamesNoRouteThatIsNotThere) {
  const auto all = curl_examples(std::string(BATTERY_TWIN_SOURCE_DIR) + "/README.md");
  ASSERT_FALSE(all.empty());
  const Twin twin;
  for (const Example& example : all) {
    if (example.path.empty() || example.path.find('<') != std::string::npos) continue;
    const std::string path = example.path.substr(0, example.path.find('?'));
    EXPECT_EQ(twin.http.request("OPTIONS", path).status, 204) << path;
  }
}

}  // namespace
}  // namespace battery_twin::system
