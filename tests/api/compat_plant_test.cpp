// The plant as the Python server's front end sees, starts and resets it.
#include <chrono>
#include <future>
#include <thread>

#include "compat_under_test.hpp"

namespace battery_twin::api {
namespace {

class CompatPlant : public CompatTest {};

TEST_P(CompatPlant, TheStateHasBatchesAndMachines) {
  start();
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  const Json answer = twin_.get("/api/simulation/state");
  EXPECT_EQ(answer.at("success"), true);
  const Json& data = answer.at("data");
  ASSERT_EQ(data.at("running_batches").size(), 1u);
  const Json& running = data.at("running_batches").at(0);
  EXPECT_EQ(running.at("batch_id"), "1");
  EXPECT_EQ(running.at("current_anode_line_model"),
            twin_.get("/api/machine/anode/mixing/status").at("data").at("battery_model"));
  EXPECT_FALSE(running.at("current_cathode_line_model").empty());
  EXPECT_TRUE(running.at("current_cell_line_model").is_null());
  EXPECT_EQ(data.at("batch_requests"), Json::array({{{"batch_id", "2"},
                                                     {"current_anode_line_model", Json::object()},
                                                     {"current_cathode_line_model", Json::object()},
                                                     {"current_cell_line_model", nullptr}}}));
  ASSERT_EQ(data.at("machine_statuses").size(), layout().stations().size());
  std::size_t at = 0;
  for (const plant::Station& station : layout().stations())
    EXPECT_EQ(data.at("machine_statuses").at(at++).at("process"), station.process_name);

  for (const char* path : {"/plant/state", "/api/plant/state"}) {
    const Json state = twin_.get(path);
    EXPECT_EQ(state.size(), 3u);
    for (const plant::Station& station : layout().stations()) {
      const Json& machine = state.at(std::string(to_string(station.line))).at(std::string(station.type->name));
      EXPECT_EQ(machine.at("process"), station.process_name);
    }
    EXPECT_EQ(state.at("anode").at("mixing").at("state"), "On");
  }
}

TEST_P(CompatPlant, ABatchShowsItsNewestProductOnEachLine) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  ASSERT_EQ(twin_.ask("PATCH", "/factory/pacing", R"({"step_interval_ms": 1, "paused": false})").status, 200);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  Json batch;
  bool had_cell = false;
  while (std::chrono::steady_clock::now() < end && !had_cell) {
    const Json batches = twin_.get("/api/simulation/state").at("data").at("running_batches");
    if (batches.empty()) break;
    batch = batches.at(0);
    had_cell = !batch.at("current_cell_line_model").is_null();
  }
  ASSERT_TRUE(had_cell);
  EXPECT_TRUE(batch.at("current_anode_line_model").contains("Overall")) << "inspection was the last on its line";
  EXPECT_TRUE(batch.at("current_cathode_line_model").contains("Overall"));
}

TEST_P(CompatPlant, StartsTakeABatchEachUntilTheQueueIsFull) {
  EXPECT_EQ(ask("POST", "/api/simulation/start", "", 200).at("batch_id"), "1");
  EXPECT_EQ(ask("POST", "/api/simulation/start", "{}", 200).at("batch_id"), "2");
  EXPECT_EQ(ask("POST", "/api/simulation/start", "no JSON", 200).at("batch_id"), "3") << "a body is not looked at";
  EXPECT_EQ(ask("POST", "/api/simulation/mixing/start", "", 200).at("data"),
            (Json{{"batch_id", "4"}, {"electrode_type", nullptr}}));
  EXPECT_EQ(post("/api/simulation/mixing/start", {{"electrode_type", "Anode"}}).at("data"),
            (Json{{"batch_id", "5"}, {"electrode_type", "Anode"}}));
  refused("POST", "/api/simulation/start", "", "BATCH_LIMIT");
  refused("POST", "/api/simulation/mixing/start", "null", "BATCH_LIMIT");
  EXPECT_EQ(twin_.ask("POST", "/plant/batch").status, 503) << "as /factory/start";
  ASSERT_EQ(twin_.ask("POST", "/factory/reset").status, 200);
  const Json accepted = ask("POST", "/plant/batch", "", 200);
  EXPECT_EQ(accepted.at("batch_id"), "6");
  EXPECT_EQ(accepted.at("queue_position"), 0);
  EXPECT_TRUE(accepted.contains("seed"));
}

TEST_P(CompatPlant, AResetRestoresDefaultsOfAnIdlePlant) {
  for (const char* path : {"/reset", "/api/simulation/reset"}) {
    patch("/machine/cell/aging/parameters", {{"aging_time_days", 11}});
    const Json answer = ask("POST", path, "", 200);
    EXPECT_EQ(answer.at("success"), true);
    EXPECT_EQ(answer.size(), 2u);
    const plant::Station& aging = *layout().find_process("aging_cell");
    EXPECT_EQ(twin_.plant().parameters(aging), aging.type->defaults(GetParam(), aging.line));
  }
}

TEST_P(CompatPlant, AResetWaitsAndCancelsNothing) {
  patch("/machine/cell/aging/parameters", {{"aging_time_days", 11}});
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  std::promise<Response> first, second;
  const auto ask_for_it = [&](std::promise<Response>& promise) {
    const Later later = [&]() -> Reply { return [&](Response answer) { promise.set_value(std::move(answer)); }; };
    return twin_.api().handle({.method = "POST", .path = "/reset"}, {}, later);
  };
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(ask_for_it(first));
  auto late = first.get_future();
  while (late.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    twin_.api().tick();
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  }
  const Response refusal = late.get();
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(Json::parse(refusal.body).at("detail").at("error_code"), "RESET_TIMEOUT");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(value("aging_cell", "aging_time_days"), 11);
  EXPECT_EQ(twin_.plant().load().running, 1u) << "nothing was cancelled";

  EXPECT_FALSE(ask_for_it(second));
  auto in_time = second.get_future();
  ASSERT_EQ(twin_.ask("DELETE", "/batches/1").status, 202);
  while (in_time.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    twin_.api().tick();
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  }
  EXPECT_EQ(in_time.get().status, 200);
  EXPECT_NE(value("aging_cell", "aging_time_days"), 11);
}

TEST_P(CompatPlant, AResetDoesNotWaitForAServerThatEnds) {
  ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
  twin_.api().set_draining();
  refused("POST", "/reset", "", "RESET_TIMEOUT");
}

INSTANTIATE_TEST_SUITE_P(Models, CompatPlant, ::testing::ValuesIn(process::kModelSets), models_of);

}  // namespace
}  // namespace battery_twin::api
