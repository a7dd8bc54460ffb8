// The PostgreSQL that other tests are made with.

#include "postgres_cluster.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace battery_twin::postgres {
namespace {

std::string sentence_of(const std::string& url, const std::string& sql) {
  try {
    execute(url, sql);
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
  return {};
}

void keep_a_number(const std::string& url) { execute(url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)"); }

void expect_the_number(const std::string& url) { EXPECT_EQ(query(url, "SELECT n FROM kept"), Rows{{"7"}}); }

TEST(PostgresCluster, GivesRows) {
  const std::string url = shared_cluster().url(shared_cluster().create_database());
  EXPECT_EQ(query(url, "SELECT 1, NULL, '' UNION ALL SELECT 2, 'a', 'b'"),
            (Rows{{"1", std::nullopt, ""}, {"2", "a", "b"}}));
  EXPECT_EQ(query(url, "SELECT 1 WHERE false"), Rows{});
  EXPECT_EQ(query(url, "SELECT current_user"), Rows{{"twin"}});
}

TEST(PostgresCluster, SaysWhatIsWrong) {
  const std::string url = shared_cluster().url(shared_cluster().create_database());
  EXPECT_NE(sentence_of(url, "SELECT nothing").find("column \"nothing\" does not exist"), std::string::npos);
  EXPECT_NE(sentence_of(shared_cluster().url("nowhere"), "SELECT 1").find("database \"nowhere\" does not exist"),
            std::string::npos);
}

TEST(PostgresCluster, RefusesAWrongPassword) {
  std::string url = shared_cluster().url("postgres");
  url.replace(url.find("secret"), 6, "guess");
  EXPECT_NE(sentence_of(url, "SELECT 1").find("password authentication failed for user \"twin\""), std::string::npos);
}

TEST(PostgresCluster, TheUserIsAnOrdinaryOne) {
  EXPECT_NE(sentence_of(shared_cluster().url("postgres"), "CREATE ROLE other").find("permission denied"),
            std::string::npos);
  execute(shared_cluster().admin_url("postgres"), "CREATE ROLE other; DROP ROLE other");
}

TEST(PostgresCluster, EveryDatabaseIsNew) {
  const std::string first = shared_cluster().create_database();
  const std::string second = shared_cluster().create_database();
  EXPECT_NE(first, second);
  keep_a_number(shared_cluster().url(first));
  keep_a_number(shared_cluster().url(second));
}

TEST(PostgresCluster, KeepsPortAndDataOverAStop) {
  PostgresCluster& cluster = shared_cluster();
  const std::string url = cluster.url(cluster.create_database());
  keep_a_number(url);
  cluster.stop();
  EXPECT_NE(sentence_of(url, "SELECT 1").find("Connection refused"), std::string::npos);
  cluster.start();
  expect_the_number(url);
  cluster.stop(PostgresCluster::Mode::immediate);
  cluster.start();
  expect_the_number(url);
  cluster.kill();
  EXPECT_NE(sentence_of(url, "SELECT 1").find("Connection refused"), std::string::npos);
  cluster.start();
  expect_the_number(url);
}

TEST(PostgresCluster, FrozenItDoesNotAnswer) {
  PostgresCluster& cluster = shared_cluster();
  const std::string url = cluster.url(cluster.create_database());
  keep_a_number(url);
  cluster.freeze();
  EXPECT_NE(sentence_of(url + "?connect_timeout=2", "SELECT 1").find("timeout expired"), std::string::npos);
  cluster.thaw();
  expect_the_number(url);
  cluster.freeze();
  cluster.kill();
  cluster.start();
  cluster.freeze();
  cluster.stop();
  cluster.start();
  expect_the_number(url);
}

TEST(PostgresCluster, TakesSettings) {
  PostgresCluster cluster({"max_connections=7", "fsync=on"});
  cluster.start();
  EXPECT_EQ(query(cluster.url("postgres"), "SHOW max_connections"), Rows{{"7"}});
  EXPECT_EQ(query(cluster.url("postgres"), "SHOW fsync"), Rows{{"on"}});
}

}  // namespace
}  // namespace battery_twin::postgres
