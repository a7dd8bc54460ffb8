// Many batches, many clients, clients that do not read; and results that depend on the seed alone.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

TEST(Load, AHundredBatchesLoseNoEvent) {
  const Twin twin({"--step-interval", "0"});
  WsClient client = twin.listen();
  constexpr int kBatches = 100;
  std::set<std::string> open;
  for (int i = 0; i < kBatches; ++i) open.insert(twin.start({{"id", "b" + std::to_string(i)}}));
  std::vector<Json> messages;
  while (!open.empty()) {
    const Json message = client.receive_json();
    if (message.at("status") == "batch_completed") open.erase(message.at("data").at("batch_id"));
    messages.push_back(message);
  }
  EXPECT_EQ(seq_problem(messages), "");
  for (int i = 0; i < kBatches; ++i) EXPECT_EQ(order_problem(messages, "b" + std::to_string(i)), "") << i;
  const Json counters = twin.get("/factory/status").at("counters");
  EXPECT_EQ(counters.at("accepted"), kBatches);
  EXPECT_EQ(counters.at("completed"), kBatches);
  EXPECT_EQ(counters.at("failed"), 0);
}

TEST(Load, TwoHundredBatchesWaitInOrder) {
  const Twin twin;
  constexpr int kBatches = 200;
  Json expected = Json::array();
  for (int i = 0; i < kBatches; ++i) {
    const std::string id = "q" + std::to_string(i);
    ASSERT_EQ(twin.start({{"id", id}}), id);
    if (i > 0) expected.push_back(id);
  }
  EXPECT_EQ(twin.get("/factory/status").at("queue"), expected);
  // Any of them can go, and those behind it move up.
  EXPECT_EQ(twin.http.del("/batches/q100").status, 200);
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "last"}}).json().at("queue_position"), kBatches - 1);
  WsClient client = twin.listen("/ws/status?replay=0");
  client.send_text(R"({"subscribe":{"event":"batch_started_processing"}})");
  ASSERT_EQ(client.receive_json().at("status"), "subscribed");
  twin.set_step_interval(0);
  std::vector<std::string> started;
  while (started.size() + 1 < kBatches) started.push_back(client.receive_json().at("data").at("batch_id"));
  expected.erase(99);
  expected.push_back("last");
  EXPECT_EQ(Json(started), expected);
}

TEST(Load, ResultsDependOnTheSeedAlone) {
  const Twin one({"--step-interval", "0", "--threads", "1"});
  const Twin many({"--step-interval", "0", "--threads", "8"});
  constexpr int kBatches = 20;
  const auto results = [&](const Twin& twin) {
    WsClient client = twin.listen("/ws/status?replay=0");
    int completed = 0;
    for (int i = 0; i < kBatches; ++i) twin.start({{"id", std::to_string(i)}, {"seed", 1000 + i}});
    while (completed < kBatches) {
      if (client.receive_json().at("status") == "batch_completed") ++completed;
    }
    Json all;
    for (int i = 0; i < kBatches; ++i) {
      const Json batch = twin.get("/batches/" + std::to_string(i));
      for (const char* part : {"seed", "parameters", "machines", "end_of_line"})
        all[std::to_string(i)][part] = batch.at(part);
    }
    return all;
  };
  const Json of_one = results(one);
  EXPECT_EQ(of_one, results(many));
  // The seed does matter: two batches that differ in nothing else differ in what was measured.
  EXPECT_NE(of_one.at("0").at("machines"), of_one.at("1").at("machines"));
}

