// The routes that start, list, stop and pace batches, with good input.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::vector<std::string> ids_of(const Json& page) {
  std::vector<std::string> ids;
  for (const Json& batch : page.at("batches")) ids.push_back(batch.at("batch_id"));
  return ids;
}

using Ids = std::vector<std::string>;

TEST(StartSimulation, StartsOneBatchWithTheseRatios) {
  const Twin twin;
  const HttpResponse response = twin.http.post("/start-simulation", good_simulation());
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_FALSE(response.json().at("message").get<std::string>().empty());
  const std::string id = response.json().at("batch_id");
  const Json parameters = twin.get("/batches/" + id).at("parameters");
  EXPECT_EQ(parameters.at("anode_mixing_params").at("material_ratios"), good_simulation().at("anode"));
  EXPECT_EQ(parameters.at("cathode_mixing_params").at("material_ratios"), good_simulation().at("cathode"));
}

TEST(StartSimulation, IsLockedWhileABatchIsUnderWay) {
  const Twin twin;
  const std::string id = twin.start({{"id", "in-the-way"}});
  const HttpResponse locked = twin.http.post("/start-simulation", good_simulation());
  ASSERT_EQ(locked.status, 409);
  const std::string detail = locked.json().at("detail");
  EXPECT_NE(detail.find(id), std::string::npos) << detail;
  EXPECT_NE(detail.find("POST /factory/start"), std::string::npos) << detail;
  // The other way in knows no lock.
  EXPECT_EQ(twin.start({{"id", "behind"}}), "behind");
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 2);
}

TEST(StartSimulation, IsFreeAgainHoweverTheLastBatchEnded) {
  const Twin twin;
  WsClient events = twin.listen();
  const std::string cancelled = twin.http.post("/start-simulation", good_simulation()).json().at("batch_id");
  EXPECT_EQ(twin.http.del("/batches/" + cancelled).status, 202);
  events.wait_for_status("batch_cancelled", cancelled);
  twin.set_step_interval(0);
  const HttpResponse second = twin.http.post("/start-simulation", good_simulation());
  ASSERT_EQ(second.status, 200) << second.body;
  events.wait_for_status("batch_completed", second.json().at("batch_id").get<std::string>());
  EXPECT_EQ(twin.http.post("/start-simulation", good_simulation()).status, 200);
}

TEST(FactoryStart, TellsThePlaceInTheQueue) {
  const Twin twin;
  for (int position = 0; position < 4; ++position) {
    const HttpResponse response = twin.http.post("/factory/start", Json::object());
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(response.json().at("queue_position"), position);
    EXPECT_FALSE(response.json().at("message").get<std::string>().empty());
  }
  EXPECT_EQ(twin.get("/factory/status").at("queue"), Json({"2", "3", "4"}));
}

TEST(FactoryStart, CountsIdsAndSkipsTakenOnes) {
  const Twin twin;
  EXPECT_EQ(twin.start({{"id", "2"}}), "2");
  EXPECT_EQ(twin.start(Json::object()), "1");
  EXPECT_EQ(twin.start(Json::object()), "3");
  const std::string longest(64, 'x');
  for (const std::string& id : {std::string("A.b_c-9"), std::string("..."), longest})
    EXPECT_EQ(twin.start({{"id", id}}), id);
}

TEST(FactoryStart, RefusesAKnownId) {
  const Twin twin;
  WsClient events = twin.listen();
  twin.start({{"id", "twice"}});
  const HttpResponse running = twin.http.post("/factory/start", {{"id", "twice"}});
  EXPECT_EQ(running.status, 409);
  EXPECT_NE(running.json().at("detail").get<std::string>().find("twice"), std::string::npos);
  twin.start({{"id", "waiting"}});
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "waiting"}}).status, 409);
  EXPECT_EQ(twin.http.del("/batches/waiting").status, 200);
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "waiting"}}).status, 409);
  twin.set_step_interval(0);
  events.wait_for_status("batch_completed", "twice");
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "twice"}}).status, 409);
}

