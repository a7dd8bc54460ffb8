// Files and databases that have not seen the same: copies, backups, lost disks, other versions of the program.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>

#include "postgres/mirror.hpp"
#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

constexpr std::size_t kSteps = 10;

void work(Store& store, std::uint64_t index, std::string id = {}) {
  ASSERT_TRUE(accept(store, finished(new_batch(index, std::move(id)), plant::BatchStatus::completed)));
  tell_steps(store, index, 3, 0, kSteps);
  store.event(event(index + 1, plant::EventType::batch_completed, std::to_string(index)));
}

void work_alone(Site& site, std::uint64_t index, std::string id = {}) {
  const auto store = site.start();
  work(*store, index, std::move(id));
  ASSERT_TRUE(site.hands_on(*store));
}

TEST(PostgresGenerations, AnOlderCopyOfTheFileIsRefused) {
  Site site;
  work_alone(site, 0);
  const std::string copy = site.folder.file("copy");
  site.copy_file(copy);
  work_alone(site, 1, "two");
  site.file = copy;
  const std::string sentence = sentence_of([&] { (void)site.open(); });
  EXPECT_NE(sentence.find("it knows more of the plant than the file " + copy), std::string::npos) << sentence;
  EXPECT_EQ(site.number("select count(*) from battery_twin.batch where id = 'two'"), 1);
}

TEST(PostgresGenerations, ADatabaseFromABackupIsToldAgain) {
  Site site;
  work_alone(site, 0);
  const auto delivered = site.number("select value from battery_twin.setting where name = 'delivered'");
  work_alone(site, 1);
  // As the backup had it.
  execute(site.url,
          "delete from battery_twin.batch where number = 1; delete from battery_twin.event where seq = 2;"
          "delete from battery_twin.telemetry where batch = 1;"
          "update battery_twin.setting set value = " +
              std::to_string(delivered) + " where name = 'delivered'");
  work_alone(site, 2);
  EXPECT_EQ(site.ask("select number from battery_twin.batch order by number"), (Rows{{"0"}, {"1"}, {"2"}}));
  EXPECT_EQ(site.ask("select seq from battery_twin.event order by seq"), (Rows{{"1"}, {"2"}, {"3"}}));
  // It is not told everything each time.
  const auto last = site.number("select value from battery_twin.setting where name = 'delivered'");
  work_alone(site, 3);
  EXPECT_LT(site.number("select value from battery_twin.setting where name = 'delivered'"), last + 30);
}

TEST(PostgresGenerations, ADiskMayBeLostAgainAndAgain) {
  Site site;
  for (std::uint64_t index = 0; index < 4; ++index) {
    site.file = site.folder.file("disk " + std::to_string(index));
    const auto store = site.open();
    const plant::Kept kept = load(*store);
    ASSERT_EQ(kept.finished.size(), index);
    EXPECT_EQ(kept.accepted, index);
    work(*store, index);
    ASSERT_TRUE(site.hands_on(*store));
  }
  EXPECT_EQ(site.number("select count(*) from battery_twin.design"), 1);
}

TEST(PostgresGenerations, AFileIsNotDeletedWhereTheDatabaseCannotBeEmptied) {
  Site site;
  work_alone(site, 0);
  const std::string right = site.url;
  site.url.replace(site.url.find("secret"), 6, "guess");
  EXPECT_NE(sentence_of([&] { (void)site.open({.url = site.url, .spool = {.path = site.file, .fresh = true}}); }), "");
  EXPECT_EQ(site.number_in_file("select count(*) from batch"), 1);
  site.url = right;
  EXPECT_EQ(load(*site.open()).finished.size(), 1u);
}

