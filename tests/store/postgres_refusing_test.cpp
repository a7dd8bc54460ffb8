// Databases that a store must not use, fresh starts, and what is too old to be kept.

#include <algorithm>
#include <string>
#include <thread>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

// What a store says that is opened there, which it must not be.
std::string refusal(Site& site, PostgresConfig config = {}) {
  std::string sentence = sentence_of([&] { (void)site.open(std::move(config)); });
  EXPECT_EQ(sentence.find("secret"), std::string::npos) << sentence;
  EXPECT_EQ(sentence.find("guess"), std::string::npos) << sentence;
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
  return sentence;
}

std::string with(std::string url, const std::string& what, const std::string& instead) {
  return url.replace(url.find(what), what.size(), instead);
}

std::string begin_of(const Site& site, const std::string& verb) {
  return "The database " + with(site.url, ":secret", "") + " " + verb;
}

// What stands in between is libpq's and differs from version to version.
void expect_refused(const std::string& sentence, const std::string& begin, const std::string& end) {
  EXPECT_TRUE(sentence.starts_with(begin) && sentence.ends_with(end)) << sentence;
}

TEST(PostgresRefusing, AWrongPassword) {
  Site site;
  expect_refused(refusal(site, {.url = with(site.url, "secret", "guess"), .spool = {}}), begin_of(site, "refuses us: "),
                 "FATAL: password authentication failed for user \"twin\"");
}

TEST(PostgresRefusing, AnUnknownDatabase) {
  Site site;
  expect_refused(refusal(site, {.url = with(site.url, site.database, "nowhere"), .spool = {}}),
                 with(begin_of(site, "refuses us: "), site.database, "nowhere"),
                 "FATAL: database \"nowhere\" does not exist");
}

TEST(PostgresRefusing, TheDatabaseOfAnotherPlant) {
  Site site;
  ASSERT_TRUE(accept(*site.start(), new_batch(0)));
  Site other;
  ASSERT_TRUE(accept(*other.start(), new_batch(0)));
  EXPECT_EQ(refusal(other, {.url = site.url, .spool = {}}),
            begin_of(site, "cannot be used: it belongs to another plant than the file ") + other.file +
                ": use another database, the file of that plant, or a new one");
  EXPECT_EQ(site.number("select count(*) from battery_twin.batch"), 1);
}

