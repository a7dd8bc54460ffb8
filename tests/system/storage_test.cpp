// What was accepted is there after a restart, however the server ended.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <thread>

#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

using std::chrono::milliseconds;

using Folder = testing::TemporaryFolder;  // for a database that outlives its servers

std::vector<std::string> options(const Folder& folder, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"--db", "sqlite:" + folder.file(), "--seed", "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool is_done(const Twin& twin, const std::string& id) { return twin.get("/batches/" + id).at("status") == "completed"; }

std::string inflated(const std::string& gzip) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return "no zlib";
  std::string out;
  std::string part(64 * 1024, '\0');
  std::string in = gzip;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(part, 0, part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return result == Z_STREAM_END ? out : "broken gzip";
}

TEST(Storage, EverythingIsThereAfterACleanEnd) {
  const Folder folder;
  Json before;
  std::uint64_t newest = 0;
  {
    Twin twin(options(folder, {"--step-interval", "0"}));
    twin.start({{"id", "one"}, {"anode_coating_params", {{"coating_speed", 0.049}}}});
    ASSERT_TRUE(Twin::eventually([&] { return is_done(twin, "one"); }));
    EXPECT_EQ(twin.http.patch("/machine/cathode/coating/parameters", {{"coating_speed", 0.051}}).status, 200);
    EXPECT_EQ(twin.http.patch("/factory/pacing", {{"step_interval_ms", 2500}}).status, 200);
    twin.start({{"id", "two"}});
    twin.start({{"id", "three"}});
    before = twin.get("/batches/one");
    newest = twin.get("/factory/logs?limit=1").at("logs").front().at("seq");
    twin.server.signal(SIGTERM);
    EXPECT_EQ(twin.server.wait(), 0);
    EXPECT_NE(twin.server.err().find("2 batches go on at the next start"), std::string::npos) << twin.server.err();
  }
  const Twin twin(options(folder));
  EXPECT_EQ(twin.get("/batches/one"), before);
  const Json now = twin.get("/factory/status");
  EXPECT_EQ(now.at("counters").at("accepted"), 3);
  EXPECT_EQ(now.at("counters").at("completed"), 1);
  EXPECT_EQ(now.at("pacing").at("step_interval_ms"), 2500);
  EXPECT_EQ(now.at("running").front().at("batch_id"), "two");
  EXPECT_EQ(now.at("queue"), Json::array({"three"}));
  EXPECT_EQ(twin.get("/machine/cathode/coating/status").at("machine_parameters").at("coating_speed"), 0.051);
  // Names are taken for ever, numbers go on.
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "one"}}).status, 409);
  EXPECT_EQ(twin.http.post("/start-simulation", good_simulation()).status, 409) << "two is running";
  // The log goes on where it ended, and reaches back.
  const Json logs = twin.get("/factory/logs?limit=1000").at("logs");
  EXPECT_EQ(logs.front().at("seq"), 1);
  for (std::size_t i = 1; i < logs.size(); ++i) ASSERT_EQ(logs[i].at("seq"), i + 1);
  EXPECT_GT(logs.size(), newest);
  EXPECT_TRUE(Twin::eventually([&] {
    return twin.http.get("/factory/logs?batch_id=two").body.find("Batch two started processing, attempt 2") !=
           std::string::npos;
  }));
  WsClient client = twin.listen("/ws/status?since=" + std::to_string(newest));
  EXPECT_EQ(client.receive_json().at("seq"), newest + 1);
}

TEST(Storage, ThePacingIsKeptAndSaid) {
  const Folder folder;
  constexpr const char* kAsItWas = "The pacing is as it was when it was last set: ";
  const std::string example = std::string(BATTERY_TWIN_SOURCE_DIR) + "/config/battery-twin.toml";
  const auto interval_after_start = [&](const std::vector<std::string>& more, bool is_said) {
    Twin twin(options(folder, more));
    EXPECT_EQ(twin.server.err().find(kAsItWas) != std::string::npos, is_said) << twin.server.err();
    Json interval = twin.get("/factory/status").at("pacing").at("step_interval_ms");
    twin.server.signal(SIGTERM);
    EXPECT_EQ(twin.server.wait(), 0);
    return interval;
  };
  EXPECT_EQ(interval_after_start({}, false), 100);
  {
    Twin twin(options(folder));
    EXPECT_EQ(twin.http.patch("/factory/pacing", {{"step_interval_ms", 7.5}}).status, 200);
    twin.server.signal(SIGTERM);
    EXPECT_EQ(twin.server.wait(), 0);
  }
  // A file that is installed must not make the plant forget.
  EXPECT_EQ(interval_after_start({"--config", example}, true), 7.5);
  // What is given counts, and is not kept.
  EXPECT_EQ(interval_after_start({"--step-interval", "3"}, false), 3);
  const Twin twin(options(folder));
  EXPECT_NE(twin.server.err().find(std::string(kAsItWas) + "7.5 ms per step: PATCH /factory/pacing\n"),
            std::string::npos)
      << twin.server.err();
}

