// --config, --env-file and --token-file: what they may hold, and what must not leave the server open or waiting.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "configuration.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

const std::string kLetsIn = "operator-0123456789";

void write_to(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

TEST(ConfigurationFiles, TheLastTokenIsNotTakenAwayByAReload) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("twin.toml");
  const std::string tokens = folder.file("tokens");
  write_to(tokens, "operator " + kLetsIn + "\n");
  for (const std::string& text : {"token = \"" + kLetsIn + "\"\n", "token-file = \"" + tokens + "\"\n"}) {
    write_to(file, text);
    const Twin twin({"--config", file});
    const auto status = [&](const Headers& headers) {
      return twin.http.request("POST", "/factory/reset", {}, headers).status;
    };
    EXPECT_EQ(status({}), 401);
    write_to(file, "header = [\"X-New: 1\"]\n");
    twin.server.signal(SIGHUP);
    ASSERT_TRUE(Twin::eventually([&] {
      return twin.server.err().find("would let everybody in: restart the server for that\n") != std::string::npos;
    })) << twin.server.err();
    EXPECT_EQ(status({}), 401) << text;
    EXPECT_EQ(twin.http.get("/health/live").field("x-new"), "") << text;
    EXPECT_EQ(status({{"Authorization", "Bearer " + kLetsIn}}), 200) << text;
    // Another token may take its place.
    write_to(file, "token = \"operator-abcdefghij\"\n");
    twin.server.signal(SIGHUP);
    ASSERT_TRUE(Twin::eventually([&] { return twin.server.err().find("was read again") != std::string::npos; }))
        << twin.server.err();
    EXPECT_EQ(status({{"Authorization", "Bearer " + kLetsIn}}), 401) << text;
    EXPECT_EQ(status({{"Authorization", "Bearer operator-abcdefghij"}}), 200) << text;
  }
}

// As python-dotenv reads it. The forwarded client shows what came out: it is believed where the variable trusts us.
TEST(ConfigurationFiles, AFileOfVariablesJoinsTheEnvironment) {
  const testing::TemporaryFolder folder;
  const auto is_believed = [&](const std::string& lines, const Words& variables = {}, const Words& options = {}) {
    Words all{"--env-file", write_file(folder, "env", lines)};
    all.insert(all.end(), options.begin(), options.end());
    Twin twin(all, environment(variables));
    EXPECT_EQ(twin.http.get("/health/live", {{"X-Forwarded-For", "192.0.2.1"}}).status, 200) << lines;
    EXPECT_NE(twin.server.err().find("Loading environment from '"), std::string::npos) << twin.server.err();
    twin.server.signal(SIGTERM);
    EXPECT_EQ(twin.server.wait(), 0);
    return twin.server.out().find("192.0.2.1:0 - ") != std::string::npos;
  };
  EXPECT_TRUE(is_believed("# nothing\n"));
  EXPECT_TRUE(is_believed(""));
  for (const std::string lines :
       {"FORWARDED_ALLOW_IPS=10.0.0.1", "\n  export FORWARDED_ALLOW_IPS = 10.0.0.1  # a proxy\n",
        "FORWARDED_ALLOW_IPS='10.0.0.1' # a proxy\r\n", "A=\"two\nlines\"\nFORWARDED_ALLOW_IPS=\"10.0.0.1\"\n",
        "FORWARDED_ALLOW_IPS=127.0.0.1\nFORWARDED_ALLOW_IPS=10.0.0.1\n", "A=10.0\nFORWARDED_ALLOW_IPS=${A}.0.1\n",
        "FORWARDED_ALLOW_IPS=${NO_SUCH_NAME:-10.0.0.1}\n", "A='not closed\nFORWARDED_ALLOW_IPS=10.0.0.1\n",
        "FORWARDED_ALLOW_IPS=\"\\\"10.0.0.1\"\nFORWARDED_ALLOW_IPS=10.0.0.1", "A\n=B\nFORWARDED_ALLOW_IPS=10.0.0.1"})
    EXPECT_FALSE(is_believed(lines)) << lines;
  // What the environment has stays; options are none of this file's, as with uvicorn, which has read them by then.
  EXPECT_TRUE(is_believed("FORWARDED_ALLOW_IPS=10.0.0.1\n", {"FORWARDED_ALLOW_IPS=127.0.0.1"}));
  EXPECT_TRUE(is_believed("FORWARDED_ALLOW_IPS=10.0.0.1\n", {}, {"--forwarded-allow-ips", "127.0.0.1"}));
  EXPECT_TRUE(is_believed("UVICORN_NO_PROXY_HEADERS=1\nBATTERY_TWIN_FORWARDED_ALLOW_IPS=10.0.0.1\n"));
}

