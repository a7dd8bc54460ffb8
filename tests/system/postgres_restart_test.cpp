// However the server ends and whatever it finds when it starts: PostgreSQL has every step once.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>

#include "postgres_plant.hpp"

namespace battery_twin::system {
namespace {

using std::chrono::milliseconds;

TEST(PostgresRestart, KilledAgainAndAgainEveryStepIsThereOnce) {
  constexpr int kBatches = 20;
  constexpr int kKills = 10;
  const PostgresPlant plant;
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same moments, as far as the machine allows
  std::vector<std::string> accepted;
  for (int kill = 0; kill < kKills; ++kill) {
    const Twin twin(plant.options({"--step-interval", "0.2"}));
    const auto until = std::chrono::steady_clock::now() + milliseconds(std::uniform_int_distribution(5, 400)(random));
    for (int i = 0; i < 2; ++i) {
      accepted.push_back("b" + std::to_string(accepted.size()));
      twin.start({{"id", accepted.back()}, {"seed", 100 + accepted.size()}});
    }
    std::this_thread::sleep_until(until);
    twin.server.signal(SIGKILL);
  }
  ASSERT_EQ(accepted.size(), kBatches);
  const Twin twin(plant.options(kFast));
  for (const std::string& id : accepted) ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); })) << id;
  const Json counters = twin.get("/factory/status").at("counters");
  EXPECT_EQ(counters.at("accepted"), kBatches);
  EXPECT_EQ(counters.at("completed"), kBatches);
  ASSERT_TRUE(plant.holds_all_of(twin)) << plant.steps_problem(twin, accepted);
  EXPECT_EQ(plant.steps_problem(twin, accepted), "");
  EXPECT_EQ(plant.events_problem(twin), "");
  EXPECT_EQ(plant.number("select count(*) from battery_twin.batches where status = 'completed'"), kBatches);

  const Twin undisturbed({"--db", "sqlite:plant.db", "--step-interval", "0", "--seed", "1"});
  for (std::size_t i = 0; i < accepted.size(); ++i) undisturbed.start({{"id", accepted[i]}, {"seed", 101 + i}});
  for (const std::string& id : accepted) {
    ASSERT_TRUE(Twin::eventually([&] { return is_completed(undisturbed, id); }));
    EXPECT_EQ(results_of(twin, id), results_of(undisturbed, id)) << id;
    ASSERT_EQ(telemetry_of(twin, id), telemetry_of(undisturbed, id)) << id;
  }
}

TEST(PostgresRestart, AtCtrlCEverythingThatWasToldIsHandedOn) {
  const PostgresPlant plant;
  std::vector<std::string> accepted;
  std::vector<Json> told;
  {
    Twin twin(plant.options({"--step-interval", "0.5"}));
    WsClient client = twin.listen();
    for (int i = 0; i < 6; ++i) {
      accepted.push_back("b" + std::to_string(i));
      twin.start({{"id", accepted.back()}});
    }
    client.wait_for_status("batch_completed", "b0", &told);
    twin.server.signal(SIGINT);
    for (auto text = client.receive(); text; text = client.receive()) told.push_back(Json::parse(*text));
    EXPECT_EQ(twin.server.wait(), 0);
    EXPECT_EQ(twin.server.err().find("wait in"), std::string::npos) << twin.server.err();
  }
  ASSERT_EQ(seq_problem(told), "");
  const auto newest = std::ranges::find_if(told.rbegin(), told.rend(), is_life_cycle)->at("seq").get<std::int64_t>();
  EXPECT_GE(plant.number("select max(seq) from battery_twin.event"), newest);
  EXPECT_EQ(plant.number("select max(seq) - count(*) from battery_twin.event"), 0);
  EXPECT_EQ(plant.texts("select id from battery_twin.batch order by number"), accepted);
  EXPECT_GE(plant.number("select count(*) from battery_twin.machine where status = 'completed'"), 16);
  EXPECT_GT(plant.number("select count(distinct batch) from battery_twin.telemetry"), 1) << "others were under way";
  EXPECT_EQ(plant.texts("select b.id || ' ' || m.station || ' ' || m.steps from battery_twin.machine m "
                        "join battery_twin.batch b on b.number = m.batch where m.status = 'completed' and m.steps <> "
                        "(select count(*) from battery_twin.telemetry t join battery_twin.series s on s.id = t.series "
                        "where t.batch = m.batch and s.station = m.station)"),
            std::vector<std::string>{});
  // Telemetry of a batch that starts over is not there twice.
  const Twin twin(plant.options(kFast));
  for (const std::string& id : accepted) ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); })) << id;
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, accepted), "");
}

