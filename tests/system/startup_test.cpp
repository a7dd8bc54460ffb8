// How the server starts, and what it says. How it ends is in process_rules_test.cpp.
#include <gtest/gtest.h>

#include <csignal>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr int kUsage = 2;

TEST(Startup, SaysWhatScriptsWaitFor) {
  ServerProcess server;
  const std::string said = server.err();
  EXPECT_NE(said.find("Started server process [" + std::to_string(server.pid()) + "]"), std::string::npos) << said;
  EXPECT_NE(said.find("Application startup complete."), std::string::npos) << said;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Startup, ABadOptionIsExit2) {
  for (const std::vector<std::string>& options :
       std::initializer_list<std::vector<std::string>>{{"--no-such-option"},
                                                       {"--port", "70000"},
                                                       {"--port", "http"},
                                                       {"--models", "wishful"},
                                                       {"--step-interval", "-1"},
                                                       {"--step-interval", "nan"},
                                                       {"--timeout-keep-alive", "nan"},
                                                       {"--header", "X-A: b\x01"},
                                                       {"--header", "X-A: b\x7f"},
                                                       {"--noise", "loud"},
                                                       {"--root-path", "twin"},
                                                       {"--root-path", "/twin/"},
                                                       {"--root-path", "/"},
                                                       {"--root-path", "//twin"},
                                                       {"--root-path", "/a/../b"},
                                                       {"--root-path", "/a\r\nX-Evil: 1"},
                                                       {"--root-path", "/%2e"},
                                                       {"--seed", "x"},
                                                       {"--queue-limit"}}) {
    std::vector<std::string> arguments{binary()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Process process(arguments);
    EXPECT_EQ(process.wait(), kUsage) << options.front();
    EXPECT_FALSE(process.err().empty()) << options.front();
  }
}

TEST(Startup, ACellFileWithoutAnEndIsRefused) {
  Process process({binary(), "--cell", "/dev/zero"});
  const auto code = process.wait();
  ASSERT_TRUE(code);
  EXPECT_NE(*code, 0);
  EXPECT_NE(process.err().find("/dev/zero is larger than 1 MiB"), std::string::npos) << process.err();
}

TEST(Startup, VersionAndHelpAreAnswered) {
  for (const char* option : {"--version", "--help"}) {
    Process process({binary(), option});
    EXPECT_EQ(process.wait(), 0) << option;
    EXPECT_FALSE(process.out().empty()) << option;
  }
}

TEST(AccessLog, HasOneLineForEachRequest) {
  Twin twin;
  EXPECT_EQ(twin.http.get("/health").status, 200);
  EXPECT_EQ(twin.http.get("/nothing?a=b").status, 404);
  EXPECT_EQ(twin.http.post("/factory/start", Json::object()).status, 200);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string log = twin.server.out();
  EXPECT_EQ(count(log, "\"GET /health HTTP/1.1\" 200"), 1u) << log;
  EXPECT_EQ(count(log, "\"GET /nothing?a=b HTTP/1.1\" 404"), 1u) << log;
  EXPECT_EQ(count(log, "\"POST /factory/start HTTP/1.1\" 200"), 1u) << log;
}

TEST(AccessLog, HasALineForARequestThatCannotBeRead) {
  Twin twin;
  EXPECT_EQ(twin.http.raw("GET / HTTP/1.1\nHost: localhost\n\n").status, 400);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  EXPECT_EQ(count(twin.server.out(), "\"- - HTTP/1.1\" 400"), 1u) << twin.server.out();
}

TEST(AccessLog, CutsALongTarget) {
  Twin twin;
  EXPECT_EQ(twin.http.get("/" + std::string(10'000, 'a')).status, 404);
  EXPECT_EQ(twin.http.request(std::string(500, 'M'), "/").status, 405);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string log = twin.server.out();
  EXPECT_EQ(count(log, "/" + std::string(2047, 'a') + "... HTTP/1.1\" 404"), 1u) << log;
  EXPECT_EQ(count(log, "\"" + std::string(64, 'M') + "... / HTTP/1.1\" 405"), 1u) << log;
}

}  // namespace
}  // namespace battery_twin::system