TEST(PostgresGenerations, RightsToTheViewsOutliveAFreshStartAndOtherColumns) {
  Site site;
  work_alone(site, 0);
  const std::string admin = shared_cluster().admin_url(site.database);
  execute(admin,
          "do $$ begin create role looker; exception when duplicate_object then null; end $$;"
          "grant select on public.rewinding, battery_twin.batches to looker");
  const auto may_look = [&] {
    return site.number(
        "select has_table_privilege('looker', 'public.rewinding', 'select')::int + "
        "has_table_privilege('looker', 'battery_twin.batches', 'select')::int");
  };
  (void)load(*site.open({.url = {}, .spool = {.fresh = true}}));
  EXPECT_EQ(may_look(), 2);
  // An older version of the program may have had other columns in another order.
  execute(site.url,
          "drop view battery_twin.batches; create view battery_twin.batches as select 'old' as figure, id "
          "from battery_twin.batch; comment on view battery_twin.batches is 'battery-twin 1'");
  execute(admin, "grant select on battery_twin.batches to looker");
  work_alone(site, 0);
  EXPECT_EQ(may_look(), 2);
  EXPECT_EQ(site.number("select count(*) from battery_twin.batches where status = 'completed'"), 1);
}

TEST(PostgresGenerations, FunctionsThatOthersPlantedAreNotCalled) {
  Site site;
  work_alone(site, 0);
  const std::string admin = shared_cluster().admin_url(site.database);
  execute(admin,
          "create table public.called (what text); grant insert on public.called to public;"
          "create function public.obj_description(oid, text) returns text language plpgsql as "
          "$$ begin insert into public.called values ('obj_description'); return ''; end $$;"
          "create function public.to_timestamp(numeric) returns timestamptz language plpgsql as "
          "$$ begin insert into public.called values ('to_timestamp'); return now(); end $$");
  work_alone(site, 1);
  EXPECT_EQ(site.number("select count(*) from battery_twin.log"), 2);
  EXPECT_EQ(query(admin, "select * from public.called"), Rows{});
}

// The eleventh machine.
TEST(PostgresGenerations, AMachineThatThePythonServerDidNotHaveGetsAView) {
  Site site;
  process::MachineType glueing = *plant::standard_layout().find_process("coating_anode")->type;
  glueing.name = "glueing";
  const plant::Layout layout({&glueing}, {&glueing});
  const auto store =
      open_postgres(layout, {.url = site.url, .spool = {.path = site.file, .on_error = [](std::string_view) {}}});
  (void)store->load(process::ModelSet::mechanistic, 0, 0);
  plant::BatchRecord batch = new_batch(0);
  batch.parameters.assign(3, glueing.defaults(batch.models, process::Line::anode));
  batch.machines.resize(3);
  ASSERT_TRUE(accept(*store, batch));
  std::vector<double> properties(glueing.model(batch.models).outputs.size(), 2.5);
  store->step(
      {.batch = 0, .station = 2, .step = 0, .time = at_second(0), .models = batch.models, .properties = properties});
  ASSERT_TRUE(site.hands_on(*store));
  EXPECT_EQ(site.ask("select batch, wet_thickness, gap_height, defect_risk from glueing"),
            (Rows{{"1", "2.5", "0.00025", "t"}}));
  EXPECT_EQ(site.number("select count(*) from glueing_anode"), 0);
  EXPECT_EQ(site.number("select count(*) from battery_twin.measurements where station = 'glueing_cell'"),
            static_cast<std::int64_t>(properties.size()));
}

// A column that one of the three places forgets would be empty in PostgreSQL for ever.
TEST(PostgresGenerations, MirroredTablesHaveTheSameColumnsEverywhere) {
  Site site;
  const auto store = site.start();
  const SQLite::Database database(site.file);
  for (const MirroredTable& table : mirrored_tables()) {
    std::vector<std::string> here;
    SQLite::Statement columns(database, "select name from pragma_table_info('" + table.name + "') order by name");
    while (columns.executeStep()) here.push_back(columns.getColumn(0).getString());
    std::vector<std::string> there;
    for (const auto& row : site.ask("select column_name from information_schema.columns where table_schema = "
                                    "'battery_twin' and table_name = '" +
                                    table.name + "' order by column_name collate \"C\"")) {
      there.push_back(*row[0]);
    }
    std::vector<std::string> mirrored = table.columns;
    std::ranges::sort(mirrored);
    EXPECT_EQ(mirrored, here) << table.name;
    EXPECT_EQ(mirrored, there) << table.name;
  }
}

}  // namespace
}  // namespace battery_twin::store::testing