TEST(ConfigurationFiles, AFileOfVariablesHasThoseOfPostgres) {
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "env", "POSTGRES_HOST=/no/such/folder\nPOSTGRES_USER=\"someone\"\n");
  Twin twin({"--env-file", file, "--db", "postgresql://", "--spool", folder.file("spool.db")});
  EXPECT_TRUE(twin.server.wait_for_error_text("someone@/no/such/folder")) << twin.server.err();
}

TEST(ConfigurationFiles, AFileOfVariablesLeavesPipesToBeReadOnce) {
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "env", "FORWARDED_ALLOW_IPS=10.0.0.1\n");
  const std::string script =
      "exec \"$0\" \"$@\" 5< <(printf 'header = [\"X-A: 1\"]\\nforwarded-allow-ips = \"127.0.0.1\"\\ntoken = "
      "\"in-the-file-0123456789\"\\n') 6< <(echo read in-the-other-0123456789) 7< <(echo '{\"name\": \"piped\"}')";
  Twin twin({"--env-file", file, "--config", "/dev/fd/5", "--token-file", "/dev/fd/6", "--cell", "/dev/fd/7"},
            {"bash", "-c", script});
  EXPECT_NE(twin.server.err().find("cell piped"), std::string::npos) << twin.server.err();
  EXPECT_EQ(twin.http.get("/health/live").field("x-a"), "1");
  EXPECT_EQ(twin.http.get("/factory/status").status, 401);
  for (const std::string token : {"in-the-file-0123456789", "in-the-other-0123456789"}) {
    const Headers headers{{"Authorization", "Bearer " + token}, {"X-Forwarded-For", "192.0.2.1"}};
    EXPECT_EQ(twin.http.get("/factory/status", headers).status, 200) << token;
  }
  // The environment comes before the configuration, also what joins it.
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  EXPECT_EQ(twin.server.out().find("192.0.2.1"), std::string::npos) << twin.server.out();
}

TEST(ConfigurationFiles, AFileOfVariablesMayBeNamedInTheConfiguration) {
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "env", "FORWARDED_ALLOW_IPS=nowhere\n");
  Process process({binary(), "--config", write_file(folder, "twin.toml", "env-file = \"" + file + "\"\n")});
  EXPECT_EQ(process.wait(), 2);
  EXPECT_TRUE(process.err().starts_with("battery-twin: FORWARDED_ALLOW_IPS: --forwarded-allow-ips: ")) << process.err();
  write_file(folder, "env", "WEB_CONCURRENCY=many\n");
  Process other({binary(), "--env-file", file});
  EXPECT_EQ(other.wait(), 2);
  EXPECT_NE(other.err().find("--workers = many"), std::string::npos) << other.err();
}

TEST(ConfigurationFiles, AFileHasListsOfSeveralLinesAndSignsInQuotes) {
  const testing::TemporaryFolder folder;
  const std::string file = write_file(folder, "twin.toml",
                                      "header = [  # of every answer\n  \"X-A: 1 # 2\",\n  'X-B: [3', # and\n]\n"
                                      "cors-origin = [\"https://a.example\", \"https://b.example\"]\n");
  const Twin twin({"--config", file});
  const auto answer = twin.http.get("/health/live", {{"Origin", "https://b.example"}});
  EXPECT_EQ(answer.field("x-a"), "1 # 2");
  EXPECT_EQ(answer.field("x-b"), "[3");
  EXPECT_EQ(answer.field("access-control-allow-origin"), "https://b.example");
}

