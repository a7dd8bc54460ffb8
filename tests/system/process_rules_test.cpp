// What must hold for the process: descriptors, signals, clients that vanish, logs; one test or more per rule.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr int kFailedToStart = 3;
constexpr seconds kDrain{10};  // the contract's own limit, the only time that is asserted

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

const std::string kGet = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::size_t open_descriptors(const Process& process) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(process.pid()) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

rlim_t lowest_free_descriptor(const Process& process) {
  rlim_t number = 0;
  while (std::filesystem::exists(
      std::filesystem::symlink_status("/proc/" + std::to_string(process.pid()) + "/fd/" + std::to_string(number))))
    ++number;
  return number;
}

// Status of a GET over a connection of its own; 0 where there was no answer.
int try_get(std::uint16_t port) {
  try {
    return HttpClient(port).raw(kGet).status;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

// Lines that may be said once a second since then.
std::size_t most_lines(std::chrono::steady_clock::time_point start) {
  return static_cast<std::size_t>(
             std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - start).count()) +
         2;
}

TEST(P2, APortInUseIsOneSentenceAndExit3) {
  const ServerProcess first;
  Process second({binary(), "--port", std::to_string(first.port())});
  EXPECT_EQ(second.wait(), kFailedToStart);
  const auto errors = lines_with(second.err(), "ERROR");
  ASSERT_EQ(errors.size(), 1u) << second.err();
  EXPECT_NE(errors[0].find(std::to_string(first.port())), std::string::npos) << errors[0];
  EXPECT_EQ(second.err().find("running on"), std::string::npos);
}

TEST(P2, MoreConnectionsThanDescriptorsAreTurnedAway) {
  const ServerProcess server({}, {"sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""});
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<Connection> storm;
    for (int i = 0; i < 300; ++i) {
      storm.emplace_back(server.port());
      storm.back().send(kGet);
    }
    EXPECT_EQ(read_response(storm.front()).status, 200);
    EXPECT_EQ(read_response(storm.back()).status, 503);
    EXPECT_LE(open_descriptors(server), 64u);
  }
  EXPECT_TRUE(Twin::eventually([&] { return try_get(server.port()) == 200; }));
  const auto errors = lines_with(server.err(), "ERROR");
  EXPECT_GE(errors.size(), 1u);
  EXPECT_LE(errors.size(), most_lines(start)) << server.err();
  EXPECT_TRUE(lines_with(server.err(), "cannot accept").empty()) << server.err();
}

TEST(P2, WithoutADescriptorTheServerGoesOn) {
  if (is_sanitized())
    GTEST_SKIP() << "UBSan looks at memory through a pipe, and takes an object for broken when it gets none";
  Twin twin;
  const auto start = std::chrono::steady_clock::now();
  rlimit before{};
  ASSERT_EQ(::prlimit(twin.server.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  {
    // Taken away while it runs, so that it cannot know how many connections there may be.
    std::vector<Connection> served;
    for (int i = 0; i < 5; ++i) {
      served.emplace_back(twin.server.port());
      served.back().send(kGet);
      EXPECT_EQ(read_response(served.back()).status, 200);
    }
    const rlimit scarce{.rlim_cur = lowest_free_descriptor(twin.server), .rlim_max = before.rlim_max};
    ASSERT_EQ(::prlimit(twin.server.pid(), RLIMIT_NOFILE, &scarce, nullptr), 0);
    EXPECT_EQ(try_get(twin.server.port()), 503);
    std::vector<Connection> storm;
    for (int i = 0; i < 300; ++i) storm.emplace_back(twin.server.port());
    ASSERT_TRUE(twin.server.wait_for_error_text("cannot accept connections"));
    for (Connection& connection : served) {
      connection.send(kGet);
      EXPECT_EQ(read_response(connection).status, 200);
    }
  }
  EXPECT_TRUE(Twin::eventually([&] { return try_get(twin.server.port()) == 200; }));
  EXPECT_LE(lines_with(twin.server.err(), "cannot accept").size(), most_lines(start)) << twin.server.err();
  ASSERT_EQ(::prlimit(twin.server.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
}

TEST(P3, ABrokenPipeIsNothing) {
  const Twin twin;
  twin.server.signal(SIGPIPE);
  EXPECT_EQ(try_get(twin.server.port()), 200);
}

TEST(P3, ASignalDrainsWhileBatchesRunAndClientsListen) {
  for (const int number : {SIGTERM, SIGINT}) {
    Twin twin;
    WsClient listening = twin.listen();
    WsClient filtered = twin.listen("/ws/status?telemetry=1");
    Connection idle(twin.server.port());
    idle.send(request_text("GET", "/health/live", {}, {}));
    EXPECT_EQ(read_response(idle).status, 200);
    for (const char* id : {"runs", "waits", "waits-too"}) twin.start({{"id", id}});
    std::vector<Json> seen;
    listening.wait_for_status("machine_turned_on", "runs", &seen);

    twin.server.signal(number);
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
    EXPECT_EQ(count(said, "3 batches go on at the next start"), 1u) << said;
    EXPECT_TRUE(lines_with(said, "WARNING").empty()) << said;
  }
}

TEST(P3, AnIdleServerEndsWithoutAWarning) {
  ServerProcess server;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(kDrain), 0);
  EXPECT_EQ(lines_with(server.err(), "WARNING").size(), 0u) << server.err();
}

TEST(P3, NewWorkIsRefused) {
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

TEST(P3, ASecondSignalForces) {
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

TEST(P3, HalfAHeaderHoldsNothingUp) {
  Twin twin({"--timeout-graceful-shutdown", "300"});
  Connection half(twin.server.port());
  half.send("GET /health HTTP/1.1\r\nHost: ");
  EXPECT_EQ(twin.http.get("/health/live").status, 200);  // so it has been read so far
  twin.server.signal(SIGTERM);
  const HttpResponse response = read_response(half);
  EXPECT_EQ(response.status, 503) << response.body;
  EXPECT_TRUE(response.header("Retry-After"));
  EXPECT_EQ(twin.server.wait(kDrain), 0);
}

TEST(P3, ARequestThatNeverEndsIsCutOffInTime) {
  Twin twin({"--timeout-graceful-shutdown", "1"});
  Connection stuck(twin.server.port());
  stuck.send(
      request_text("POST", "/factory/start", {}, {{"Content-Type", "application/json"}, {"Content-Length", "2"}}));
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  WsClient deaf(twin.server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(kDrain), 0);
}

// With the sanitizers it is these that would find a session which is used after its end.
TEST(P4, ClientsThatVanishAtAnyByteLeaveNothingBehind) {
  const Twin twin;
  (void)twin.http.get("/health");
  const std::size_t before = open_descriptors(twin.server);
  const std::vector<std::string> talks{
      request_text("POST", "/factory/start", R"({"seed":-1})", {{"Content-Type", "application/json"}}),
      request_text("POST", "/factory/start", "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
                   {{"Content-Type", "text/plain"}, {"Transfer-Encoding", "chunked"}}),
      upgrade_text("/ws/status") + frame_bytes(Opcode::text, "hello") + frame_bytes(Opcode::close, "\x03\xE8"),
  };
  for (const std::string& talk : talks) {
    for (std::size_t cut = 0; cut <= talk.size(); ++cut) {
      Connection reset(twin.server.port());
      reset.send(talk.substr(0, cut));
      reset.reset();
      Connection half_closed(twin.server.port());
      half_closed.send(talk.substr(0, cut));
      half_closed.shutdown_send();
    }
  }
  EXPECT_TRUE(Twin::eventually([&] { return open_descriptors(twin.server) <= before; }));
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 0; }));
}

TEST(P5, TheLogCannotBeForged) {
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

TEST(P5, AFullDiskIsSurvived) {
  ServerProcess server({}, {"sh", "-c", "exec \"$0\" \"$@\" >/dev/full"});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(try_get(server.port()), 200);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(kDrain), 0);
}

// A pipe that nobody reads: its buffer and the log's queue are full long before the last request.
TEST(P5, ALogThatNobodyReadsHoldsNobodyUp) {
  ServerProcess server({}, {"sh", "-c", "mkfifo pipe && exec 3<>pipe && exec \"$0\" \"$@\" >pipe"});
  Connection connection(server.port());
  // Lines are queued by the 4 kB: two of these, cut, fill one such piece.
  const std::string get = "GET /?" + std::string(4'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  constexpr int kRequests = 20'000;
  constexpr int kAtOnce = 100;
  std::string burst;
  for (int i = 0; i < kAtOnce; ++i) burst += get;
  for (int i = 0; i < kRequests; i += kAtOnce) {
    connection.send(burst);
    for (int k = 0; k < kAtOnce; ++k) ASSERT_EQ(read_response(connection).status, 200);
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(kDrain), 0);
  EXPECT_NE(server.err().find("messages of the log were dropped"), std::string::npos) << server.err();
}

TEST(P6, ManyBatchesAtFullSpeedHoldNobodyUp) {
  const Twin twin({"--step-interval", "0"});
  constexpr int kBatches = 50;
  for (int i = 0; i < kBatches; ++i) twin.start(Json::object());
  const auto completed = [&] { return twin.get("/factory/status").at("counters").at("completed") == kBatches; };
  EXPECT_TRUE(Twin::eventually(completed));
  EXPECT_TRUE(lines_with(twin.server.err(), "blocked").empty()) << twin.server.err();
}

}  // namespace
}  // namespace battery_twin::system
