// What a server says that cannot use its PostgreSQL, and what it never says: the password.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>

#include "postgres_plant.hpp"

namespace battery_twin::system {
namespace {

using postgres::shared_cluster;

std::vector<std::string> command(const PostgresPlant& plant, const std::string& url,
                                 const std::vector<std::string>& wrapper = {}) {
  std::vector<std::string> words = wrapper;
  for (const std::string& word : {binary(), std::string("--port"), std::string("0")}) words.push_back(word);
  for (const std::string& word : plant.options_by(url)) words.push_back(word);
  return words;
}

std::string url_of(const std::string& user_and_password, const std::string& database) {
  return "postgresql://" + user_and_password + "@127.0.0.1:" + std::to_string(shared_cluster().port()) + "/" + database;
}

// Its errors, one a line.
std::vector<std::string> errors(const Process& server) {
  std::vector<std::string> found;
  std::istringstream lines(server.err());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ERROR:")) found.push_back(line);
  }
  return found;
}

void expect_refusal(Process& server, const std::string& sentence) {
  ASSERT_EQ(server.wait(), 3) << server.err();
  const std::vector<std::string> found = errors(server);
  ASSERT_EQ(found.size(), 1U) << server.err();
  EXPECT_NE(found.front().find(sentence), std::string::npos) << found.front();
}

void expect_silence(const Process& server, const std::string& secret) {
  EXPECT_EQ(server.out().find(secret), std::string::npos) << server.out();
  EXPECT_EQ(server.err().find(secret), std::string::npos) << server.err();
}

TEST(PostgresStartup, AWrongPasswordIsRefused) {
  const PostgresPlant plant;
  Process server(command(plant, url_of("twin:not-the-secret", plant.database())));
  expect_refusal(server, "password authentication failed for user \"twin\"");
  EXPECT_NE(errors(server).front().find("twin@127.0.0.1"), std::string::npos);
  expect_silence(server, "not-the-secret");
}

TEST(PostgresStartup, AnUnknownUserIsRefused) {
  const PostgresPlant plant;
  Process server(command(plant, url_of("nobody:hidden%40word", plant.database())));
  expect_refusal(server, "refuses us");
  expect_silence(server, "hidden");
}

TEST(PostgresStartup, AnUnknownDatabaseIsRefused) {
  const PostgresPlant plant;
  Process server(command(plant, url_of("twin:secret", "nowhere")));
  expect_refusal(server, "database \"nowhere\" does not exist");
  expect_silence(server, "secret");
}

TEST(PostgresStartup, ADatabaseBelongsToOneServer) {
  const PostgresPlant plant;
  const PostgresPlant other;
  const Twin twin(plant.options());
  Process second(command(other, plant.url()));
  expect_refusal(second, "another server");
  expect_silence(second, "secret");
  EXPECT_EQ(twin.get("/health").at("status"), "healthy");
}

TEST(PostgresStartup, ADatabaseBelongsToOnePlant) {
  const PostgresPlant plant;
  const PostgresPlant other;
  for (const PostgresPlant* one : {&plant, &other}) {
    Twin twin(one->options());
    twin.start({{"id", "a"}});
    twin.server.signal(SIGTERM);
    ASSERT_EQ(twin.server.wait(), 0);
  }
  Process server(command(other, plant.url()));
  expect_refusal(server, "belongs to another plant");
  expect_silence(server, "secret");
  EXPECT_EQ(plant.number("select count(*) from battery_twin.batch"), 1);
}

TEST(PostgresStartup, AnotherProgramsTableIsLeftAlone) {
  const PostgresPlant plant;
  postgres::execute(plant.url(), "create table coating_anode (id integer); insert into coating_anode values (7)");
  Process server(command(plant, plant.url()));
  expect_refusal(server, "its table public.coating_anode is not this program's");
  expect_silence(server, "secret");
  EXPECT_EQ(plant.number("select id from coating_anode"), 7);
}

void expect_malformed(const std::vector<std::string>& urls) {
  const PostgresPlant plant;
  for (const std::string& url : urls) {
    SCOPED_TRACE(url);
    Process server(command(plant, url));
    const auto exit = server.wait(seconds(20));
    expect_silence(server, "hidden");
    ASSERT_TRUE(exit == 2 || exit == 3) << exit.value_or(-1) << '\n' << server.err();
    EXPECT_NE(server.err().find("postgresql://"), std::string::npos) << server.err();
  }
}

// Each has a mistake that people make.
TEST(PostgresStartup, MalformedUrlsAreRefusedWithoutTellingThePassword) {
  expect_malformed({"postgresql://twin:hidden%ZZ@127.0.0.1/twin", "postgresql://twin:hidden@[::1/twin",
                    "postgresql://twin:some@hidden@127.0.0.1/twin", "postgresql://twin:some/hidden@127.0.0.1/twin",
                    "postgresql://twin:1/hidden@127.0.0.1/twin", "postgresql://127.0.0.1/twin?passwort=hidden",
                    "postgresql:/twin:hidden@127.0.0.1/twin", "postgresql:twin:hidden",
                    "mysql://twin:hidden@127.0.0.1/twin", "host=127.0.0.1 password=hidden"});
}

// A server that tries again for ever what can never be would look as if PostgreSQL were away.
TEST(PostgresStartup, OptionsThatNoHostCouldAnswerAreRefused) {
  expect_malformed({"postgresql://twin:hidden@127.0.0.1:port/twin", "postgresql://twin:hidden@127.0.0.1:1:2/twin",
                    "postgresql://twin:hidden@127.0.0.1:99999/twin",
                    "postgresql://twin:hidden@127.0.0.1/twin?sslmode=perhaps",
                    "postgresql://twin:hidden@127.0.0.1/twin?connect_timeout=soon"});
}

TEST(PostgresStartup, TheEnvironmentFillsInWhatTheUrlLeavesOut) {
  const PostgresPlant plant;
  const std::string port = std::to_string(shared_cluster().port());
  const std::vector<std::string> environment{"env",
                                             "POSTGRES_USER=twin",
                                             "POSTGRES_PASSWORD=secret",
                                             "POSTGRES_HOST=127.0.0.1",
                                             "POSTGRES_PORT=" + port,
                                             "POSTGRES_DB=" + plant.database()};
  {
    Twin twin(plant.options_by("postgresql://", {"--step-interval", "0"}), environment);
    twin.start({{"id", "a"}});
    ASSERT_TRUE(Twin::eventually([&] { return is_completed(twin, "a"); }));
    ASSERT_TRUE(plant.holds_all_of(twin));
    EXPECT_EQ(twin.get("/health").at("database").at("backend"), "postgresql");
    EXPECT_EQ(database_status(twin), "connected");
    twin.server.signal(SIGTERM);
    ASSERT_EQ(twin.server.wait(), 0);
    expect_silence(twin.server, "secret");
  }
  // What the URL says counts more.
  Process server(command(plant, "postgresql://127.0.0.1/nowhere", environment));
  expect_refusal(server, "twin@127.0.0.1:" + port + "/nowhere");
  expect_silence(server, "secret");
}

}  // namespace
}  // namespace battery_twin::system
