// How the server starts, refuses to start, and ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr int kUsage = 2;
constexpr int kFailedToStart = 3;
constexpr seconds kDrain{10};  // the contract's own limit, the only time that is asserted

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// The lines of stderr that hold the word, e.g. WARNING.
std::vector<std::string> lines_with(const std::string& text, std::string_view word) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.find(word) != std::string::npos) lines.push_back(line);
    line.clear();
  }
  return lines;
}

TEST(Startup, SaysWhatScriptsWaitFor) {
  ServerProcess server;
  const std::string said = server.err();
  EXPECT_NE(said.find("Started server process [" + std::to_string(server.pid()) + "]"), std::string::npos) << said;
  EXPECT_NE(said.find("Application startup complete."), std::string::npos) << said;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Startup, APortInUseIsOneSentenceAndExit3) {
  const ServerProcess first;
  Process second({BATTERY_TWIN_BINARY, "--port", std::to_string(first.port())});
  EXPECT_EQ(second.wait(), kFailedToStart);
  const auto errors = lines_with(second.err(), "ERROR");
  ASSERT_EQ(errors.size(), 1u) << second.err();
  EXPECT_NE(errors[0].find(std::to_string(first.port())), std::string::npos) << errors[0];
  EXPECT_EQ(second.err().find("running on"), std::string::npos);
}

TEST(Startup, ABadOptionIsExit2) {
  for (const std::vector<std::string>& options :
       std::initializer_list<std::vector<std::string>>{{"--no-such-option"},
                                                       {"--port", "70000"},
                                                       {"--port", "http"},
                                                       {"--models", "wishful"},
                                                       {"--step-interval", "-1"},
                                                       {"--noise", "loud"},
                                                       {"--seed", "x"},
                                                       {"--queue-limit"}}) {
    std::vector<std::string> arguments{BATTERY_TWIN_BINARY};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Process process(arguments);
    EXPECT_EQ(process.wait(), kUsage) << options.front();
    EXPECT_FALSE(process.err().empty()) << options.front();
  }
}

TEST(Startup, VersionAndHelpAreAnswered) {
  for (const char* option : {"--version", "--help"}) {
    Process process({BATTERY_TWIN_BINARY, option});
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

TEST(AccessLog, CannotBeForged) {
  Twin twin;
  (void)twin.http.get("/a%0d%0aINFO:%20forged%1b[31m");
  twin.start({{"id", "real"}});
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  const std::string said = twin.server.out() + twin.server.err();
  EXPECT_EQ(said.find("\nINFO: forged"), std::string::npos);
  EXPECT_EQ(said.find("forged\x1b"), std::string::npos);
  EXPECT_NE(said.find("real"), std::string::npos);
}

class Shutdown : public ::testing::TestWithParam<int> {};

TEST_P(Shutdown, DrainsWhileBatchesRunAndClientsListen) {
  Twin twin;
  WsClient listening = twin.listen();
  WsClient filtered = twin.listen("/ws/status?telemetry=1");
  Connection idle(twin.server.port());
  idle.send(request_text("GET", "/health/live", {}, {}));
  EXPECT_EQ(read_response(idle).status, 200);
  for (const char* id : {"runs", "waits", "waits-too"}) twin.start({{"id", id}});
  std::vector<Json> seen;
  listening.wait_for_status("machine_turned_on", "runs", &seen);

  twin.server.signal(GetParam());
  std::vector<std::string> after;
  for (auto text = listening.receive(); text; text = listening.receive()) after.push_back(*text);
  EXPECT_EQ(listening.close_code(), 1012);
  EXPECT_EQ(filtered.wait_for_close(), 1012);
  EXPECT_FALSE(idle.receive());
  // A batch that is stopped by this is not cancelled.
  EXPECT_TRUE(std::ranges::none_of(
      after, [](const std::string& text) { return text.find("batch_cancelled") != std::string::npos; }));
  EXPECT_EQ(twin.server.wait(kDrain), 0);
  const std::string said = twin.server.err();
  EXPECT_EQ(count(said, "Shutting down"), 1u) << said;
  EXPECT_EQ(count(said, "Finished server process [" + std::to_string(twin.server.pid()) + "]"), 1u) << said;
  const auto warnings = lines_with(said, "WARNING");
  ASSERT_EQ(warnings.size(), 1u) << said;
  EXPECT_NE(warnings[0].find('3'), std::string::npos) << warnings[0];
}

INSTANTIATE_TEST_SUITE_P(Signals, Shutdown, ::testing::Values(SIGTERM, SIGINT));

TEST(ShutdownWork, AnIdleServerEndsWithoutAWarning) {
  ServerProcess server;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(kDrain), 0);
  EXPECT_EQ(lines_with(server.err(), "WARNING").size(), 0u) << server.err();
}

TEST(ShutdownWork, NewWorkIsRefused) {
  Twin twin;
  // A request that has begun keeps the server from going at once.
  Connection slow(twin.server.port());
  const std::string request =
      request_text("POST", "/factory/start", R"({"id":"late"})", {{"Content-Type", "application/json"}});
  slow.send(request.substr(0, request.size() - 1));
  EXPECT_EQ(twin.http.get("/health/ready").status, 200);  // so it has been read so far
  twin.server.signal(SIGTERM);
  ASSERT_TRUE(twin.server.wait_for_error_text("Shutting down"));
  try {
    const int status = twin.http.post("/factory/start", Json::object()).status;
    EXPECT_EQ(status, 503);
  } catch (const std::runtime_error& refused) {
    EXPECT_NE(std::string(refused.what()), "the server took too long");
  }
  slow.send(request.substr(request.size() - 1));
  const HttpResponse late = read_response(slow);
  EXPECT_EQ(late.status, 503) << late.body;
  EXPECT_EQ(late.field("Connection"), "close");
  EXPECT_EQ(twin.server.wait(kDrain), 0);
  EXPECT_EQ(lines_with(twin.server.err(), "WARNING").size(), 0u) << twin.server.err();
}

TEST(ShutdownWork, ASecondSignalForces) {
  Twin twin({"--timeout-graceful-shutdown", "300"});
  // Never finished: only force ends the wait for it.
  Connection stuck(twin.server.port());
  stuck.send(
      request_text("POST", "/factory/start", {}, {{"Content-Type", "application/json"}, {"Content-Length", "2"}}));
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  twin.server.signal(SIGTERM);
  ASSERT_TRUE(twin.server.wait_for_error_text("Shutting down"));
  EXPECT_FALSE(twin.server.wait(std::chrono::milliseconds(200)).has_value());
  twin.server.signal(SIGTERM);
  EXPECT_TRUE(twin.server.wait(seconds(30)).has_value());
}

TEST(ShutdownWork, ARequestThatNeverEndsIsCutOffInTime) {
  Twin twin({"--timeout-graceful-shutdown", "1"});
  Connection stuck(twin.server.port());
  stuck.send(
      request_text("POST", "/factory/start", {}, {{"Content-Type", "application/json"}, {"Content-Length", "2"}}));
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  WsClient deaf(twin.server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(kDrain), 0);
}

}  // namespace
}  // namespace battery_twin::system
