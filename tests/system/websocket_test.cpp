// /ws/status: order, replay, filters, telemetry. What must hold for every client is in websocket_rules_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::string subscribe(const Json& filter) { return Json{{"subscribe", filter}}.dump(); }

// Life-cycle messages a client gets from now on, up to the given batch's end.
std::vector<Json> until_completed(WsClient& client, std::string_view batch_id) {
  std::vector<Json> messages;
  client.wait_for_status("batch_completed", batch_id, &messages);
  std::erase_if(messages, [](const Json& message) { return !is_life_cycle(message); });
  return messages;
}

// A plant in which one batch has run from beginning to end.
struct Finished : Twin {
  Finished() : Twin({"--step-interval", "0"}) {
    WsClient client = listen();
    start({{"id", "done"}});
    all = until_completed(client, "done");
    newest = all.back().at("seq").get<std::uint64_t>();
  }
  std::vector<Json> all;
  std::uint64_t newest = 0;
};

// All messages that were sent to the client before the answer to what it sends now.
std::vector<Json> until_echo(WsClient& client) {
  client.send_text("the end");
  std::vector<Json> messages;
  for (auto text = client.receive(); text && *text != "Echo: the end"; text = client.receive())
    messages.push_back(Json::parse(*text));
  return messages;
}

// The messages of the past that a client gets: that many, and then nothing more. They may come in parts, between which
// the server answers, so that an answer alone does not mark their end.
std::vector<Json> past(WsClient& client, std::size_t count) {
  std::vector<Json> messages;
  while (messages.size() < count) messages.push_back(client.receive_json());
  for (Json& further : until_echo(client)) messages.push_back(std::move(further));
  return messages;
}

class WsEventsOf : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Models, WsEventsOf, ::testing::Values("mechanistic", "reference"),
                         [](const auto& models) { return models.param; });

TEST_P(WsEventsOf, OneBatchComeInTheContractsOrder) {
  const Twin twin({"--step-interval", "0", "--models", GetParam()});
  WsClient client = twin.listen();
  twin.start({{"id", "followed"}});
  const std::vector<Json> messages = until_completed(client, "followed");
  EXPECT_EQ(order_problem(messages, "followed", GetParam() == "reference"), "");
  EXPECT_EQ(seq_problem(messages), "");
  EXPECT_EQ(messages.front().at("seq"), 1);
  for (const Json& message : messages) {
    const Json& data = message.at("data");
    EXPECT_EQ(data.at("batch_id"), "followed");
    EXPECT_FALSE(data.at("message").get<std::string>().empty());
    EXPECT_FALSE(data.contains("replayed"));
    EXPECT_EQ(message.at("timestamp").get<std::string>().size(), std::string("2026-11-23T08:24:24.088774Z").size());
    if (message.at("status").get<std::string>().starts_with("machine_")) {
      EXPECT_EQ(message.at("process_name"),
                data.at("machine_id").get<std::string>() + "_" + data.at("line_type").get<std::string>());
      EXPECT_TRUE(data.at("step").is_number_integer());
    } else {
      EXPECT_EQ(message.at("process_name"), "battery_plant_simulation");
    }
  }
  EXPECT_TRUE(messages.back().at("data").at("end_of_line").is_object());
}

TEST(WsEvents, ProgressIsToldWithoutSeq) {
  const Twin twin({"--step-interval", "20"});
  WsClient client = twin.listen();
  twin.start({{"id", "slow"}});
  const Json progress = client.wait_for_status("batch_progress", "slow");
  EXPECT_FALSE(progress.contains("seq"));
  for (const char* line : {"anode", "cathode", "cell"}) {
    EXPECT_TRUE(progress.at("data").at("stage").contains(line));
    EXPECT_TRUE(progress.at("data").at("progress").at(line).is_number());
  }
}

TEST(WsReplay, GivesTheLast100ByDefault) {
  Finished twin;
  twin.start({{"id", "a"}});
  twin.start({{"id", "b"}});
  WsClient live = twin.listen("/ws/status");
  const auto newest = live.wait_for_status("batch_completed", "b").at("seq").get<std::uint64_t>();
  WsClient client = twin.listen();
  const std::vector<Json> messages = past(client, 100);
  ASSERT_EQ(messages.size(), 100u);
  EXPECT_EQ(messages.front().at("seq"), newest - 99);
  EXPECT_EQ(messages.back().at("seq"), newest);
  EXPECT_EQ(seq_problem(messages), "");
  for (const Json& message : messages) EXPECT_EQ(message.at("data").at("replayed"), true);
}