TEST(ConfigurationFiles, WhatIsWrongInAFileHasItsLine) {
  const testing::TemporaryFolder folder;
  struct Case {
    std::string text;
    int code;
    std::string said;
  };
  for (const Case& one : std::vector<Case>{
           {"# a file\n\nprot = 1\n", 3, ", line 3: unknown option prot, is port meant?\n"},
           {"port 8000\n", 3, ", line 1: there is no = behind port\n"},
           {"[server]\nport = 1\n", 3, ", line 1: there are no sections, but options only\n"},
           {"port = 1\nhost = \"::1\"\nport = 2\n", 3, ", line 3: port stands in line 1 already\n"},
           {"port = 1\nheader = [\n\"X-A: 1\",\n", 3, ", line 2: the bracket is not closed\n"},
           {"\nport = \"http\"\n", 2, ", line 2: --port: should be a whole number from 0 to 65535\n"},
           {"header = [\n\"X-A: 1\"\n]\nlog-level = \"loud\"\n", 2, ", line 4: --log-level: "},
           {"\ntoken = []\n", 3, ", line 2: the list of token is empty\n"},
           {"header = [\n\n]\n", 3, ", line 1: the list of header is empty\n"},
           {"\ntoken = # later\n", 3, ", line 2: there is no value behind token\n"},
           {"port = [1, 2]\n", 2, ", line 1: --port: should be one value and no list\n"},
           {"server-header = \"perhaps\"\n", 2, ", line 1: "},
           {"\nheader = [\"X\"]\n", 2, ", line 2: --header: should be NAME:VALUE\n"},
           {"\ndb = \"mysql://x\"\n", 2, ", line 2: --db: should be "},
           {"\ncell = \"/no/such.json\"\n", 3, ", line 2: --cell: "},
       }) {
    const std::string file = write_file(folder, "twin.toml", one.text);
    Process process({binary(), "--config", file});
    EXPECT_EQ(process.wait(), one.code) << one.text;
    EXPECT_TRUE(process.err().starts_with("battery-twin: " + file + one.said)) << one.text << process.err();
  }
  // The line of a value that does not count is of no interest.
  Process process({binary(), "--config", write_file(folder, "twin.toml", "port = 1\n"), "--port", "http"});
  EXPECT_EQ(process.wait(), 2);
  EXPECT_EQ(process.err().find("line 1"), std::string::npos) << process.err();
}

struct Ended {
  std::optional<int> code;
  std::string said;
};

Ended ended_with(const Words& options, const Words& variables = {}) {
  Words words = environment(variables);
  words.insert(words.end(), {binary(), "--db", "none"});
  words.insert(words.end(), options.begin(), options.end());
  Process process(words);
  const auto code = process.wait(seconds(20));
  return {code, process.err()};
}

TEST(ConfigurationFiles, AFileWithoutAnEndEndsTheStart) {
  const testing::TemporaryFolder folder;
  const std::string large = folder.file("large");
  write_to(large, "# ");
  std::filesystem::resize_file(large, 700'000'000);
  for (const std::string& file : {std::string("/dev/zero"), large}) {
    for (const std::string option : {"--config", "--env-file", "--token-file", "--cell"}) {
      const Ended ended = ended_with({option, file});
      EXPECT_EQ(ended.code, 3) << option;
      EXPECT_NE(ended.said.find(file + " is larger than 1 MiB\n"), std::string::npos) << option << ended.said;
    }
  }
}

TEST(ConfigurationFiles, VariablesThatDoubleEachOtherEndTheStart) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("env");
  std::string text = "A0=0123456789\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string before = "${A" + std::to_string(i - 1) + "}";
    text += "A" + std::to_string(i) + "=" + before + before + "\n";
  }
  write_to(file, text);
  const Ended ended = ended_with({"--env-file", file});
  EXPECT_EQ(ended.code, 3);
  EXPECT_NE(ended.said.find("--env-file: " + file + " is larger than 1 MiB with its variables put in\n"),
            std::string::npos)
      << ended.said;
}

TEST(ConfigurationFiles, AFileThatGrewDoesNotHoldUpTheEnd) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("twin.toml");
  write_to(file, "");
  Twin twin({"--config", file});
  std::filesystem::resize_file(file, 700'000'000);
  twin.server.signal(SIGHUP);
  EXPECT_TRUE(twin.server.wait_for_error_text("the configuration stays as it was: " + file + " is larger than 1 MiB",
                                              seconds(20)))
      << twin.server.err();
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(seconds(10)), 0);
}