TEST(FactoryStart, AnswersAndRecordsTheSeed) {
  const Twin twin;
  constexpr std::uint64_t kLargest = (std::uint64_t{1} << 53) - 1;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{12345}, kLargest}) {
    const HttpResponse response = twin.http.post("/factory/start", {{"seed", seed}});
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.json().at("seed"), seed);
    EXPECT_EQ(twin.get("/batches/" + response.json().at("batch_id").get<std::string>()).at("seed"), seed);
  }
  const Json derived = twin.http.post("/factory/start", Json::object()).json();
  EXPECT_EQ(twin.get("/batches/" + derived.at("batch_id").get<std::string>()).at("seed"), derived.at("seed"));
}

TEST(FactoryStart, DerivesTheSameSeedsFromTheSameServerSeed) {
  const Twin one({"--seed", "42"});
  const Twin two({"--seed", "42"});
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 3; ++i) {
    const Json seed = one.http.post("/factory/start", Json::object()).json().at("seed");
    EXPECT_EQ(seed, two.http.post("/factory/start", Json::object()).json().at("seed"));
    seeds.insert(seed.get<std::uint64_t>());
  }
  EXPECT_EQ(seeds.size(), 3u);
}

TEST(FactoryStart, MergesANamedGroupAtAcceptance) {
  const Twin twin;
  const Json now = twin.get("/machine/anode/coating/status").at("machine_parameters");
  twin.start({{"id", "fixed"}, {"anode_coating_params", {{"gap_height", 2.5e-4}}}});
  Json expected = now;
  expected["gap_height"] = 2.5e-4;
  const Json parameters = twin.get("/batches/fixed").at("parameters");
  EXPECT_EQ(parameters.at("anode_coating_params"), expected);
  // Not named: read when the batch gets there.
  EXPECT_FALSE(parameters.contains("cathode_coating_params"));
  // The machine itself keeps its own.
  EXPECT_EQ(twin.get("/machine/anode/coating/status").at("machine_parameters"), now);
}

TEST(FactoryStart, TakesAllGroups) {
  const Twin twin;
  Json body{{"id", "all"}};
  for (const MachineName& name : kMachines)
    body[std::string(name.group)] = twin.get(name.path() + "/status").at("machine_parameters");
  ASSERT_EQ(twin.start(body), "all");
  const Json parameters = twin.get("/batches/all").at("parameters");
  for (const MachineName& name : kMachines)
    EXPECT_EQ(parameters.at(std::string(name.group)), body.at(std::string(name.group))) << name.group;
}

TEST(FactoryStart, IsRefusedWith503WhenTheQueueIsFull) {
  const Twin twin({"--queue-limit", "2"});
  for (int i = 0; i < 3; ++i) twin.start(Json::object());
  const HttpResponse full = twin.http.post("/factory/start", {{"id", "too-much"}});
  EXPECT_EQ(full.status, 503);
  EXPECT_TRUE(full.header("Retry-After").has_value());
  EXPECT_TRUE(full.json().at("detail").is_string());
  EXPECT_EQ(twin.http.get("/batches/too-much").status, 404);
  EXPECT_EQ(twin.http.del("/batches/3").status, 200);
  EXPECT_EQ(twin.start({{"id", "too-much"}}), "too-much");
}

TEST(FactoryStart, GivesARacedIdToOneOnly) {
  const Twin twin;
  constexpr int kRacers = 8;
  std::vector<Connection> racers;
  for (int i = 0; i < kRacers; ++i) racers.emplace_back(twin.server.port());
  const std::string request =
      request_text("POST", "/factory/start", R"({"id":"raced"})", {{"Content-Type", "application/json"}});
  for (Connection& racer : racers) racer.send(request);
  std::multiset<int> statuses;
  for (Connection& racer : racers) statuses.insert(read_response(racer).status);
  EXPECT_EQ(statuses.count(200), 1u);
  EXPECT_EQ(statuses.count(409), static_cast<std::size_t>(kRacers - 1));
}

