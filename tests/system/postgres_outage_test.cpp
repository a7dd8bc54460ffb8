// PostgreSQL is away: clients of the server do not notice, and it has everything when it is back.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <thread>

#include "postgres/tcp_proxy.hpp"
#include "postgres_plant.hpp"

namespace battery_twin::system {
namespace {

using postgres::PostgresCluster;
using postgres::shared_cluster;
using postgres::TcpProxy;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The longest of many requests. In the report as a property of the test; only much more decides.
milliseconds slowest(const char* name, int requests, const std::function<void()>& request) {
  Clock::duration longest{};
  for (int i = 0; i < requests; ++i) {
    const auto start = Clock::now();
    request();
    longest = std::max(longest, Clock::now() - start);
    std::this_thread::sleep_for(milliseconds(20));
  }
  const auto worst = std::chrono::ceil<milliseconds>(longest);
  ::testing::Test::RecordProperty(name, std::to_string(worst.count()) + " ms");
  return worst;
}

void expect_prompt_health(const Twin& twin, const char* name) {
  const milliseconds worst = slowest(name, 20, [&] { EXPECT_EQ(twin.http.get("/health").status, 200); });
  EXPECT_LT(worst, seconds(1));
}

// The server's log is written by a thread of its own.
bool is_logged(const Twin& twin, std::string_view text) {
  return Twin::eventually([&] { return twin.server.err().find(text) != std::string::npos; });
}

// All but telemetry.
void expect_everything_else_works(const Twin& twin, const std::string& batch) {
  EXPECT_EQ(twin.http.get("/batches/" + batch).status, 200);
  EXPECT_EQ(twin.http.get("/batches?limit=5").status, 200);
  EXPECT_EQ(twin.http.get("/factory/logs").status, 200);
  EXPECT_EQ(twin.http.get("/factory/status").status, 200);
  EXPECT_EQ(twin.http.get("/health/ready").status, 200);
  EXPECT_EQ(twin.http.patch("/machine/cathode/coating/parameters", {{"coating_speed", 0.051}}).status, 200);
}

void expect_no_telemetry(const Twin& twin, const std::string& batch) {
  for (const char* format : {"", "?format=csv", "?machine=aging_cell"}) {
    const HttpResponse response = twin.http.get("/batches/" + batch + "/telemetry" + format);
    EXPECT_EQ(response.status, 503) << response.body.substr(0, 200);
    EXPECT_NE(response.body.find("cannot be read now"), std::string::npos) << response.body.substr(0, 200);
  }
}

TEST(PostgresOutage, StoppedInTheMiddleOfARunNothingIsMissingOrDoubled) {
  const PostgresPlant plant;
  const Twin twin(plant.options(kFast));
  WsClient client = twin.listen();
  std::vector<std::string> batches;
  const auto start_for = [&](seconds time) {
    for (const auto until = Clock::now() + time; Clock::now() < until;) {
      batches.push_back("b" + std::to_string(batches.size()));
      ASSERT_EQ(twin.http.post("/factory/start", {{"id", batches.back()}}).status, 200);
      std::this_thread::sleep_for(milliseconds(200));
    }
  };
  start_for(seconds(1));
  shared_cluster().stop(PostgresCluster::Mode::immediate);
  start_for(seconds(4));
  EXPECT_TRUE(Twin::eventually([&] { return database_status(twin) == "unreachable"; }));
  const Json away = twin.get("/health");
  EXPECT_EQ(away.at("status"), "degraded");
  EXPECT_GT(away.at("database").at("backlog"), 0);
  start_for(seconds(16));  // 20 s in all
  EXPECT_EQ(twin.get("/health").at("status"), "degraded");
  EXPECT_GT(twin.get("/health").at("database").at("backlog"), away.at("database").at("backlog"));
  // Clients are told everything meanwhile.
  std::vector<Json> told;
  client.wait_for_status("batch_completed", batches.back(), &told);
  EXPECT_EQ(seq_problem(told), "");
  EXPECT_EQ(told.front().at("seq"), 1);
  for (const std::string& batch : {batches.front(), batches[batches.size() / 2]})
    EXPECT_EQ(order_problem(told, batch), "");
  EXPECT_EQ(database_status(twin), "unreachable");

  shared_cluster().start();
  const auto back = Clock::now();
  start_for(seconds(1));
  for (const std::string& id : batches) ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); })) << id;
  ASSERT_TRUE(plant.holds_all_of(twin)) << plant.steps_problem(twin, batches);
  RecordProperty("all_handed_on_after",
                 std::to_string(std::chrono::round<milliseconds>(Clock::now() - back).count()) + " ms");
  EXPECT_EQ(plant.steps_problem(twin, batches), "");
  EXPECT_EQ(plant.events_problem(twin), "");
  EXPECT_EQ(plant.texts("select id from battery_twin.batches order by number"), batches);
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("status") == "healthy"; }));
  EXPECT_EQ(database_status(twin), "connected");
  EXPECT_TRUE(is_logged(twin, "takes what is to be kept again")) << twin.server.err();
  EXPECT_EQ(twin.server.err().find("secret"), std::string::npos);
}