// The test: killed at random moments, every batch that was accepted is completed once, with the results of a
// plant that nobody disturbed.
TEST(Storage, KilledAgainAndAgainEveryAcceptedBatchIsCompletedOnce) {
  constexpr int kBatches = 30;
  constexpr int kKills = 20;
  const Folder folder;
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same moments, as far as the machine allows
  std::vector<std::string> accepted;
  for (int kill = 0; kill < kKills; ++kill) {
    const Twin twin(options(folder, {"--step-interval", "0.2"}));
    const auto until = std::chrono::steady_clock::now() + milliseconds(std::uniform_int_distribution(5, 150)(random));
    try {
      for (int i = 0; i < 3 && accepted.size() < kBatches; ++i) {
        const std::string id = "b" + std::to_string(accepted.size());
        const Json body{{"id", id}, {"seed", 100 + accepted.size()}};
        const int status = twin.http.post("/factory/start", body).status;
        ASSERT_TRUE(status == 200 || status == 409) << status;  // known: it was kept, but we were not told
        accepted.push_back(id);
      }
    } catch (const std::exception&) {  // never: the kill comes after
      FAIL();
    }
    std::this_thread::sleep_until(until);
    twin.server.signal(SIGKILL);
  }
  const Twin twin(options(folder, {"--step-interval", "0"}));
  for (int i = static_cast<int>(accepted.size()); i < kBatches; ++i) {
    accepted.push_back("b" + std::to_string(i));
    twin.start({{"id", accepted.back()}, {"seed", 100 + i}});
  }
  for (const std::string& id : accepted) ASSERT_TRUE(Twin::eventually([&] { return is_done(twin, id); })) << id;
  const Json counters = twin.get("/factory/status").at("counters");
  EXPECT_EQ(counters.at("accepted"), kBatches);
  EXPECT_EQ(counters.at("completed"), kBatches);

  const Twin undisturbed({"--db", "none", "--step-interval", "0", "--seed", "1"});
  for (int i = 0; i < kBatches; ++i) undisturbed.start({{"id", "b" + std::to_string(i)}, {"seed", 100 + i}});
  for (const std::string& id : accepted) {
    ASSERT_TRUE(Twin::eventually([&] { return is_done(undisturbed, id); }));
    EXPECT_EQ(results_of(twin, id), results_of(undisturbed, id)) << id;
  }
  // One row for every step, none twice.
  const Json batch = twin.get("/batches/b0");
  const Json rows = twin.get("/batches/b0/telemetry").at("telemetry");
  std::map<std::string, std::uint64_t> next;
  for (const Json& row : rows) ASSERT_EQ(row.at("step"), next[row.at("machine")]++);
  for (const MachineName& machine : kMachines)
    EXPECT_EQ(next[machine.process()], batch.at("machines").at(machine.process()).at("steps")) << machine.process();
}

TEST(Storage, WhatWasCancelledStaysCancelledAfterAKill) {
  const Folder folder;
  {
    const Twin twin(options(folder));
    twin.start({{"id", "a"}});
    EXPECT_EQ(twin.http.request("DELETE", "/batches/a").status, 202);
    twin.server.signal(SIGKILL);
  }
  const Twin twin(options(folder));
  EXPECT_EQ(twin.get("/batches/a").at("status"), "cancelled");
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("cancelled"), 1);
}