TEST(Batches, ArePagedNewestFirst) {
  const Twin twin;
  for (const char* id : {"a", "b", "c", "d", "e"}) twin.start({{"id", id}});
  EXPECT_EQ(ids_of(twin.get("/batches")), (Ids{"e", "d", "c", "b", "a"}));
  EXPECT_EQ(ids_of(twin.get("/batches?order=asc")), (Ids{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(twin.get("/batches").at("next"), nullptr);
  for (const std::string order : {"desc", "asc"}) {
    Ids all;
    std::string target = "/batches?limit=2&order=" + order;
    Json page = twin.get(target);
    for (int pages = 0; pages < 5; ++pages) {
      EXPECT_LE(page.at("batches").size(), 2u);
      for (std::string& id : ids_of(page)) all.push_back(std::move(id));
      if (page.at("next").is_null()) break;
      page = twin.get(target + "&after=" + page.at("next").get<std::string>());
    }
    Ids expected{"a", "b", "c", "d", "e"};
    if (order == "desc") std::ranges::reverse(expected);
    EXPECT_EQ(all, expected);
  }
}

TEST(Batches, AreFilteredByStatus) {
  const Twin twin;
  for (const char* id : {"runs", "waits", "gone"}) twin.start({{"id", id}});
  EXPECT_EQ(twin.http.del("/batches/gone").status, 200);
  EXPECT_EQ(ids_of(twin.get("/batches?status=running")), Ids{"runs"});
  EXPECT_EQ(ids_of(twin.get("/batches?status=queued")), Ids{"waits"});
  EXPECT_EQ(ids_of(twin.get("/batches?status=cancelled")), Ids{"gone"});
  EXPECT_EQ(ids_of(twin.get("/batches?status=completed")), Ids{});
  EXPECT_EQ(ids_of(twin.get("/batches?status=failed")), Ids{});
}

class BatchOf : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Models, BatchOf, ::testing::Values("mechanistic", "reference"),
                         [](const auto& models) { return models.param; });

TEST_P(BatchOf, ShowsItsWholeLife) {
  const bool reference = GetParam() == "reference";
  const Twin twin({"--step-interval", "0", "--models", GetParam()});
  WsClient events = twin.listen();
  twin.start({{"id", "lived"}, {"seed", 7}});
  const Json completed = events.wait_for_status("batch_completed", "lived");
  const Json batch = twin.get("/batches/lived");
  EXPECT_EQ(batch.at("batch_id"), "lived");
  EXPECT_EQ(batch.at("status"), "completed");
  EXPECT_EQ(batch.at("seed"), 7);
  EXPECT_EQ(batch.at("models"), GetParam());
  EXPECT_LE(batch.at("created_at").get<std::string>(), batch.at("started_at").get<std::string>());
  EXPECT_LT(batch.at("started_at").get<std::string>(), batch.at("finished_at").get<std::string>());
  for (const Json& progress : batch.at("progress")) EXPECT_EQ(progress, 1);
  EXPECT_FALSE(batch.contains("error"));
  ASSERT_EQ(batch.at("machines").size(), kMachines.size());
  for (const MachineName& name : kMachines) {
    EXPECT_TRUE(batch.at("parameters").contains(std::string(name.group))) << name.group;
    const Json& machine = batch.at("machines").at(name.process());
    EXPECT_EQ(machine.at("status"), "completed") << name.process();
    EXPECT_GT(machine.at("steps").get<int>(), 0) << name.process();
    EXPECT_TRUE(machine.at("properties").is_object()) << name.process();
    EXPECT_EQ(machine.at("outcome"), reference ? Json() : Json("pass")) << name.process();
    EXPECT_TRUE(machine.at("causes").is_array());
  }
  const Json& figures = batch.at("end_of_line");
  for (const char* figure : {"capacity_Ah", "capacity_deviation_Ah", "energy_Wh", "internal_resistance_mOhm",
                             "self_discharge_mV_per_day", "first_cycle_efficiency", "np_ratio", "electrolyte_g_per_Ah",
                             "mass_g", "cells_started", "cells_good", "yield"}) {
    ASSERT_TRUE(figures.contains(figure)) << figure;
    const bool known = !reference || std::string_view(figure) == "capacity_Ah";
    EXPECT_EQ(figures.at(figure).is_number(), known) << figure << figures.at(figure);
    EXPECT_EQ(figures.at(figure).is_null(), !known) << figure;
  }
  EXPECT_EQ(figures.at("scrap_causes").is_object(), !reference);
  ASSERT_EQ(figures.at("machine_energy_kWh").is_object(), !reference);
  if (!reference) {
    for (const MachineName& name : kMachines)
      EXPECT_TRUE(figures.at("machine_energy_kWh").at(name.process()).is_number()) << name.process();
    double lost = 0;
    for (const Json& cells : figures.at("scrap_causes")) lost += cells.get<double>();
    EXPECT_EQ(figures.at("cells_good").get<double>() + lost, figures.at("cells_started").get<double>());
  }
  EXPECT_EQ(completed.at("data").at("end_of_line"), batch.at("end_of_line"));
  EXPECT_EQ(twin.http.get("/batches/unknown").status, 404);
}

TEST(Cancel, AQueuedBatchIsGoneAtOnce) {
  const Twin twin;
  twin.start({{"id", "runs"}});
  twin.start({{"id", "waits"}});
  const HttpResponse response = twin.http.del("/batches/waits");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.json().at("batch_id"), "waits");
  EXPECT_EQ(twin.get("/batches/waits").at("status"), "cancelled");
  EXPECT_EQ(twin.get("/factory/status").at("queue"), Json::array());
  EXPECT_EQ(twin.http.del("/batches/waits").status, 409);
  EXPECT_EQ(twin.http.del("/batches/unknown").status, 404);
}

TEST(Cancel, ARunningBatchFreesItsMachinesFirst) {
  const Twin twin;
  WsClient events = twin.listen();
  twin.start({{"id", "stopped"}});
  std::vector<Json> seen;
  events.wait_for_status("machine_turned_on", "stopped", &seen);
  events.wait_for_status("machine_turned_on", "stopped", &seen);
  HttpResponse response = twin.http.del("/batches/stopped");
  ASSERT_EQ(response.status, 202);
  EXPECT_EQ(response.json().at("status"), "cancelling");
  EXPECT_EQ(response.json().at("batch_id"), "stopped");
  // Again and again the same answer, until it has stopped.
  EXPECT_TRUE(Twin::eventually([&] {
    response = twin.http.del("/batches/stopped");
    EXPECT_TRUE(response.status == 202 || response.status == 409) << response.status;
    return response.status == 409;
  }));
  events.wait_for_status("batch_cancelled", "stopped", &seen);
  std::multiset<std::string> on;
  std::multiset<std::string> off;
  for (const Json& message : seen) {
    if (message.at("status") == "machine_turned_on") on.insert(message.at("process_name"));
    if (message.at("status") == "machine_turned_off") off.insert(message.at("process_name"));
  }
  EXPECT_EQ(on, off);
  EXPECT_EQ(off, (std::multiset<std::string>{"mixing_anode", "mixing_cathode"}));
  EXPECT_EQ(twin.get("/batches/stopped").at("status"), "cancelled");
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("cancelled"), 1);
  EXPECT_EQ(twin.get("/machine/anode/mixing/status").at("state"), "Off");
  // Exactly one: the next event of a fresh batch follows it.
  twin.start({{"id", "after"}});
  const Json next = events.wait_for(is_life_cycle);
  EXPECT_EQ(next.at("status"), "batch_requested");
}

