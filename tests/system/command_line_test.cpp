// Where options may stand, which of them wins, and what the documents say of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "configuration.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string field_of(const Words& options, const Words& variables) {
  const Twin twin(options, environment(variables));
  return twin.http.get("/health/live").field("x-from");
}

TEST(CommandLine, ComesBeforeTheEnvironmentAndThatBeforeTheFile) {
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "twin.toml", "header = [\"X-From: file\"]\n");
  EXPECT_EQ(field_of({"--config", file}, {}), "file");
  EXPECT_EQ(field_of({"--config", file}, {"UVICORN_HEADER=X-From:uvicorn"}), "uvicorn");
  EXPECT_EQ(field_of({"--config", file}, {"UVICORN_HEADER=X-From:uvicorn", "BATTERY_TWIN_HEADER=X-From: ours"}),
            "ours");
  EXPECT_EQ(field_of({"--config", file, "--header", "X-From:line"}, {"BATTERY_TWIN_HEADER=X-From:ours"}), "line");
  EXPECT_EQ(field_of({}, {"BATTERY_TWIN_CONFIG=" + file}), "file");
  EXPECT_EQ(field_of({"--config", file}, {"BATTERY_TWIN_HEADER="}), "file");
}

TEST(CommandLine, TakesListsFromTheEnvironment) {
  const Twin twin(
      {}, environment({"UVICORN_HEADERS=X-A:1 X-B:2", "BATTERY_TWIN_CORS_ORIGIN=https://a.example https://b.example"}));
  const auto answer = twin.http.get("/health/live", {{"Origin", "https://b.example"}});
  EXPECT_EQ(answer.field("x-a"), "1");
  EXPECT_EQ(answer.field("x-b"), "2");
  EXPECT_EQ(answer.field("access-control-allow-origin"), "https://b.example");
  const Twin lines({}, environment({"BATTERY_TWIN_HEADER=X-A: 1 2\nX-B: 3"}));
  EXPECT_EQ(lines.http.get("/health/live").field("x-a"), "1 2");
  EXPECT_EQ(lines.http.get("/health/live").field("x-b"), "3");
}

TEST(CommandLine, TakesFlagsEitherWay) {
  const auto has_server = [](const Words& options, const Words& variables) {
    const Twin twin(options, environment(variables));
    return twin.http.get("/health/live").header("server").has_value();
  };
  EXPECT_TRUE(has_server({}, {}));
  EXPECT_FALSE(has_server({"--no-server-header"}, {}));
  EXPECT_FALSE(has_server({}, {"UVICORN_SERVER_HEADER=false"}));
  EXPECT_FALSE(has_server({}, {"BATTERY_TWIN_NO_SERVER_HEADER=1"}));
  EXPECT_TRUE(has_server({"--server-header"}, {"UVICORN_SERVER_HEADER=0"}));
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "twin.toml", "server-header = false\n");
  EXPECT_FALSE(has_server({"--config", file}, {}));
  EXPECT_TRUE(has_server({"--config", file, "--server-header"}, {}));
}

TEST(CommandLine, TheLastOfAnOptionThatStandsTwiceCounts) {
  const Twin twin({"--port", "1", "--log-level", "error", "--no-date-header", "--log-level=info", "--date-header"});
  const auto answer = twin.http.get("/health/live");
  EXPECT_TRUE(answer.header("date"));
  EXPECT_NE(twin.server.err().find("running on"), std::string::npos) << twin.server.err();
  Process study({binary(), "simulate", "--batches", "5", "--batches=2", "--seed", "1", "--cells", "1"});
  EXPECT_EQ(study.wait(), 0);
  EXPECT_TRUE(study.out().starts_with("2 batches")) << study.out();
}