TEST(WsReplay, GivesAsManyAsAskedFor) {
  Finished twin;
  WsClient none = twin.listen("/ws/status?replay=0");
  EXPECT_EQ(past(none, 0).size(), 0u);
  WsClient five = twin.listen("/ws/status?replay=5");
  const std::vector<Json> messages = past(five, 5);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages.back().at("seq"), twin.newest);
  // What comes after is no replay and follows without a hole.
  twin.start({{"id", "next"}});
  const Json next = five.wait_for(is_life_cycle);
  EXPECT_EQ(next.at("seq"), twin.newest + 1);
  EXPECT_FALSE(next.at("data").contains("replayed"));
}

TEST(WsReplay, SinceGivesExactlyWhatWasMissed) {
  Finished twin;
  for (const std::uint64_t since : {std::uint64_t{0}, std::uint64_t{7}, twin.newest - 1, twin.newest}) {
    WsClient client = twin.listen("/ws/status?since=" + std::to_string(since));
    const std::vector<Json> messages = past(client, twin.newest - since);
    ASSERT_EQ(messages.size(), twin.newest - since);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      Json expected = twin.all.at(since + i);
      expected["data"]["replayed"] = true;
      EXPECT_EQ(messages[i], expected);
    }
  }
}

TEST(WsReplay, SinceAboveTheNewestGivesAGapAndAll) {
  Finished twin;
  WsClient client = twin.listen("/ws/status?since=1000000");
  const std::vector<Json> messages = past(client, twin.newest + 1);
  ASSERT_EQ(messages.size(), twin.newest + 1);
  const Json& gap = messages.front();
  EXPECT_EQ(gap.at("status"), "gap");
  EXPECT_FALSE(gap.contains("seq"));
  EXPECT_TRUE(gap.at("data").at("from").is_number());
  EXPECT_TRUE(gap.at("data").at("to").is_number());
  EXPECT_EQ(gap.at("data").at("batch_id"), nullptr);
  EXPECT_EQ(messages.at(1).at("seq"), 1);
}

TEST(WsReplay, AGapTellsWhatTheQueueNoLongerHolds) {
  const Twin twin({"--step-interval", "0"});
  // More events than the message queue keeps; each change of parameters is one.
  constexpr std::uint64_t kEvents = 10'050;
  Connection connection(twin.server.port());
  const std::string request = request_text("PATCH", "/machine/cell/aging/parameters", R"({"aging_time_days":10})",
                                           {{"Content-Type", "application/json"}});
  constexpr std::uint64_t kAtOnce = 5;
  std::string several;
  for (std::uint64_t i = 0; i < kAtOnce; ++i) several += request;
  for (std::uint64_t sent = 0; sent < kEvents; sent += kAtOnce) {
    connection.send(several);
    for (std::uint64_t i = 0; i < kAtOnce; ++i) ASSERT_EQ(read_response(connection).status, 200);
  }
  WsClient client = twin.listen("/ws/status?since=3");
  const Json gap = client.receive_json();
  ASSERT_EQ(gap.at("status"), "gap");
  EXPECT_EQ(gap.at("data").at("from"), 4);
  const auto to = gap.at("data").at("to").get<std::uint64_t>();
  const Json first = client.receive_json();
  EXPECT_EQ(first.at("seq"), to + 1);
  std::uint64_t last = to + 1;
  while (last < kEvents) ASSERT_EQ(client.receive_json().at("seq"), ++last);
}

TEST(WsText, IsEchoed) {
  const Twin twin;
  WsClient client = twin.listen();
  for (const std::string text : {"ping", "", "{\"not\":\"a subscription\"}", "gr\xC3\xBC\xC3\x9F dich", "[1"}) {
    client.send_text(text);
    EXPECT_EQ(client.receive(), "Echo: " + text);
  }
  // In fragments, with a ping between them.
  client.send_bytes(frame_bytes(Opcode::text, "frag", false) + frame_bytes(Opcode::ping, "") +
                    frame_bytes(Opcode::continuation, "ments"));
  EXPECT_EQ(client.receive(), "Echo: fragments");
}

