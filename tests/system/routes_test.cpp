// Every route with good input: what it answers and what it does.
#include <gtest/gtest.h>

#include <regex>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

bool is_timestamp(const Json& value) {
  static const std::regex kForm(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)");
  return value.is_string() && std::regex_match(value.get<std::string>(), kForm);
}

TEST(Greeting, IsJsonForApiClients) {
  const Twin twin;
  const Json greeting = twin.get("/");
  EXPECT_EQ(greeting.at("success"), true);
  EXPECT_FALSE(greeting.at("message").get<std::string>().empty());
}

TEST(Health, TellsHowTheServerIs) {
  const Twin twin;
  const Json health = twin.get("/health");
  EXPECT_EQ(health.at("status"), "healthy");
  EXPECT_TRUE(health.at("version").is_string());
  EXPECT_GE(health.at("uptime_s").get<double>(), 0);
  EXPECT_TRUE(health.at("simulation").is_object());
  EXPECT_TRUE(health.at("database").contains("backend"));
  EXPECT_TRUE(health.at("database").contains("status"));
  EXPECT_TRUE(health.at("database").contains("latency_ms"));
  EXPECT_EQ(health.at("websocket_clients"), 0);
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  EXPECT_EQ(twin.http.get("/health/ready").status, 200);
}

TEST(Health, CountsWebSocketClients) {
  const Twin twin;
  {
    WsClient first = twin.listen();
    WsClient second = twin.listen();
    // An echo proves that the session is open, not only that the upgrade was answered.
    first.send_text("1");
    second.send_text("2");
    ASSERT_EQ(first.receive(), "Echo: 1");
    ASSERT_EQ(second.receive(), "Echo: 2");
    EXPECT_EQ(twin.get("/health").at("websocket_clients"), 2);
  }
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 0; }));
}

TEST(FactoryStatus, ShowsAnIdlePlantOfAllMachines) {
  const Twin twin({"--step-interval", "70"});
  const Json status = twin.get("/factory/status");
  EXPECT_EQ(status.at("state"), "idle");
  EXPECT_EQ(status.at("accepting"), true);
  EXPECT_EQ(status.at("queue"), Json::array());
  EXPECT_EQ(status.at("running"), Json::array());
  EXPECT_EQ(status.at("counters"),
            Json({{"accepted", 0}, {"completed", 0}, {"failed", 0}, {"cancelled", 0}, {"scrapped", 0}}));
  EXPECT_EQ(status.at("pacing"), Json({{"step_interval_ms", 70}, {"paused", false}}));
  EXPECT_EQ(status.at("models"), "mechanistic");
  EXPECT_TRUE(status.at("version").is_string());
  EXPECT_GE(status.at("uptime_s").get<double>(), 0);
  std::size_t machines = 0;
  for (const Json& line : status.at("lines")) machines += line.size();
  EXPECT_EQ(machines, kMachines.size());
  for (const MachineName& name : kMachines) {
    const Json& machine = status.at("lines").at(name.line).at(name.machine);
    EXPECT_EQ(machine, Json({{"state", "Off"}, {"batch_id", nullptr}})) << name.process();
  }
}

TEST(FactoryStatus, NamesTheModels) {
  const Twin twin(kReference);
  EXPECT_EQ(twin.get("/factory/status").at("models"), "reference");
  twin.start({{"id", "a"}});
  EXPECT_EQ(twin.get("/batches/a").at("models"), "reference");
}

TEST(FactoryStatus, ShowsWhatRunsAndWhatWaits) {
  const Twin twin;
  WsClient events = twin.listen();
  twin.start({{"id", "first"}});
  twin.start({{"id", "second"}});
  events.wait_for_status("machine_turned_on", "first");
  events.wait_for_status("machine_turned_on", "first");
  const Json status = twin.get("/factory/status");
  EXPECT_EQ(status.at("state"), "running");
  EXPECT_EQ(status.at("queue"), Json({"second"}));
  ASSERT_EQ(status.at("running").size(), 1u);
  const Json& running = status.at("running").at(0);
  EXPECT_EQ(running.at("batch_id"), "first");
  EXPECT_EQ(running.at("stage").at("anode"), "mixing");
  EXPECT_EQ(running.at("stage").at("cathode"), "mixing");
  EXPECT_EQ(running.at("stage").at("cell"), nullptr);
  for (const Json& progress : running.at("progress")) {
    EXPECT_GE(progress.get<double>(), 0);
    EXPECT_LT(progress.get<double>(), 1);
  }
  EXPECT_EQ(status.at("lines").at("anode").at("mixing"), Json({{"state", "On"}, {"batch_id", "first"}}));
  EXPECT_EQ(status.at("lines").at("cell").at("aging"), Json({{"state", "Off"}, {"batch_id", nullptr}}));
  EXPECT_EQ(status.at("counters").at("accepted"), 2);
}