TEST(CommandLine, OurVariablesComeBeforeUvicornsByWhicheverName) {
  const auto has_date = [](const Words& variables) {
    return Twin({}, environment(variables)).http.get("/health/live").header("date").has_value();
  };
  EXPECT_FALSE(has_date({"BATTERY_TWIN_NO_DATE_HEADER=1", "UVICORN_DATE_HEADER=1"}));
  EXPECT_FALSE(has_date({"BATTERY_TWIN_DATE_HEADER=0", "UVICORN_NO_DATE_HEADER=0"}));
  EXPECT_FALSE(has_date({"UVICORN_DATE_HEADER=0"}));
}

TEST(CommandLine, VariablesThatStandForNoOptionAreNamed) {
  // Those of tests are none of the server's; simulate's are, though it does not take them.
  const Twin twin({}, environment({"BATTERY_TWIN_PROT=1", "BATTERY_TWIN_NO_SUCH_THING=1", "BATTERY_TWIN_TEST_X=1",
                                   "UVICORN_PROT=1", "BATTERY_TWIN_LOG_LEVEL=info"}));
  const std::string said = twin.server.err();
  EXPECT_NE(said.find("WARNING:  the variable BATTERY_TWIN_PROT stands for no option and is ignored: is "
                      "BATTERY_TWIN_PORT meant?\n"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("BATTERY_TWIN_NO_SUCH_THING stands for no option and is ignored\n"), std::string::npos) << said;
  for (const char* other : {"TEST_X", "UVICORN_PROT", "LOG_LEVEL"})
    EXPECT_EQ(said.find(other), std::string::npos) << said;
}

TEST(CommandLine, WhatKubernetesSaysOfAServiceOfThatNameIsNoOption) {
  const Twin twin({}, environment({"BATTERY_TWIN_PORT=tcp://10.0.0.1:8000", "BATTERY_TWIN_SERVICE_HOST=10.0.0.1",
                                   "BATTERY_TWIN_SERVICE_PORT=8000", "BATTERY_TWIN_PORT_8000_TCP=tcp://10.0.0.1:8000",
                                   "BATTERY_TWIN_PORT_8000_TCP_PROTO=tcp"}));
  EXPECT_EQ(twin.server.err().find("stands for no option"), std::string::npos) << twin.server.err();
  // A server of these tests is given a port: here it would be 2 if that variable counted.
  Process process(environment({"BATTERY_TWIN_PORT=tcp://10.0.0.1:8000", binary(), "--uds", "/no/such/folder/socket"}));
  EXPECT_EQ(process.wait(), 3) << process.err();
}

std::set<std::string> options_in(const Words& command);
std::string variable_of(const std::string& option);

TEST(CommandLine, VariablesOfSimulateAreNoStrangers) {
  Words variables;
  for (const std::string& option : options_in({"simulate", "--help"})) {
    if (!options_in({"--help"}).contains(option)) variables.push_back(variable_of(option) + "=1");
  }
  ASSERT_GT(variables.size(), 5u);
  const Twin twin({}, environment(variables));
  EXPECT_EQ(twin.server.err().find("stands for no option"), std::string::npos) << twin.server.err();
}

TEST(CommandLine, VariablesOfPostgresWithoutItAreNamedOnce) {
  constexpr const char* kIdle = " is set, but PostgreSQL is not asked for: --db postgresql:// uses it\n";
  const ServerProcess file({}, environment({"POSTGRES_HOST=db", "POSTGRES_DB=twin"}));
  EXPECT_NE(file.err().find(std::string("WARNING:  POSTGRES_HOST") + kIdle), std::string::npos) << file.err();
  EXPECT_EQ(count(file.err(), kIdle), 1u) << file.err();
  const testing::TemporaryFolder folder;
  const ServerProcess server({"--db", "postgresql://", "--spool", folder.file("spool.db")},
                             environment({"POSTGRES_HOST=/no/such/folder", "POSTGRES_DB=twin"}));
  EXPECT_EQ(server.err().find(kIdle), std::string::npos) << server.err();
}

TEST(CommandLine, AnApplicationBehindAListIsNoPartOfIt) {
  Twin twin({"--header", "X-A:1", "v2_server:app"});
  EXPECT_EQ(twin.http.get("/health/live").field("x-a"), "1");
  EXPECT_FALSE(twin.http.get("/health/live").header("v2_server"));
  EXPECT_NE(twin.server.err().find("application v2_server:app"), std::string::npos) << twin.server.err();
}

TEST(CommandLine, WhatOnlyPythonKnowsIsAcceptedAndNamed) {
  const Words ignored{"--loop",
                      "uvloop",
                      "--http",
                      "httptools",
                      "--ws",
                      "websockets",
                      "--lifespan",
                      "on",
                      "--interface",
                      "asgi3",
                      "--app-dir",
                      ".",
                      "--reload-dir",
                      "a",
                      "--reload-dir",
                      "b",
                      "--log-config",
                      "x.ini",
                      "--ssl-version",
                      "17",
                      "--limit-max-requests",
                      "5",
                      "--reload-delay",
                      "0.3",
                      "--factory",
                      "--workers",
                      "4",
                      "--ws-per-message-deflate",
                      "true"};
  Twin twin(ignored);
  const std::string said = twin.server.err();
  for (const std::string& word : ignored) {
    if (!word.starts_with("--")) continue;
    EXPECT_NE(said.find("INFO:     " + word), std::string::npos) << word << "\n" << said;
  }
}

TEST(CommandLine, WhatIsWrongIsOneSentenceAndTheRightCode) {
  const testing::TemporaryFolder folder;
  struct Case {
    Words options;
    Words variables;
    int code;
    std::string part;
  };
  const std::vector<Case> cases{
      {{"--no-such-option"}, {}, 2, "--no-such-option"},
      {{"--fd", "-1"}, {}, 2, "--fd"},
      {{"--forwarded-allow-ips", "localhost"}, {}, 2, "--forwarded-allow-ips"},
      {{"--ssl-cert-reqs", "3"}, {}, 2, "--ssl-cert-reqs"},
      {{"--log-format", "xml"}, {}, 2, "--log-format"},
      {{"--db", "mysql://x"}, {}, 2, "--db"},
      {{}, {"UVICORN_PORT=http"}, 2, "UVICORN_PORT: --port: should be a whole number from 0 to 65535"},
      {{}, {"BATTERY_TWIN_LOG_LEVEL=loud"}, 2, "BATTERY_TWIN_LOG_LEVEL: --log-level"},
      {{"--env-file", "/no/such.env"}, {}, 2, "/no/such.env cannot be read: No such file or directory"},
      {{"--env-file", "/"}, {}, 2, "--env-file: / cannot be read: Is a directory"},
      {{"--port", "9000", "serve"}, {}, 2, "serve comes before all options: battery-twin serve --help"},
      {{"serve", "simulate"}, {}, 2, "simulate comes before all options: battery-twin simulate --help"},
      {{"simulate", "serve"}, {}, 2, "serve comes before all options"},
      {{"--batches", "5", "simulate"}, {}, 2, "simulate comes before all options"},
      {{"--config", "/no/such.toml"}, {}, 3, "/no/such.toml cannot be read: No such file or directory"},
      {{"--config", write_file(folder, "a.toml", "no-such = 1\n")}, {}, 3, "no-such"},
      {{"--fd", "977"}, {}, 3, "file descriptor 977"},
      {{"--fd", "0"}, {}, 3, "file descriptor 0"},
      {{"--host", "no.such.host.invalid"}, {}, 3, "the host is not known"},
      {{"--uds", "/no/such/folder/socket"}, {}, 3, "/no/such/folder/socket: No such file or directory"},
      {{"--ssl-certfile", "/no/such.pem"}, {}, 3, "/no/such.pem"},
      {{"--db", "sqlite:/no/such/folder/a.db"}, {}, 3, "/no/such/folder"},
  };
  for (const Case& one : cases) {
    Words arguments = environment(one.variables);
    arguments.push_back(binary());
    arguments.insert(arguments.end(), one.options.begin(), one.options.end());
    Process process(arguments);
    const std::string shown = ::testing::PrintToString(one.options) + ::testing::PrintToString(one.variables);
    EXPECT_EQ(process.wait(), one.code) << shown;
    EXPECT_NE(process.err().find(one.part), std::string::npos) << shown << "\n" << process.err();
    EXPECT_EQ(process.out(), "") << shown;
    const std::string said = process.err();
    const bool is_usage = said.find("Try --help") != std::string::npos;
    EXPECT_LE(std::count(said.begin(), said.end(), '\n'), is_usage ? 2 : 4) << said;
  }
}

TEST(CommandLine, WhatStandsBehindAMisspelledNameIsNotRepeated) {
  const std::string secret = "secret-0123456789";
  struct Case {
    Words options;
    std::string said;
  };
  const std::string misspelled = "--tokn is no option: is --token meant?";
  const std::string too_many = "a word belongs to no option; one that may be repeated takes one value each time";
  const std::string no_application = "the word that belongs to no option should be like module:app";
  for (const Case& one : std::vector<Case>{
           {{"--tokn", secret}, misspelled},
           {{"--tokn=" + secret}, misspelled},
           {{"--tokn=some words and " + secret}, misspelled},
           {{"serve", "--tokn", secret}, misspelled},
           {{"simulate", "--batchs", secret}, "--batchs is no option: is --batches meant?"},
           {{"v2_server:app", "--tokn", secret}, misspelled},
           {{"--tokn", secret, "v2_server:app"}, misspelled},
           {{"--port", "http", "--tokn", secret}, misspelled},
           {{"--read-tokens", secret}, "--read-tokens is no option: is --read-token meant?"},
           {{"--ssl-keyfile-pasword", "a:" + secret},
            "--ssl-keyfile-pasword is no option: is --ssl-keyfile-password meant?"},
           {{"-token", secret}, "-token is no option: is --token meant?"},
           {{"-p" + secret}, "-p is no option"},
           {{"--nothing-like-it", secret}, "--nothing-like-it is no option"},
           {{"--token", "first-0123456789", secret}, "APP: " + no_application},
           {{"v2_server:app", "--token", "first-0123456789", secret}, too_many},
           {{"v2_server:app", "---"}, too_many},
           {{"sevre", "--port", "0"}, "APP: sevre is no command: there are serve and simulate"},
       }) {
    Words words{binary()};
    words.insert(words.end(), one.options.begin(), one.options.end());
    Process process(words);
    EXPECT_EQ(process.wait(), 2) << one.said;
    EXPECT_EQ(process.err(), "battery-twin: " + one.said + "\nTry --help\n") << ::testing::PrintToString(one.options);
    EXPECT_EQ(process.out(), "");
  }
}

// All options that a command's --help names, by all their names.
std::set<std::string> options_in(const Words& command) {
  Words words{binary()};
  words.insert(words.end(), command.begin(), command.end());
  Process process(words);
  EXPECT_EQ(process.wait(), 0);
  std::set<std::string> found;
  std::istringstream lines(process.out());
  const std::regex option("--[a-z0-9-]+");
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  --")) continue;
    line = line.substr(0, line.find("  ", 2));
    for (std::sregex_iterator each(line.begin(), line.end(), option), end; each != end; ++each)
      found.insert(each->str());
  }
  return found;
}

