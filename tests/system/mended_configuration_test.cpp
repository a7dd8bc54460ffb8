// What would leave the server open or waiting: a configuration that was emptied, files without an end, text that is
// no TOML.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

using Arguments = std::vector<std::string>;

const std::string kLetsIn = "operator-0123456789";

void write_to(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

TEST(MendedConfiguration, TheLastTokenIsNotTakenAwayByAReload) {
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

struct Ended {
  std::optional<int> code;
  std::string said;
};

Ended run(const Arguments& options, const Arguments& variables = {}) {
  Arguments words{"env"};
  words.insert(words.end(), variables.begin(), variables.end());
  words.insert(words.end(), {binary(), "--db", "none"});
  words.insert(words.end(), options.begin(), options.end());
  Process process(words);
  const auto code = process.wait(seconds(20));
  return {code, process.err()};
}

TEST(MendedConfiguration, AFileWithoutAnEndEndsTheStart) {
  const testing::TemporaryFolder folder;
  const std::string large = folder.file("large");
  write_to(large, "# ");
  std::filesystem::resize_file(large, 700'000'000);
  for (const std::string& file : {std::string("/dev/zero"), large}) {
    for (const std::string option : {"--config", "--env-file", "--token-file", "--cell"}) {
      const Ended ended = run({option, file});
      EXPECT_EQ(ended.code, 3) << option;
      EXPECT_NE(ended.said.find(file + " is larger than 1 MiB\n"), std::string::npos) << option << ended.said;
    }
  }
}

TEST(MendedConfiguration, VariablesThatDoubleEachOtherEndTheStart) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("env");
  std::string text = "A0=0123456789\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string before = "${A" + std::to_string(i - 1) + "}";
    text += "A" + std::to_string(i) + "=" + before + before + "\n";
  }
  write_to(file, text);
  const Ended ended = run({"--env-file", file});
  EXPECT_EQ(ended.code, 3);
  EXPECT_NE(ended.said.find("--env-file: " + file + " is larger than 1 MiB with its variables put in\n"),
            std::string::npos)
      << ended.said;
}

TEST(MendedConfiguration, AFileThatGrewDoesNotHoldUpTheEnd) {
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

TEST(MendedConfiguration, OptionsInAFileOfVariablesAreNamed) {
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
    const Ended ended = run({"--env-file", file});
    EXPECT_EQ(ended.code, 2) << name;
    EXPECT_NE(ended.said.find(name + " stands for an option"), std::string::npos) << ended.said;
    EXPECT_EQ(ended.said.find(kLetsIn), std::string::npos) << ended.said;
  }
  // Where the environment has it, the file's does not count, as any other.
  write_to(file, "BATTERY_TWIN_TOKEN=" + kLetsIn + "\n");
  const Twin known({"--env-file", file}, {"env", "BATTERY_TWIN_TOKEN=" + kLetsIn});
  EXPECT_EQ(known.http.get("/factory/status").status, 401);
}

TEST(MendedConfiguration, WhatIsNoTomlIsRefusedWithItsLine) {
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
    const Ended ended = run({"--config", file});
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

TEST(MendedConfiguration, TheMarkOfAnEditorIsNoPartOfAFile) {
  const testing::TemporaryFolder folder;
  const std::string tokens = folder.file("tokens");
  const std::string variables = folder.file("env");
  write_to(tokens, "\xEF\xBB\xBFoperator " + kLetsIn + "\n");
  write_to(variables,
           "\xEF\xBB\xBF"
           "FORWARDED_ALLOW_IPS=nonsense\n");
  const Twin twin({"--token-file", tokens});
  EXPECT_EQ(twin.http.get("/factory/status", {{"Authorization", "Bearer " + kLetsIn}}).status, 200);
  EXPECT_EQ(run({"--env-file", variables}).code, 2);  // it counts
}

TEST(MendedConfiguration, WhatIsWrongSaysWhereItComesFromAndWhatWouldBeRight) {
  const testing::TemporaryFolder folder;
  struct Case {
    Arguments options;
    Arguments variables;
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
    Arguments words{"env"};
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