TEST(FactoryLogs, AreNewestLastAndCanBeFiltered) {
  const Twin twin({"--step-interval", "0"});
  WsClient events = twin.listen();
  twin.start({{"id", "a"}});
  events.wait_for_status("batch_completed", "a");
  twin.start({{"id", "b"}});
  const auto last = events.wait_for_status("batch_completed", "b").at("seq").get<int>();

  const Json logs = twin.get("/factory/logs");
  ASSERT_EQ(logs.at("count"), logs.at("logs").size());
  EXPECT_EQ(logs.at("logs").back().at("seq"), last);
  for (const Json& entry : logs.at("logs")) {
    EXPECT_TRUE(is_timestamp(entry.at("timestamp"))) << entry;
    EXPECT_TRUE(entry.at("level").is_string());
    EXPECT_FALSE(entry.at("message").get<std::string>().empty());
  }
  for (std::size_t i = 1; i < logs.at("logs").size(); ++i)
    EXPECT_GT(logs.at("logs").at(i).at("seq"), logs.at("logs").at(i - 1).at("seq"));

  EXPECT_EQ(twin.get("/factory/logs?limit=3").at("logs").size(), 3u);
  EXPECT_EQ(twin.get("/factory/logs?limit=3").at("logs").back().at("seq"), last);
  EXPECT_EQ(twin.get("/factory/logs?limit=1000").at("logs").front().at("seq"), 1);
  const Json of_b = twin.get("/factory/logs?limit=1000&batch_id=b").at("logs");
  EXPECT_EQ(of_b.front().at("event"), "batch_requested");
  for (const Json& entry : of_b) EXPECT_EQ(entry.at("batch_id"), "b");
  const Json of_machine = twin.get("/factory/logs?limit=1000&machine=coating_anode").at("logs");
  EXPECT_EQ(of_machine.size(), 4u);  // on and off, twice
  for (const Json& entry : of_machine) EXPECT_EQ(entry.at("machine"), "coating_anode");
  const Json since = twin.get("/factory/logs?since_seq=" + std::to_string(last - 2)).at("logs");
  ASSERT_EQ(since.size(), 2u);
  EXPECT_EQ(since.front().at("seq"), last - 1);
  EXPECT_EQ(twin.get("/factory/logs?since_seq=" + std::to_string(last)).at("count"), 0);
}

TEST(FactoryLogs, LevelIsAMinimum) {
  const Twin twin;
  // 0.6 mm is wide for a slot die: accepted, with a warning.
  const HttpResponse unusual = twin.http.patch("/machine/anode/coating/parameters", {{"gap_height", 600e-6}});
  ASSERT_EQ(unusual.status, 200);
  ASSERT_EQ(unusual.json().at("warnings").size(), 1u);
  ASSERT_EQ(twin.http.patch("/machine/anode/coating/parameters", {{"gap_height", 250e-6}}).status, 200);
  EXPECT_EQ(twin.get("/factory/logs?level=info").at("count"), 2);
  const Json warnings = twin.get("/factory/logs?level=warning").at("logs");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings.at(0).at("level"), "warning");
  EXPECT_NE(warnings.at(0).at("message").get<std::string>().find("gap_height"), std::string::npos);
  EXPECT_EQ(twin.get("/factory/logs?level=error").at("count"), 0);
}