TEST(WsSubscribe, NarrowsByEventLineMachineAndBatch) {
  const Twin twin({"--step-interval", "0"});
  struct Filter {
    Json filter;
    std::function<bool(const Json&)> wants;
    std::size_t count;  // messages of two batches that pass
  };
  const auto field = [](const char* name, std::string value) {
    return [name, value](const Json& message) { return message.at("data").value(name, "") == value; };
  };
  const auto of_anode = static_cast<std::size_t>(std::ranges::count(kMachines, "anode", &MachineName::line));
  const std::vector<Filter> filters{
      {{{"event", "batch_merged"}}, [](const Json& m) { return m.at("status") == "batch_merged"; }, 2},
      {{{"event", {"batch_requested", "batch_completed"}}},
       [](const Json& m) { return m.at("status") == "batch_requested" || m.at("status") == "batch_completed"; },
       4},
      {{{"machine", "mixing_anode"}}, [](const Json& m) { return m.at("process_name") == "mixing_anode"; }, 4},
      {{{"machine", "mixing"}}, field("machine_id", "mixing"), 8},
      {{{"batch_id", "two"}, {"event", "machine_turned_on"}}, field("batch_id", "two"), kMachines.size()},
      {{{"line", "anode"}, {"event", {"machine_turned_on", "machine_turned_off"}}},
       field("line_type", "anode"),
       4 * of_anode},
      {{{"line", "cathode"}, {"event", "batch_completed_cathode_line"}},
       [](const Json& m) { return m.at("status") == "batch_completed_cathode_line"; },
       2},
      {{{"machine", "mixing"}, {"line", "anode"}, {"batch_id", "one"}}, field("batch_id", "one"), 2},
  };
  std::vector<WsClient> clients;
  for (const Filter& filter : filters) {
    clients.push_back(twin.listen());
    clients.back().send_text(subscribe(filter.filter));
    const Json answer = clients.back().receive_json();
    EXPECT_EQ(answer.at("status"), "subscribed") << filter.filter;
    EXPECT_FALSE(answer.contains("seq"));
  }
  WsClient all = twin.listen();
  twin.start({{"id", "one"}});
  twin.start({{"id", "two"}});
  all.wait_for_status("batch_completed", "two");
  for (std::size_t i = 0; i < filters.size(); ++i) {
    std::vector<Json> messages = until_echo(clients[i]);
    std::erase_if(messages, [](const Json& message) { return !is_life_cycle(message); });
    EXPECT_EQ(messages.size(), filters[i].count) << filters[i].filter;
    EXPECT_TRUE(std::ranges::all_of(messages, filters[i].wants)) << filters[i].filter;
  }
  // An empty filter wants everything again.
  clients.front().send_text(subscribe(Json::object()));
  EXPECT_EQ(clients.front().receive_json().at("status"), "subscribed");
  twin.start({{"id", "three"}});
  EXPECT_EQ(order_problem(until_completed(clients.front(), "three"), "three"), "");
}

TEST(WsSubscribe, ABadFilterIsAnErrorAndChangesNothing) {
  const Twin twin({"--step-interval", "0"});
  WsClient client = twin.listen();
  for (const char* filter : {R"("all")", "[]", "7", "null", R"({"event":"batch_exploded"})", R"({"line":"copper"})",
                             R"({"machine":"oven"})", R"({"batch_id":7})", R"({"event":[1]})", R"({"colour":"red"})"}) {
    client.send_text(R"({"subscribe":)" + std::string(filter) + "}");
    const Json answer = client.receive_json();
    EXPECT_EQ(answer.at("status"), "error") << filter;
    EXPECT_FALSE(answer.at("data").at("message").get<std::string>().empty());
    EXPECT_FALSE(answer.contains("seq"));
  }
  twin.start({{"id", "unfiltered"}});
  EXPECT_EQ(order_problem(until_completed(client, "unfiltered"), "unfiltered"), "");
}

TEST(WsTelemetry, GoesToThoseWhoAskForIt) {
  const Twin twin({"--step-interval", "20"});
  WsClient with = twin.listen("/ws/status?telemetry=1");
  WsClient without = twin.listen();
  twin.start({{"id", "measured"}});
  const Json first = with.wait_for_status("data_generated", "measured");
  EXPECT_FALSE(first.contains("seq"));
  const Json& data = first.at("data");
  EXPECT_EQ(first.at("process_name"),
            data.at("machine_id").get<std::string>() + "_" + data.at("line_type").get<std::string>());
  EXPECT_GE(data.at("step").get<int>(), 0);
  EXPECT_FALSE(data.at("properties").empty());
  // The steps of one machine only ever grow.
  int step = -1;
  for (int i = 0; i < 5; ++i) {
    const Json next = with.wait_for([&](const Json& message) {
      return message.at("status") == "data_generated" && message.at("process_name") == "mixing_cathode";
    });
    EXPECT_GT(next.at("data").at("step").get<int>(), step);
    step = next.at("data").at("step").get<int>();
  }
  std::set<std::string> kinds;
  for (const Json& message : until_echo(without)) kinds.insert(message.at("status"));
  EXPECT_TRUE(kinds.contains("machine_turned_on"));
  EXPECT_FALSE(kinds.contains("data_generated"));
}

TEST(WsTelemetry, IsNeverOfABatchThatWasOverBefore) {
  const Twin twin({"--step-interval", "0"});
  {
    WsClient watcher = twin.listen();
    twin.start({{"id", "first"}});
    (void)watcher.wait_for_status("batch_completed", "first");
  }
  WsClient late = twin.listen("/ws/status?replay=0&telemetry=1");
  twin.start({{"id", "second"}});
  const Json news = late.wait_for([](const Json& message) { return message.at("status") == "data_generated"; });
  EXPECT_EQ(news.at("data").at("batch_id"), "second");
}

}  // namespace
}  // namespace battery_twin::system