TEST(PostgresRestart, ANewSpoolTakesOverWhatTheDatabaseHolds) {
  PostgresPlant plant;
  Json batch;
  Json telemetry;
  Json logs;
  {
    Twin twin(plant.options(kFast));
    twin.start({{"id", "one"}, {"seed", 4711}, {"anode_coating_params", {{"coating_speed", 0.049}}}});
    ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "one"); }));
    EXPECT_EQ(twin.http.patch("/machine/cathode/coating/parameters", {{"coating_speed", 0.051}}).status, 200);
    twin.set_step_interval(2500);
    twin.start({{"id", "two"}});
    twin.start({{"id", "three"}});
    batch = twin.get("/batches/one");
    telemetry = twin.get("/batches/one/telemetry");
    logs = twin.get("/factory/logs?batch_id=one");
    twin.server.signal(SIGTERM);
    ASSERT_EQ(twin.server.wait(), 0);
  }
  plant.lose_spool();
  Twin twin(plant.options());
  EXPECT_EQ(twin.get("/batches/one"), batch);
  EXPECT_EQ(twin.get("/batches/one/telemetry"), telemetry);
  EXPECT_EQ(twin.get("/factory/logs?batch_id=one"), logs);
  const Json status = twin.get("/factory/status");
  EXPECT_EQ(status.at("counters").at("accepted"), 3);
  EXPECT_EQ(status.at("counters").at("completed"), 1);
  EXPECT_EQ(status.at("pacing").at("step_interval_ms"), 2500);
  EXPECT_EQ(status.at("running").front().at("batch_id"), "two");
  EXPECT_EQ(status.at("queue"), Json::array({"three"}));
  EXPECT_EQ(twin.get("/machine/cathode/coating/status").at("machine_parameters").at("coating_speed"), 0.051);
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "one"}}).status, 409);
  // It goes on as if nothing had happened.
  twin.set_step_interval(0);
  for (const char* id : {"two", "three"}) ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); })) << id;
  ASSERT_TRUE(plant.holds_all_of(twin));
  EXPECT_EQ(plant.steps_problem(twin, {"one", "two", "three"}), "");
  EXPECT_EQ(plant.events_problem(twin), "");
}

TEST(PostgresRestart, FreshEmptiesBoth) {
  const PostgresPlant plant;
  {
    const Twin twin(plant.options(kFast));
    twin.start({{"id", "a"}});
    ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "a"); }));
    ASSERT_TRUE(plant.holds_all_of(twin));
  }
  const Twin twin(plant.options({"--step-interval", "60000", "--fresh"}));
  EXPECT_EQ(twin.http.get("/batches/a").status, 404);
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
  EXPECT_EQ(plant.number("select count(*) from battery_twin.batch"), 0);
  EXPECT_EQ(plant.number("select count(*) from battery_twin.telemetry"), 0);
  EXPECT_EQ(plant.number("select count(*) from battery_twin.event"), 0);
  EXPECT_EQ(twin.start({{"id", "a"}}), "a");
}

TEST(PostgresRestart, TelemetryThatIsTooOldIsDeleted) {
  const PostgresPlant plant;
  {
    Twin twin(plant.options(kFast));
    for (const char* id : {"old", "new"}) {
      twin.start({{"id", id}});
      ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, id); }));
    }
    ASSERT_TRUE(plant.holds_all_of(twin));
    twin.server.signal(SIGTERM);
    ASSERT_EQ(twin.server.wait(), 0);
  }
  postgres::execute(plant.url(),
                    "update battery_twin.batch set finished_us = finished_us - 7200000000 where id = 'old'");
  // Less than an hour is an hour.
  const Twin twin(plant.options({"--retention-days", "0.01"}));
  ASSERT_TRUE(
      Twin::eventually([&] { return plant.number("select count(*) from mixing_anode where batch = 'old'") == 0; }));
  ASSERT_TRUE(Twin::eventually([&] { return plant.number("select count(*) from aging where batch = 'old'") == 0; }));
  EXPECT_EQ(plant.steps_problem(twin, {"new"}), "");
  EXPECT_EQ(twin.get("/batches/old").at("status"), "completed");
  EXPECT_EQ(twin.get("/batches/old/telemetry").at("telemetry"), Json::array());
  EXPECT_EQ(plant.number("select count(*) from battery_twin.batches where end_of_line is not null"), 2);
}

}  // namespace
}  // namespace battery_twin::system