TEST(Cancel, LetsTheNextBatchIn) {
  const Twin twin;
  WsClient events = twin.listen();
  twin.start({{"id", "first"}});
  twin.start({{"id", "second"}});
  EXPECT_EQ(twin.http.del("/batches/first").status, 202);
  events.wait_for_status("batch_started_processing", "second");
  EXPECT_EQ(twin.get("/factory/status").at("running").at(0).at("batch_id"), "second");
}

TEST(Cancel, AFinishedBatchIs409) {
  const Twin twin({"--step-interval", "0"});
  WsClient events = twin.listen();
  twin.start({{"id", "done"}});
  events.wait_for_status("batch_completed", "done");
  EXPECT_EQ(twin.http.del("/batches/done").status, 409);
  EXPECT_EQ(twin.get("/batches/done").at("status"), "completed");
}

TEST(Reset, CancelsAllAndRestoresParameters) {
  const Twin twin({"--step-interval", "150"});
  const Json before = twin.get("/machine/anode/coating/status").at("machine_parameters");
  ASSERT_EQ(twin.http.patch("/machine/anode/coating/parameters", {{"gap_height", 3e-4}}).status, 200);
  twin.set_step_interval(120);
  for (const char* id : {"runs", "waits", "waits-too"}) twin.start({{"id", id}});
  const HttpResponse response = twin.http.request("POST", "/factory/reset");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_FALSE(response.json().at("message").get<std::string>().empty());
  std::set<std::string> cancelled;
  const Json ids = response.json().at("cancelled");
  for (const Json& id : ids) cancelled.insert(id.get<std::string>());
  EXPECT_EQ(cancelled, (std::set<std::string>{"runs", "waits", "waits-too"}));
  // Answered once the machines are free.
  const Json status = twin.get("/factory/status");
  EXPECT_EQ(status.at("state"), "idle");
  EXPECT_EQ(status.at("lines").at("anode").at("mixing").at("state"), "Off");
  EXPECT_EQ(twin.get("/machine/anode/coating/status").at("machine_parameters"), before);
  // Kept: pacing, counters, history, ids.
  EXPECT_EQ(status.at("pacing").at("step_interval_ms"), 120);
  EXPECT_EQ(status.at("counters").at("accepted"), 3);
  EXPECT_EQ(status.at("counters").at("cancelled"), 3);
  EXPECT_EQ(twin.get("/batches").at("batches").size(), 3u);
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "runs"}}).status, 409);
  EXPECT_EQ(twin.http.request("POST", "/factory/reset").json().at("cancelled"), Json::array());
}