TEST(PostgresOutage, AServerStartsWhereTheHostDoesNotAnswerAndEndsInTime) {
  const PostgresPlant plant;
  TcpProxy proxy(shared_cluster().port());
  proxy.set_mode(TcpProxy::Mode::black_hole);
  Twin twin(plant.options_by(plant.url_by(proxy.port()), kFast));
  EXPECT_NE(twin.server.err().find("cannot be reached"), std::string::npos) << twin.server.err();
  expect_prompt_health(twin, "slowest_health");
  EXPECT_EQ(database_status(twin), "unreachable");
  EXPECT_EQ(twin.get("/health").at("status"), "degraded");
  twin.start({{"id", "a"}});
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "a"); }));
  expect_everything_else_works(twin, "a");
  expect_no_telemetry(twin, "a");
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(seconds(12)), 0) << twin.server.err();
  EXPECT_NE(twin.server.err().find("are handed on to PostgreSQL at the next start"), std::string::npos);
  EXPECT_EQ(twin.server.err().find("secret"), std::string::npos);
  // It does.
  const Twin again(plant.options());
  ASSERT_TRUE(plant.holds_all_of(again));
  EXPECT_EQ(plant.steps_problem(again, {"a"}), "");
}

TEST(PostgresOutage, AHostThatStopsAnsweringIsNoticedAndEverythingElseGoesOn) {
  const PostgresPlant plant;
  TcpProxy proxy(shared_cluster().port());
  Twin twin(plant.options_by(plant.url_by(proxy.port()), kFast));
  twin.start({{"id", "before"}});
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "before"); }));
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(database_status(twin), "connected");

  proxy.set_mode(TcpProxy::Mode::black_hole);
  twin.start({{"id", "after"}});
  // Nobody knows yet: who asks for telemetry now waits, and is told in time; nobody waits with it.
  Connection patient(twin.server.port());
  patient.send(request_text("GET", "/batches/before/telemetry", {}, {}));
  EXPECT_EQ(twin.http.get("/health").status, 200);  // by now it is under way
  EXPECT_EQ(twin.http.get("/batches?limit=5").status, 200);
  EXPECT_EQ(twin.http.get("/batches/nobody").status, 404);  // read from the file
  EXPECT_TRUE(patient.receive_now());
  EXPECT_EQ(patient.buffer(), "") << "the others were answered after telemetry";
  expect_prompt_health(twin, "slowest_health_at_once");
  expect_everything_else_works(twin, "before");
  const HttpResponse response = read_response(patient);
  EXPECT_EQ(response.status, 503) << response.body.substr(0, 200);
  ASSERT_TRUE(Twin::eventually([&] { return database_status(twin) == "unreachable"; }));
  expect_prompt_health(twin, "slowest_health");
  EXPECT_EQ(twin.get("/health").at("status"), "degraded");
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "after"); }));
  expect_everything_else_works(twin, "after");
  expect_no_telemetry(twin, "after");

  proxy.set_mode(TcpProxy::Mode::pass);
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, {"before", "after"}), "");
  EXPECT_TRUE(Twin::eventually([&] { return database_status(twin) == "connected"; }));
  EXPECT_EQ(twin.http.get("/batches/after/telemetry").status, 200);

  proxy.set_mode(TcpProxy::Mode::black_hole);
  twin.start({{"id", "last"}});
  Connection unlucky(twin.server.port());
  unlucky.send(request_text("GET", "/batches/before/telemetry", {}, {}));
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(seconds(12)), 0) << twin.server.err();
}