// Every option of --help, by its first name, with its other names.
std::map<std::string, std::set<std::string>> options_in_help() {
  Process process({binary(), "--help"});
  EXPECT_EQ(process.wait(), 0);
  std::map<std::string, std::set<std::string>> found;
  std::istringstream lines(process.out());
  const std::regex option("^  (--[^ ]+)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, option)) continue;
    std::istringstream names(match[1].str());
    std::string first;
    for (std::string name; std::getline(names, name, ',');) {
      name = name.substr(0, name.find('{'));
      if (first.empty()) first = name;
      found[first].insert(name);
    }
  }
  return found;
}

std::string variable_of(const std::string& option) {
  std::string name = "BATTERY_TWIN_";
  for (const char c : option.substr(2)) name += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

TEST(CommandLine, ItsPageNamesEveryOptionAndNoOther) {
  const auto options = options_in_help();
  ASSERT_GT(options.size(), 50u);
  std::map<std::string, std::string> rows;  // by option
  std::istringstream lines(read_file(std::string(BATTERY_TWIN_SOURCE_DIR) + "/docs/command-line.md"));
  const std::regex row("^\\| `(--[a-z0-9-]+)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, row)) rows[match[1].str()] = line;
  }
  for (const auto& [option, names] : options) {
    if (option == "--help" || option == "--version") continue;
    ASSERT_TRUE(rows.contains(option)) << option << " has no row in docs/command-line.md";
    const std::string& line = rows[option];
    for (const std::string& name : names) {
      EXPECT_NE(line.find("`" + name + "`"), std::string::npos) << name;
    }
    EXPECT_NE(line.find("`" + variable_of(option) + "`"), std::string::npos) << option;
    const std::string setting = option == "--config" ? "| – |" : "`" + option.substr(2) + " = ";
    EXPECT_NE(line.find(setting), std::string::npos) << option;
    rows.erase(option);
  }
  for (const auto& [option, line] : rows) ADD_FAILURE() << option << " has a row and is no option";
}

TEST(CommandLine, ThePageOfTheManualNamesEveryOptionAndNoOther) {
  const std::string page = read_file(std::string(BATTERY_TWIN_SOURCE_DIR) + "/docs/battery-twin.1");
  const auto start = page.find(".SH OPTIONS OF SERVE");
  const auto middle = page.find(".SH OPTIONS OF SIMULATE");
  const auto end = page.find(".SH ENVIRONMENT");
  ASSERT_LT(start, middle);
  ASSERT_LT(middle, end);
  // Options that have an entry, not those that a sentence mentions.
  const auto named_in = [](std::string text) {
    std::set<std::string> names;
    text = std::regex_replace(text, std::regex(R"(\\-)"), "-");
    const std::regex entry(R"(\\fB(--[a-z0-9-]+)\\fR)");
    for (std::sregex_iterator each(text.begin(), text.end(), entry), none; each != none; ++each)
      names.insert((*each)[1].str());
    return names;
  };
  EXPECT_EQ(named_in(page.substr(start, middle - start)), options_in({"--help"}));
  EXPECT_EQ(named_in(page.substr(middle, end - middle)), options_in({"simulate", "--help"}));
}

// It has every option of ours, as a comment where the default is none.
TEST(CommandLine, TheExampleFileHoldsOptionsOnly) {
  const std::string example = std::string(BATTERY_TWIN_SOURCE_DIR) + "/config/battery-twin.toml";
  const auto options = options_in_help();
  std::set<std::string> known;
  for (const auto& [option, names] : options) {
    for (const std::string& name : names) known.insert(name.substr(2));
  }
  std::set<std::string> named;
  std::istringstream lines(read_file(example));
  const std::regex setting("^(?:# )?([a-z][a-z0-9-]*) = ");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, setting)) named.insert(match[1].str());
  }
  for (const std::string& name : named) EXPECT_TRUE(known.contains(name)) << name;
  Process help({binary(), "--help"});
  ASSERT_EQ(help.wait(), 0);
  const std::string text = help.out();
  const std::set<std::string> elsewhere{"--help", "--version", "--config", "--fresh"};
  for (const auto& [option, names] : options) {
    std::smatch match;
    ASSERT_TRUE(std::regex_search(text, match, std::regex("\n  " + option + "[ ,\n]"))) << option;
    const bool is_uvicorns = text.find("uvicorn only:") < static_cast<std::size_t>(match.position());
    if (elsewhere.contains(option) || is_uvicorns) continue;
    EXPECT_TRUE(std::ranges::any_of(names, [&](const std::string& name) { return named.contains(name.substr(2)); }))
        << option << " is not in config/battery-twin.toml";
  }
  const Twin twin({"--config", example, "--db", "none"});
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
}

}  // namespace
}  // namespace battery_twin::system