TEST(Pacing, TakesEffectAtOnceAndIsShown) {
  const Twin twin({"--step-interval", "60000"});
  WsClient events = twin.listen();
  twin.start({{"id", "paced"}});  // at this pace it would take a day
  ASSERT_EQ(twin.http.patch("/factory/pacing", {{"step_interval_ms", 0}}).status, 200);
  events.wait_for_status("batch_completed", "paced");
  EXPECT_EQ(twin.get("/factory/status").at("pacing"), Json({{"step_interval_ms", 0}, {"paused", false}}));
}

TEST(Pacing, WhilePausedStepsWaitAndCancelWorks) {
  const Twin twin({"--step-interval", "0"});
  WsClient events = twin.listen();
  ASSERT_EQ(twin.http.patch("/factory/pacing", {{"paused", true}}).status, 200);
  EXPECT_EQ(twin.get("/factory/status").at("pacing"), Json({{"step_interval_ms", 0}, {"paused", true}}));
  twin.start({{"id", "held"}});
  events.wait_for_status("machine_turned_on", "held");
  EXPECT_EQ(twin.get("/batches/held").at("status"), "running");
  EXPECT_EQ(twin.http.del("/batches/held").status, 202);
  events.wait_for_status("batch_cancelled", "held");
  twin.start({{"id", "freed"}});
  ASSERT_EQ(twin.http.patch("/factory/pacing", {{"paused", false}}).status, 200);
  events.wait_for_status("batch_completed", "freed");
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("completed"), 1);
}

}  // namespace
}  // namespace battery_twin::system