// The file has begun without PostgreSQL, which turns out to be another plant's when it comes.
TEST(PostgresRefusing, TheDatabaseOfAnotherPlantThatComesLater) {
  Site other;
  ASSERT_TRUE(accept(*other.start(), new_batch(0)));
  Site site(true);
  site.proxy->set_mode(TcpProxy::Mode::refuse);
  const std::string url = "postgresql://twin:secret@127.0.0.1:" + std::to_string(site.proxy->port()) + "/";
  const auto store = site.start({.url = url + other.database, .spool = {}});
  ASSERT_TRUE(accept(*store, new_batch(0)));
  ASSERT_TRUE(accept(*store, new_batch(1)));
  // What the store says of it next would come in a minute.
  site.proxy->set_mode(TcpProxy::Mode::pass);
  ASSERT_TRUE(wait_until([&] {
    return other.number(
               "select count(*) from pg_stat_activity where application_name = "
               "'battery-twin' and datname = '" +
               other.database + "'") > 0;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));  // time for a try or two
  EXPECT_EQ(store->health().status, Health::Status::unreachable);
  EXPECT_EQ(other.number("select count(*) from battery_twin.batch"), 1) << "nothing is mixed";
}

TEST(PostgresRefusing, ANewerVersion) {
  Site site;
  site.start().reset();
  execute(site.url, "comment on schema battery_twin is 'battery-twin, version 77'");
  EXPECT_EQ(refusal(site), begin_of(site,
                                    "cannot be used: it is of version 77, this program knows versions up to 1: use "
                                    "a newer one"));
}

TEST(PostgresRefusing, ASchemaThatIsNotOurs) {
  Site site;
  execute(site.url, "create schema battery_twin; create table battery_twin.mine (n int)");
  for (const char* const comment : {"null", "'something'", "'battery-twin, version '", "'battery-twin, version x'"}) {
    execute(site.url, "comment on schema battery_twin is " + std::string(comment));
    const std::string expected = begin_of(site, "cannot be used: its schema battery_twin is not this program's");
    EXPECT_EQ(refusal(site), expected);
    EXPECT_EQ(refusal(site, {.url = {}, .spool = {.fresh = true}}), expected);
  }
  EXPECT_EQ(site.number("select count(*) from battery_twin.mine"), 0);
}

TEST(PostgresRefusing, ATableOfTheSameName) {
  for (const char* const what : {"table mixing_anode (n int)", "view mixing_anode as select 1 as n"}) {
    Site site;
    execute(site.url, "create " + std::string(what));
    EXPECT_EQ(refusal(site), begin_of(site,
                                      "cannot be used: its table public.mixing_anode is not this program's: move it "
                                      "to another schema (docs/postgresql.md)"));
    EXPECT_EQ(site.number("select count(*) from pg_namespace where nspname = 'battery_twin'"), 0) << "nothing is begun";
  }
}

TEST(PostgresRefusing, ASecondServer) {
  Site site;
  const auto store = site.start();
  const Folder folder;
  site.file = folder.file();
  EXPECT_EQ(refusal(site), begin_of(site, "cannot be used: another server uses it"));
  EXPECT_EQ(refusal(site, {.url = {}, .spool = {.fresh = true}}),
            begin_of(site, "cannot be used: another server uses it"));
  ASSERT_TRUE(accept(*store, new_batch(0)));
}

TEST(PostgresRefusing, AUserWithoutRights) {
  Site site;
  execute(shared_cluster().admin_url(site.database), "alter database " + site.database + " owner to postgres");
  EXPECT_EQ(refusal(site), begin_of(site, "cannot be used: ERROR: permission denied for database " + site.database));
  execute(shared_cluster().admin_url(site.database), "grant create on database " + site.database + " to twin");
  EXPECT_EQ(refusal(site).find(begin_of(site, "cannot be used: ERROR: permission denied for schema public")), 0u);
  EXPECT_EQ(site.number("select count(*) from pg_namespace where nspname = 'battery_twin'"), 0);
}

TEST(PostgresRefusing, NobodyIsThereToBeEmptied) {
  Site site(true);
  site.proxy->set_mode(TcpProxy::Mode::refuse);
  EXPECT_NE(refusal(site, {.url = {}, .spool = {.fresh = true}}).find("cannot be emptied: "), std::string::npos);
}

TEST(PostgresFresh, EmptiesBoth) {
  Site site;
  execute(site.url, "create table mine (n int)");
  {
    const auto store = site.start();
    ASSERT_TRUE(accept(*store, finished(new_batch(0), plant::BatchStatus::completed)));
    tell_steps(*store, 0, 3, 0, 10);
    store->event(event(1, plant::EventType::batch_requested));
    ASSERT_TRUE(site.hands_on(*store));
  }
  ASSERT_EQ(site.number("select count(*) from battery_twin.telemetry"), 30);
  const auto store = site.open({.url = {}, .spool = {.fresh = true}});
  const plant::Kept kept = load(*store);
  EXPECT_EQ(kept.accepted, 0u);
  EXPECT_EQ(kept.last_seq, 0u);
  EXPECT_EQ(
      site.number("select (select count(*) from battery_twin.telemetry) + (select count(*) from battery_twin.batch) "
                  "+ (select count(*) from battery_twin.event) + (select count(*) from mixing_anode)"),
      0);
  EXPECT_EQ(site.number("select count(*) from mine"), 0) << "what is not ours stays";
  ASSERT_TRUE(accept(*store, new_batch(0)));
  tell_steps(*store, 0, 3, 0, 5);
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps(*store, 0, 3, 5);
}

TEST(PostgresRetention, DeletesWhatIsOldWhileOtherRowsArrive) {
  Site site;
  {
    const auto store = site.start();
    for (std::uint64_t i = 0; i < 40; ++i) {
      plant::BatchRecord batch = finished(new_batch(i), plant::BatchStatus::completed);
      if (i % 4 == 1) batch.finished_at = plant::now();
      if (i % 4 == 2) batch = new_batch(i);
      ASSERT_TRUE(accept(*store, batch));
      tell_steps(*store, i, 2, 0, i == 0 ? 12'000 : 20);
    }
    ASSERT_TRUE(site.hands_on(*store));
  }
  ASSERT_EQ(site.number("select count(*) from battery_twin.telemetry"), 24'000 + 39 * 40);
  const auto store = site.start({.url = {}, .spool = {.retention = std::chrono::hours(24)}});
  for (std::uint64_t i = 2; i < 40; i += 4) tell_steps(*store, i, 2, 0, 30);
  ASSERT_TRUE(wait_until([&] {
    return site.is_handed_on() && site.number("select count(*) from battery_twin.telemetry") == 10 * 40 + 10 * 60;
  }));
  for (std::uint64_t i = 0; i < 40; ++i) {
    expect_steps(*store, i, 2, i % 4 == 1 ? 20 : i % 4 == 2 ? 30 : 0);
  }
  EXPECT_EQ(site.number("select count(*) from battery_twin.batch"), 40) << "of batches only telemetry goes";
}

}  // namespace
}  // namespace battery_twin::store::testing