TEST(Storage, TelemetryHasEveryStep) {
  const Folder folder;
  const Twin twin(options(folder, {"--step-interval", "0"}));
  twin.start({{"id", "a"}});
  ASSERT_TRUE(Twin::eventually([&] { return is_done(twin, "a"); }));
  const Json batch = twin.get("/batches/a");
  const Json document = twin.get("/batches/a/telemetry?machine=coating_anode");
  EXPECT_EQ(document.at("batch_id"), "a");
  const Json& rows = document.at("telemetry");
  const Json& result = batch.at("machines").at("coating_anode");
  ASSERT_EQ(rows.size(), result.at("steps"));
  EXPECT_EQ(rows.back().at("properties"), result.at("properties"));
  EXPECT_EQ(rows.back().at("machine"), "coating_anode");

  const HttpResponse csv = twin.http.get("/batches/a/telemetry?machine=coating_anode&format=csv");
  EXPECT_EQ(csv.status, 200);
  EXPECT_EQ(csv.field("Content-Type"), "text/csv; charset=utf-8");
  std::istringstream lines(csv.body);
  std::string line;
  std::getline(lines, line);
  std::size_t columns = 1;
  for (const char c : line) columns += c == ',' ? 1 : 0;
  EXPECT_EQ(line.substr(0, 22), "machine,step,timestamp");
  EXPECT_EQ(columns, 3 + rows.front().at("properties").size());
  std::size_t count = 0;
  for (; std::getline(lines, line); ++count) {
    std::size_t fields = 1;
    for (const char c : line) fields += c == ',' ? 1 : 0;
    ASSERT_EQ(fields, columns);
  }
  EXPECT_EQ(count, rows.size());

  // All machines: a row a property.
  const HttpResponse tidy = twin.http.get("/batches/a/telemetry?format=csv");
  EXPECT_TRUE(tidy.body.starts_with("machine,step,timestamp,property,value\n"));
  std::size_t values = 0;
  const Json all = twin.get("/batches/a/telemetry");
  for (const Json& row : all.at("telemetry")) values += row.at("properties").size();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(tidy.body, '\n')), values + 1);

  // Compressed it is the same, and the connection goes on behind it.
  Connection connection(twin.server.port());
  const std::string target = "/batches/a/telemetry?format=csv";
  connection.send(request_text("GET", target, {}, {{"Accept-Encoding", "gzip"}}) +
                  request_text("GET", "/health", {}, {}));
  const HttpResponse zipped = read_response(connection);
  EXPECT_EQ(zipped.field("Content-Encoding"), "gzip");
  EXPECT_EQ(inflated(zipped.body), tidy.body);
  EXPECT_EQ(read_response(connection).status, 200);
  EXPECT_EQ(twin.http.request("HEAD", target).body, "");

  EXPECT_EQ(twin.http.get("/batches/b/telemetry").status, 404);
  EXPECT_EQ(twin.http.get("/batches/a/telemetry?format=xml").status, 400);
  EXPECT_EQ(twin.http.get("/batches/a/telemetry?machine=coating").status, 400);
}

TEST(Storage, AClientThatDoesNotReadTelemetryCostsLittle) {
  const Folder folder;
  const Twin twin(options(folder, {"--step-interval", "0"}));
  twin.start({{"id", "a"}});
  ASSERT_TRUE(Twin::eventually([&] { return is_done(twin, "a"); }));
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<Connection>(twin.server.port(), Connection::Options{.receive_buffer = 4096}));
    silent.back()->send(request_text("GET", "/batches/a/telemetry?format=csv", {}, {}));
    ASSERT_TRUE(silent.back()->receive());
  }
  EXPECT_EQ(twin.http.get("/batches/a/telemetry?format=csv").status, 200);
  EXPECT_EQ(twin.http.get("/health").status, 200);
}

TEST(Storage, OldBatchesAreReadFromTheFile) {
  const Folder folder;
  const Twin twin(options(folder, {"--step-interval", "0", "--history-limit", "2"}));
  for (int i = 0; i < 6; ++i) twin.start({{"id", "b" + std::to_string(i)}});
  ASSERT_TRUE(Twin::eventually([&] { return is_done(twin, "b5"); }));
  ASSERT_TRUE(Twin::eventually([&] { return twin.get("/factory/status").at("counters").at("completed") == 6; }));
  EXPECT_EQ(twin.get("/batches/b0").at("status"), "completed");
  EXPECT_EQ(twin.http.del("/batches/b0").status, 409);
  EXPECT_EQ(twin.http.post("/factory/start", {{"id", "b0"}}).status, 409);
  std::vector<std::string> ids;
  for (Json page = twin.get("/batches?limit=4&order=asc");;
       page = twin.get("/batches?limit=4&order=asc&after=" + page.at("next").get<std::string>())) {
    for (const Json& batch : page.at("batches")) ids.push_back(batch.at("batch_id"));
    if (page.at("next").is_null()) break;
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"b0", "b1", "b2", "b3", "b4", "b5"}));
  EXPECT_EQ(twin.get("/batches?status=completed&limit=1").at("batches").front().at("batch_id"), "b5");
  EXPECT_EQ(twin.http.get("/batches/nobody").status, 404);
}