TEST(MachineStatus, OfEveryMachineThatIsOff) {
  const Twin twin;
  for (const MachineName& name : kMachines) {
    const Json status = twin.get(name.path() + "/status");
    EXPECT_TRUE(is_timestamp(status.at("timestamp")));
    EXPECT_EQ(status.at("line_type"), name.line);
    EXPECT_EQ(status.at("machine_id"), name.machine);
    EXPECT_EQ(status.at("process"), name.process());
    EXPECT_EQ(status.at("state"), "Off");
    EXPECT_EQ(status.at("process_specifics"), nullptr);
    EXPECT_FALSE(status.contains("battery_model")) << name.process();
    const Json& parameters = status.at("machine_parameters");
    EXPECT_EQ(parameters.size(), parameter_names(name.machine).size()) << parameters;
    for (const std::string& parameter : parameter_names(name.machine))
      EXPECT_TRUE(parameters.contains(parameter)) << name.process() << " " << parameter;
  }
  EXPECT_EQ(twin.get("/machine/anode/mixing/status").at("machine_parameters").at("material_ratios").size(), 4u);
}

TEST(MachineStatus, OfAMachineAtWork) {
  const Twin twin;
  twin.start({{"id", "watched"}});
  Json status;
  ASSERT_TRUE(Twin::eventually([&] {
    status = twin.get("/machine/cathode/mixing/status");
    return status.at("state") == "On" && status.at("duration") >= 1;
  }));
  EXPECT_EQ(status.at("batch_id"), "watched");
  const double steps = status.at("duration").get<double>();
  const double total = status.at("total_steps").get<double>();
  EXPECT_LE(steps, total);
  EXPECT_NEAR(status.at("progress").get<double>(), steps / total, 1e-9);
  EXPECT_TRUE(status.at("battery_model").is_object());
  EXPECT_FALSE(status.at("battery_model").empty());
}