// Clients that read all they get, on a thread of their own.
class Readers {
 public:
  Readers(const Twin& twin, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) clients_.push_back(twin.listen("/ws/status?replay=0"));
    next_.assign(count, 0);
    thread_ = std::thread([this] { run(); });
  }
  ~Readers() {
    stop_ = true;
    thread_.join();
  }

  // The newest event that every one of them has got.
  [[nodiscard]] std::uint64_t seen_by_all() const { return seen_by_all_; }
  // Clients that were closed, or missed an event.
  [[nodiscard]] std::size_t bad() const { return bad_; }

 private:
  void run() {
    std::vector<pollfd> entries;
    for (const WsClient& client : clients_)
      entries.push_back({.fd = descriptor(client), .events = POLLIN, .revents = 0});
    while (!stop_) {
      if (::poll(entries.data(), entries.size(), 10) <= 0) continue;
      std::uint64_t least = UINT64_MAX;
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (entries[i].revents != 0) read(i);
        if (clients_[i].closed()) entries[i].fd = -1;
        least = std::min(least, next_[i] - 1);
      }
      if (std::ranges::find(next_, 0u) == next_.end()) seen_by_all_ = least;
    }
  }

  void read(std::size_t i) {
    for (const std::string& text : clients_[i].receive_now()) {
      const auto seq = seq_of(text);
      if (!seq) continue;
      if (next_[i] != 0 && *seq != next_[i]) ++bad_;
      next_[i] = *seq + 1;
    }
    if (clients_[i].closed()) ++bad_;
  }

  // Every client gets every event: reading each as a document would be most of the test's work.
  static std::optional<std::uint64_t> seq_of(const std::string& text) {
    constexpr std::string_view kSeq = "\"seq\":";
    const auto at = text.find(kSeq);
    if (at == std::string::npos) return std::nullopt;
    return std::stoull(text.substr(at + kSeq.size(), 20));
  }

  static int descriptor(const WsClient& client) { return const_cast<WsClient&>(client).connection().descriptor(); }

  std::vector<WsClient> clients_;
  std::vector<std::uint64_t> next_;  // seq that is expected; 0 before the first
  std::atomic<std::uint64_t> seen_by_all_ = 0;
  std::atomic<std::size_t> bad_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(Load, ClientsThatDoNotReadAreDroppedAndNobodyElseNotices) {
  const Twin twin({"--step-interval", "0"});
  constexpr std::size_t kReaders = 190;
  constexpr std::size_t kSilent = 10;
  const Readers readers(twin, kReaders);
  std::vector<WsClient> silent;
  for (std::size_t i = 0; i < kSilent; ++i)
    silent.emplace_back(twin.server.port(),
                        WsClient::Options{.target = "/ws/status?replay=0", .connection = {.receive_buffer = 4096}});
  ASSERT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == kReaders + kSilent; }));

  // A batch with many unusual parameters is a long event. The limit is 1 MiB a client, beside what the system's own
  // buffers hold, so it takes a thousand or so.
  Json unusual{{"rewinding_params", {{"environment_humidity", 99.5}, {"tapering_steps", 77.5}}},
               {"electrolyte_filling_params", {{"vacuum_level", 500.5}, {"vacuum_filling", 500.5}}},
               {"aging_params", {{"temperature", 500.5}, {"aging_time_days", 300.5}}}};
  for (const std::string line : {"anode", "cathode"}) {
    unusual[line + "_coating_params"] = {{"coating_speed", 9.5}, {"gap_height", 0.0095}, {"coating_width", 9.5}};
    unusual[line + "_calendaring_params"] = {{"temperature", 500.5}, {"initial_porosity", 0.995}};
    unusual[line + "_slitting_params"] = {{"blade_sharpness", 99.5}, {"slitting_speed", 9.5}};
    unusual[line + "_inspection_params"] = {{"epsilon_width_max", 0.5}, {"epsilon_thickness_max", 0.0095}};
  }
  ASSERT_EQ(twin.http.patch("/factory/pacing", {{"paused", true}}).status, 200);
  twin.start({{"id", "in-the-way"}});
  Connection connection(twin.server.port());
  constexpr int kAtOnce = 50;
  constexpr int kMostRounds = 400;
  bool dropped = false;
  int accepted = 0;
  for (int round = 0; round < kMostRounds && !dropped; ++round) {
    std::string burst;
    for (int i = 0; i < kAtOnce; ++i) {
      const std::string id = "u" + std::to_string(accepted++);
      unusual["id"] = id;
      burst += request_text("POST", "/factory/start", unusual.dump(), {{"Content-Type", "application/json"}});
      burst += request_text("DELETE", "/batches/" + id, {}, {});
    }
    connection.send(burst);
    for (int i = 0; i < 2 * kAtOnce; ++i) ASSERT_EQ(read_response(connection).status, 200);
    // The others keep up: no new events before they have these.
    const auto newest = twin.get("/factory/logs?limit=1").at("logs").at(0).at("seq").get<std::uint64_t>();
    ASSERT_TRUE(Twin::eventually([&] { return readers.seen_by_all() >= newest || readers.bad() > 0; }));
    ASSERT_EQ(readers.bad(), 0u) << "after " << accepted << " batches";
    dropped = twin.get("/health").at("websocket_clients") == kReaders;
  }
  EXPECT_TRUE(dropped) << "after " << accepted << " batches";
  ASSERT_EQ(twin.http.patch("/factory/pacing", {{"paused", false}}).status, 200);
  // A batch passes as if nothing had been.
  WsClient client = twin.listen("/ws/status?replay=0");
  twin.start({{"id", "after"}});
  std::vector<Json> messages;
  client.wait_for_status("batch_completed", "after", &messages);
  EXPECT_EQ(order_problem(messages, "after"), "");
  const std::uint64_t newest = messages.back().at("seq");
  EXPECT_TRUE(Twin::eventually([&] { return readers.seen_by_all() >= newest || readers.bad() > 0; }));
  EXPECT_EQ(readers.bad(), 0u);
}

}  // namespace
}  // namespace battery_twin::system