TEST(Storage, AFileBelongsToOneServer) {
  const Folder folder;
  const Twin twin(options(folder));
  Process second({binary(), "--port", "0", "--db", "sqlite:" + folder.file()});
  EXPECT_EQ(second.wait(), 3);
  EXPECT_NE(second.err().find("is used by another server"), std::string::npos) << second.err();
  EXPECT_EQ(twin.http.get("/health").status, 200);
}

TEST(Storage, FreshStartsEmpty) {
  const Folder folder;
  {
    const Twin twin(options(folder));
    twin.start({{"id", "a"}});
  }
  const Twin twin(options(folder, {"--fresh"}));
  EXPECT_EQ(twin.http.get("/batches/a").status, 404);
  EXPECT_EQ(twin.get("/factory/status").at("counters").at("accepted"), 0);
  EXPECT_EQ(twin.start({{"id", "a"}}), "a");
}

TEST(Storage, WithoutADatabaseBatchesAreLostAndOneLineSaysSo) {
  Twin twin({"--db", "none"});
  EXPECT_EQ(twin.get("/health").at("database").at("status"), "disabled");
  twin.start({{"id", "a"}});
  EXPECT_EQ(twin.http.get("/batches/a/telemetry").status, 404);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  EXPECT_NE(twin.server.err().find("1 batch that was queued or running is lost"), std::string::npos)
      << twin.server.err();
}

TEST(Storage, HealthSaysHowTheFileIs) {
  const Folder folder;
  const Twin twin(options(folder));
  twin.start({{"id", "a"}});
  const Json database = twin.get("/health").at("database");
  EXPECT_EQ(database.at("backend"), "sqlite");
  EXPECT_EQ(database.at("status"), "connected");
  EXPECT_GT(database.at("latency_ms").get<double>(), 0);
}

TEST(Storage, AFullDiskRefusesBatchesAndSaysSo) {
  const Folder folder;
  // A file may grow to 2 MiB: as good as a full disk.
  ServerProcess server(options(folder, {"--step-interval", "0"}), {"sh", "-c", "ulimit -f 4096; exec \"$0\" \"$@\""});
  const HttpClient http(server.port());
  // Emptying its journal into the file helps SQLite for a while; then there is no way out.
  ASSERT_TRUE(Twin::eventually([&] {
    return http.post("/factory/start", Json::object()).status == 503 && http.get("/health").status == 503 &&
           http.get("/health/ready").status == 503;
  }));
  EXPECT_EQ(http.get("/health/live").status, 200);
  EXPECT_TRUE(server.wait_for_error_text("cannot be written")) << server.err();
  server.signal(SIGKILL);
  // With room again, all that was accepted is there.
  const Twin again(options(folder, {"--step-interval", "0"}));
  const Json counters = again.get("/factory/status").at("counters");
  EXPECT_TRUE(Twin::eventually(
      [&] { return again.get("/factory/status").at("counters").at("completed") == counters.at("accepted"); }));
}

TEST(Storage, WhatIsNoDatabaseIsLeftAlone) {
  const Folder folder;
  for (const std::string& db : {std::string("sqlite:/nowhere/plant.db"), std::string("sqlite:/dev/null"),
                                "sqlite:" + folder.file() + "/under/a/file"}) {
    Process server({binary(), "--port", "0", "--db", db});
    EXPECT_EQ(server.wait(), 3) << db;
    EXPECT_NE(server.err().find("ERROR"), std::string::npos) << server.err();
  }
  Process server({binary(), "--db", "mysql://host"});
  EXPECT_EQ(server.wait(), 2);
  EXPECT_NE(server.err().find("sqlite:PATH"), std::string::npos) << server.err();
}

}  // namespace
}  // namespace battery_twin::system