TEST(MachineStatus, CoatingHasItsOwnSpecifics) {
  const Twin twin({"--step-interval", "5"});
  WsClient events = twin.listen();
  // A coater is on for half a second. A slow test may come too late to stop the clock in time, then the next batch will
  // do.
  Json status = Json::object();
  for (int attempt = 0; attempt < 20 && status.value("state", "Off") == "Off"; ++attempt) {
    twin.set_step_interval(5);
    const std::string id = twin.start(Json::object());
    events.wait_for([&](const Json& message) {
      return message.at("status") == "machine_turned_on" && message.at("process_name") == "coating_anode" &&
             message.at("data").at("batch_id") == id;
    });
    twin.set_step_interval(60'000);
    status = twin.get("/machine/anode/coating/status");
  }
  ASSERT_EQ(status.at("state"), "On");
  EXPECT_TRUE(status.at("process_specifics").contains("shear_rate"));
  EXPECT_TRUE(status.at("process_specifics").contains("uniformity_std"));
}

TEST(Parameters, NamedFieldsChangeAndOthersStay) {
  const Twin twin;
  const Json before = twin.get("/machine/anode/coating/status").at("machine_parameters");
  const Json other = twin.get("/machine/cathode/coating/status").at("machine_parameters");
  const HttpResponse response = twin.http.patch("/machine/anode/coating/parameters", {{"gap_height", 3e-4}});
  ASSERT_EQ(response.status, 200);
  Json expected = before;
  expected["gap_height"] = 3e-4;
  const Json answer = response.json();
  EXPECT_FALSE(answer.at("message").get<std::string>().empty());
  EXPECT_EQ(answer.at("line_type"), "anode");
  EXPECT_EQ(answer.at("machine_id"), "coating");
  EXPECT_EQ(answer.at("machine_parameters"), expected);
  EXPECT_EQ(answer.at("applies_from"), "now");
  EXPECT_EQ(twin.get("/machine/anode/coating/status").at("machine_parameters"), expected);
  EXPECT_EQ(twin.get("/machine/cathode/coating/status").at("machine_parameters"), other);
}

TEST(Parameters, OfEveryMachineCanBeSetToWhatTheyAre) {
  const Twin twin;
  for (const MachineName& name : kMachines) {
    const Json parameters = twin.get(name.path() + "/status").at("machine_parameters");
    const HttpResponse response = twin.http.patch(name.path() + "/parameters", parameters);
    ASSERT_EQ(response.status, 200) << name.process() << response.body;
    EXPECT_EQ(response.json().at("machine_parameters"), parameters);
  }
}

TEST(Parameters, NullReturnsAnOptionalFieldToTheUpstreamMachine) {
  const Twin twin;
  const std::string drying = "/machine/cathode/drying/parameters";
  const HttpResponse given = twin.http.patch(drying, {{"wet_thickness", 2e-4}, {"solid_content", 0.5}});
  ASSERT_EQ(given.status, 200) << given.body;
  EXPECT_EQ(given.json().at("machine_parameters").at("wet_thickness"), 2e-4);
  const HttpResponse taken_back = twin.http.patch(drying, {{"wet_thickness", nullptr}});
  ASSERT_EQ(taken_back.status, 200) << taken_back.body;
  EXPECT_EQ(taken_back.json().at("machine_parameters").at("wet_thickness"), nullptr);
  EXPECT_EQ(taken_back.json().at("machine_parameters").at("solid_content"), 0.5);
  for (const char* field : {"dry_thickness", "initial_porosity"})
    EXPECT_EQ(twin.http.patch("/machine/anode/calendaring/parameters", {{field, nullptr}}).status, 200) << field;
}

TEST(Parameters, RatiosAreMergedNestedOrFlat) {
  const Twin twin(kReference);
  const Json nested{{"material_ratios", {{"AM", 0.5}, {"solvent", 0.405}}}};  // .495 and .41 before
  const HttpResponse first = twin.http.patch("/machine/anode/mixing/parameters", nested);
  ASSERT_EQ(first.status, 200) << first.body;
  const HttpResponse flat =
      twin.http.patch("/machine/anode/mixing/parameters", {{"AM_ratio", 0.48}, {"solvent_ratio", 0.425}});
  ASSERT_EQ(flat.status, 200) << flat.body;
  const Json ratios = flat.json().at("machine_parameters").at("material_ratios");
  EXPECT_EQ(ratios, Json({{"AM", 0.48}, {"CA", 0.045}, {"PVDF", 0.05}, {"solvent", 0.425}}));
}

TEST(Parameters, OfABusyMachineApplyFromTheNextBatch) {
  const Twin twin;
  WsClient events = twin.listen();
  twin.start({{"id", "inside"}});
  events.wait_for([](const Json& message) {
    return message.at("status") == "machine_turned_on" && message.at("process_name") == "mixing_anode";
  });
  const Json before = twin.get("/machine/anode/mixing/status").at("machine_parameters");
  const Json ratios{{"AM", 0.5}, {"CA", 0.04}, {"PVDF", 0.05}, {"solvent", 0.41}};
  const HttpResponse busy = twin.http.patch("/machine/anode/mixing/parameters", {{"material_ratios", ratios}});
  ASSERT_EQ(busy.status, 200) << busy.body;
  EXPECT_EQ(busy.json().at("applies_from"), "next batch");
  const HttpResponse free = twin.http.patch("/machine/anode/coating/parameters", {{"gap_height", 3e-4}});
  ASSERT_EQ(free.status, 200) << free.body;
  EXPECT_EQ(free.json().at("applies_from"), "now");
  const Json told = events.wait_for([](const Json& message) {
    return message.at("status") == "machine_parameters_updated" && message.at("process_name") == "coating_anode";
  });
  EXPECT_EQ(told.at("data").at("batch_id"), nullptr);

  twin.start({{"id", "next"}});
  twin.set_step_interval(0);
  events.wait_for_status("batch_completed", "next");
  const Json inside = twin.get("/batches/inside").at("parameters");
  EXPECT_EQ(inside.at("anode_mixing_params"), before);
  EXPECT_EQ(inside.at("anode_coating_params").at("gap_height"), 3e-4);
  EXPECT_EQ(twin.get("/batches/next").at("parameters").at("anode_mixing_params").at("material_ratios"), ratios);
}

TEST(Parameters, UnknownPlacesAre404) {
  const Twin twin;
  for (const char* place : {"/machine/anode/rewinding", "/machine/cell/mixing", "/machine/nowhere/mixing",
                            "/machine/anode/Mixing", "/machine/anode/mixing_anode"}) {
    const HttpResponse get = twin.http.get(std::string(place) + "/status");
    EXPECT_EQ(get.status, 404) << place;
    EXPECT_TRUE(get.json().at("detail").is_string());
    EXPECT_EQ(twin.http.patch(std::string(place) + "/parameters", Json::object()).status, 404) << place;
  }
}

}  // namespace
}  // namespace battery_twin::system