TEST(ConfigurationFiles, OptionsInAFileOfVariablesAreNamed) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("env");
  write_to(file, "SOMETHING=1\nUVICORN_PORT=1\nBATTERY_TWIN_LOG_LEVEL=error\n");
  const Twin twin({"--env-file", file});
  const std::string said = twin.server.err();
  const std::string sentence = file + ": BATTERY_TWIN_LOG_LEVEL stands for an option and does not count there";
  EXPECT_NE(said.find("WARNING:  --env-file: " + sentence), std::string::npos) << said;
  EXPECT_EQ(said.find("UVICORN_PORT"), std::string::npos) << said;
  for (const std::string name :
       {"BATTERY_TWIN_TOKEN", "BATTERY_TWIN_READ_TOKEN", "BATTERY_TWIN_TOKEN_FILE", "UVICORN_TOKEN"}) {
    write_to(file, name + "=" + kLetsIn + "\n");
    const Ended ended = ended_with({"--env-file", file});
    EXPECT_EQ(ended.code, 2) << name;
    EXPECT_NE(ended.said.find(name + " stands for an option"), std::string::npos) << ended.said;
    EXPECT_EQ(ended.said.find(kLetsIn), std::string::npos) << ended.said;
  }
  // Where the environment has it, the file's does not count, as any other.
  write_to(file, "BATTERY_TWIN_TOKEN=" + kLetsIn + "\n");
  const Twin known({"--env-file", file}, {"env", "BATTERY_TWIN_TOKEN=" + kLetsIn});
  EXPECT_EQ(known.http.get("/factory/status").status, 401);
}

TEST(ConfigurationFiles, WhatIsNoTomlIsRefusedWithItsLine) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("twin.toml");
  struct Case {
    std::string line;
    int code;
    std::string said;
  };
  const std::string bare = "the value is neither a number nor true or false: text stands in quotes";
  for (const Case& one : std::vector<Case>{
           {"host = \"127.0.0.1", 3, "the quote is not closed"},
           {"header = [\"X-A: 1\", \"X-B: 1]", 3, "the quote is not closed"},
           {"header = [\"X-A: 1\" \"X-B: 1\"]", 3, "there is no comma between two values of the list"},
           {"header = [\"X-A: 1\",, \"X-B: 1\"]", 3, "there is no value"},
           {"header = [[\"X-A: 1\"]]", 3, "there is no value"},
           {"log-level = \"debug\" \"x\"", 3, "there is something behind the value"},
           {"log-level = \"debug\" x", 3, "there is something behind the value"},
           {"cors-origin = \"https://a\", \"https://b\"", 3, "there is something behind the value"},
           {"host = 127.0.0.1", 3, bare},
           {"db = none", 3, bare},
           {"no-access-log = yes", 3, bare},
           {"port = 010", 3, bare},
           {"queue-limit = 2_000_000", 2, "--queue-limit: should be a whole number from 1 to 1000000"},
           {"queue-limit = 0b11", 2, "--queue-limit: should be a whole number from 1 to 1000000"},
           {"port =", 3, "there is no value behind port"},
           {"token = [ ]", 3, "the list of token is empty"},
           {"reload", 3, "there is no = behind reload"},
           {"= 1", 3, "there is no option in front of the ="},
           {"no-access-log = \"yes\"", 2, "--no-access-log: should be true or false, without quotes"},
           {"access-log = 1", 2, "--no-access-log: should be true or false, without quotes"},
           {"host = \"\"", 2, "--host: should not be empty"},
       }) {
    write_to(file, "# first\n" + one.line + "\n");
    const Ended ended = ended_with({"--config", file});
    EXPECT_EQ(ended.code, one.code) << one.line;
    EXPECT_TRUE(ended.said.starts_with("battery-twin: " + file + ", line 2: " + one.said + "\n")) << one.line << "\n"
                                                                                                  << ended.said;
  }
  // What is TOML stays so, also as editors of other systems write it.
  write_to(file,
           "\xEF\xBB\xBFheader = ['X-A: \"1, 2\"',\r\n \"X-B: it's\", # two\r\n]\r\n\"queue-limit\" = 1_0\r\n"
           "step-interval = +1e1\r\nno-date-header = true # none\r\n");
  const Twin twin({"--config", file});
  const auto answer = twin.http.get("/health/live");
  EXPECT_EQ(answer.field("x-a"), "\"1, 2\"");
  EXPECT_EQ(answer.field("x-b"), "it's");
  EXPECT_FALSE(answer.header("date"));
  EXPECT_EQ(twin.get("/factory/status")["pacing"]["step_interval_ms"], 10);
}