TEST(PostgresOutage, AServerThatStartedWithoutPostgresHandsOnWhenItComes) {
  const PostgresPlant plant;
  TcpProxy proxy(shared_cluster().port());
  proxy.set_mode(TcpProxy::Mode::refuse);
  const Twin twin(plant.options_by(plant.url_by(proxy.port()), kFast));
  EXPECT_NE(twin.server.err().find("cannot be reached"), std::string::npos) << twin.server.err();
  EXPECT_NE(twin.server.err().find(plant.spool()), std::string::npos) << twin.server.err();
  EXPECT_EQ(twin.get("/health").at("status"), "degraded");
  twin.start({{"id", "a"}});
  ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "a"); }));
  expect_no_telemetry(twin, "a");
  proxy.set_mode(TcpProxy::Mode::pass);
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, {"a"}), "");
  EXPECT_EQ(plant.events_problem(twin), "");
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("status") == "healthy"; }));
  EXPECT_EQ(twin.server.err().find("secret"), std::string::npos);
}

// Rows that wait have a limit of their own: then the plant waits, as it does for a slow disk, and no row is dropped.
TEST(PostgresOutage, APlantWithoutRoomInItsSpoolWaits) {
  const PostgresPlant plant;
  TcpProxy proxy(shared_cluster().port());
  Twin twin(plant.options_by(plant.url_by(proxy.port()), {"--step-interval", "0", "--spool-rows", "3000"}));
  proxy.set_mode(TcpProxy::Mode::refuse);
  std::vector<std::string> batches;
  for (int i = 0; i < 10; ++i) batches.push_back(twin.start({{"id", "b" + std::to_string(i)}}));
  ASSERT_TRUE(Twin::eventually([&] { return health_of(twin).at("database").at("backlog") >= 3000; }));
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_FALSE(is_completed(twin, "b9"));
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "b10"}}).status, 200);
  batches.emplace_back("b10");
  proxy.set_mode(TcpProxy::Mode::pass);
  for (const std::string& id : batches) ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); })) << id;
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, batches), "");
}

TEST(PostgresOutage, AFullDiskRefusesBatchesUntilThereIsRoom) {
  const PostgresPlant plant;
  // A file may grow to 1 MiB: as good as a full disk, until there is room again.
  const Twin twin(plant.options(kFast), {"sh", "-c", "ulimit -S -f 2048; exec \"$0\" \"$@\""});
  std::vector<std::string> accepted;
  ASSERT_TRUE(Twin::eventually([&] {
    const HttpResponse response = twin.http.post("/factory/start", Json::object());
    if (response.status == 200) accepted.push_back(response.json().at("batch_id"));
    return response.status == 503 && twin.http.get("/health").status == 503;
  }));
  EXPECT_EQ(health_of(twin).at("status"), "unhealthy");
  EXPECT_EQ(database_status(twin), "failed");
  EXPECT_EQ(twin.http.get("/health/ready").status, 503);
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  EXPECT_TRUE(is_logged(twin, "cannot be written")) << twin.server.err();

  const rlimit room{RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(twin.server.pid(), RLIMIT_FSIZE, &room, nullptr), 0);
  ASSERT_TRUE(Twin::eventually([&] { return twin.http.get("/health").status == 200; }));
  accepted.push_back(twin.start({{"id", "with-room"}}));
  ASSERT_TRUE(
      Twin::eventually([&] { return twin.get("/factory/status").at("counters").at("completed") == accepted.size(); }));
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.number("select count(*) from battery_twin.batches where status = 'completed'"), accepted.size());
  EXPECT_EQ(plant.steps_problem(twin, accepted), "");
}

}  // namespace
}  // namespace battery_twin::system