TEST(ConfigurationFiles, TheMarkOfAnEditorIsNoPartOfAFile) {
  const testing::TemporaryFolder folder;
  const std::string tokens = folder.file("tokens");
  const std::string variables = folder.file("env");
  write_to(tokens, "\xEF\xBB\xBFoperator " + kLetsIn + "\n");
  write_to(variables,
           "\xEF\xBB\xBF"
           "FORWARDED_ALLOW_IPS=nonsense\n");
  const Twin twin({"--token-file", tokens});
  EXPECT_EQ(twin.http.get("/factory/status", {{"Authorization", "Bearer " + kLetsIn}}).status, 200);
  EXPECT_EQ(ended_with({"--env-file", variables}).code, 2);  // it counts
}

TEST(ConfigurationFiles, WhatIsWrongSaysWhereItComesFromAndWhatWouldBeRight) {
  const testing::TemporaryFolder folder;
  struct Case {
    Words options;
    Words variables;
    int code;
    std::string said;
  };
  for (const Case& one : std::vector<Case>{
           {{}, {"UVICORN_PORT=abc"}, 2, "UVICORN_PORT: --port: should be a whole number from 0 to 65535\n"},
           {{}, {"BATTERY_TWIN_PORT=abc"}, 2, "BATTERY_TWIN_PORT: --port: should be"},
           {{}, {"FORWARDED_ALLOW_IPS=x"}, 2, "FORWARDED_ALLOW_IPS: --forwarded-allow-ips: should be"},
           {{}, {"UVICORN_HEADERS=x"}, 2, "UVICORN_HEADERS: --header: should be NAME:VALUE"},
           {{}, {"BATTERY_TWIN_DB=x"}, 2, "BATTERY_TWIN_DB: --db: should be"},
           {{"--port", "1"}, {"BATTERY_TWIN_CELL=x"}, 3, "BATTERY_TWIN_CELL: --cell: "},
           {{"--port", "abc"}, {"UVICORN_PORT=1"}, 2, "--port: should be a whole number"},
           {{"--port", "70000"}, {}, 2, "--port: should be a whole number from 0 to 65535\n"},
           {{"--step-interval", "nan"}, {}, 2, "--step-interval: should be a number from 0 to 60000\n"},
           {{"--timeout-keep-alive", "0"}, {}, 2, "--timeout-keep-alive: should be a number from 0.001 to 86400\n"},
           {{"--uds", ""}, {}, 2, "--uds: should not be empty\n"},
           {{"--host", ""}, {}, 2, "--host: should not be empty\n"},
           {{"--config", ""}, {}, 2, "--config: should not be empty\n"},
           {{"--env-file", ""}, {}, 2, "--env-file: should not be empty\n"},
           {{"--ssl-certfile", ""}, {}, 2, "--ssl-certfile: should not be empty\n"},
           {{"--config", folder.file("none")},
            {},
            3,
            folder.file("none") + " cannot be read: No such file or directory\n"},
           {{"--config", folder.path().string()}, {}, 3, folder.path().string() + " cannot be read: Is a directory\n"},
       }) {
    Words words{"env"};
    words.insert(words.end(), one.variables.begin(), one.variables.end());
    words.push_back(binary());
    words.insert(words.end(), one.options.begin(), one.options.end());
    Process process(words);
    EXPECT_EQ(process.wait(seconds(20)), one.code) << one.said;
    EXPECT_TRUE(process.err().starts_with("battery-twin: " + one.said)) << one.said << process.err();
  }
}

}  // namespace
}  // namespace battery_twin::system
