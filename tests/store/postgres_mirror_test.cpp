// What the plant tells is what PostgreSQL holds, and what a new file takes over from it.

#include <map>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using plant::BatchStatus;
using plant::EventType;
using process::ModelSet;

const std::string kOddText =
    "\"quotes\", 'these', back\\slash, \\u0000 in letters, \t\n\x01\x1f\x7f, ü €, 😀 and %s {}[]";

// PostgreSQL's text for a time, with the zone of the connection that asks.
std::string shown(const Site& site, plant::Time time) {
  const std::string us = std::to_string(time.time_since_epoch().count());
  return site.ask("select '1970-01-01 00:00:00+00'::timestamptz + " + us + " * interval '1 microsecond'")[0][0].value();
}

plant::BatchRecord odd_batch(std::uint64_t index) {
  plant::BatchRecord batch = full_batch(index);
  batch.seed = 0xFFFF'FFFF'FFFF'FFFEU;
  process::CellDesign design = *batch.design;
  design.name = kOddText;
  batch.design = std::make_shared<const process::CellDesign>(design);
  batch.warnings = {kOddText, "", kOddText + kOddText};
  batch.error = kOddText;
  batch.machines[2].causes = {kOddText};
  batch.machines[3].causes.clear();
  batch.machines[4].properties[0] = -0.0;
  batch.machines[4].properties[1] = 1e-300;
  batch.machines[4].properties[2] = 1e300;
  (*batch.parameters[5])[0] = 1e-300;
  (*batch.parameters[5])[1] = -1e300;
  return batch;
}

plant::Event odd_event(std::uint64_t seq) {
  plant::Event odd = event(seq, EventType::batch_requested, "some-batch");
  odd.message = kOddText;
  odd.reason = kOddText;
  odd.warnings = {kOddText, ""};
  odd.station = 3;
  odd.step = 7;
  odd.end_of_line = some_end_of_line();
  return odd;
}

void tell_everything(Store& store) {
  ASSERT_TRUE(accept(store, odd_batch(0)));
  ASSERT_TRUE(accept(store, new_batch(1)));
  ASSERT_TRUE(accept(store, new_batch(2)));
  plant::BatchRecord running = new_batch(1);
  running.status = BatchStatus::running;
  running.started_at = at_second(9);
  running.attempt = 2;
  store.start(running);
  running.parameters[0] = some_values(layout().stations()[0], 0.3);
  store.enter(running, layout().stations()[0]);
  store.finish(finished(new_batch(2), BatchStatus::cancelled));
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) store.event(event(i + 1, static_cast<EventType>(i)));
  store.event(odd_event(plant::kEventTypes + 1));
  for (const plant::Station& station : layout().stations()) {
    store.set_parameters(station, ModelSet::mechanistic, some_values(station, 0.1));
    store.set_parameters(station, ModelSet::reference, some_values(station, 0.2));
    store.set_parameters(station, ModelSet::mechanistic, some_values(station, 0.5));
  }
  store.set_pacing(1'234'567'890'123, true);
}

class PostgresMirror : public ::testing::Test {
 protected:
  void SetUp() override {
    tell_everything(*store_);
    ASSERT_TRUE(site_.hands_on(*store_));
  }

  Site site_;
  std::unique_ptr<Store> store_ = site_.start();
};

TEST_F(PostgresMirror, Batches) {
  const plant::BatchRecord told = odd_batch(0);
  EXPECT_EQ(
      site_.ask("select number, id, status, models, seed, attempt, created_at, started_at, finished_at, scrapped, "
                "error, warnings ->> 0, warnings ->> 1, jsonb_array_length(warnings) from battery_twin.batches "
                "where number = 0"),
      (Rows{{"0", told.id, "completed", "reference", "18446744073709551614", "3", shown(site_, told.created_at),
             shown(site_, *told.started_at), shown(site_, *told.finished_at), "f", told.error, told.warnings[0], "",
             "3"}}));
  EXPECT_EQ(
      site_.ask("select id, status, attempt, started_at is null, finished_at is null, error, warnings, end_of_line "
                "from battery_twin.batches where number > 0 order by number"),
      (Rows{{"2", "running", "2", "f", "t", std::nullopt, "[]", std::nullopt},
            {"3", "cancelled", "1", "f", "f", std::nullopt, "[]", std::nullopt}}));
  for (const process::Figure& figure : process::kFigures) {
    const auto kept =
        site_.ask("select \"" + std::string(figure.name) + "\" from battery_twin.batches order by number limit 2");
    EXPECT_EQ(std::stod(kept[0][0].value()), (*told.end_of_line).*figure.member) << figure.name;
    EXPECT_EQ(kept[1][0], std::nullopt) << figure.name;
  }
  EXPECT_EQ(
      site_.ask("select d.design ->> 'name' from battery_twin.design d join battery_twin.batch b on b.design = d.id "
                "where number = 0"),
      (Rows{{kOddText}}));
}

TEST_F(PostgresMirror, Machines) {
  const plant::BatchRecord told = odd_batch(0);
  const auto kept = site_.ask(
      "select station, status, steps, outcome, parameters, properties, causes from battery_twin.machines where batch = "
      "'" +
      told.id + "'");
  ASSERT_EQ(kept.size(), layout().stations().size());
  for (const auto& row : kept) {
    const plant::Station& station = *layout().find_process(row[0].value());
    SCOPED_TRACE(station.process_name);
    const plant::MachineResult& result = told.machines[station.index];
    EXPECT_EQ(row[1], "completed");
    EXPECT_EQ(row[2], std::to_string(result.steps));
    EXPECT_EQ(row[3], "rework");
    std::map<std::string, double> numbers;
    for (const auto& pair : site_.ask(
             "select what || name, value from (select number, station, 'parameters' as what, parameters as numbers "
             "from battery_twin.machines union all select number, station, 'properties', properties "
             "from battery_twin.machines) all_of_it, jsonb_each_text(numbers) as pairs (name, value) "
             "where number = 0 and station = '" +
             station.process_name + "'")) {
      numbers[pair[0].value()] = std::stod(pair[1].value());
    }
    const auto number = [&](const std::string& column, const std::string& name) { return numbers.at(column + name); };
    for (std::size_t i = 0; i < station.type->fields.size(); ++i) {
      EXPECT_EQ(number("parameters", std::string(station.type->fields[i].name)),
                (*told.parameters[station.index])[i].value());
    }
    for (std::size_t i = 0; i < result.properties.size(); ++i) {
      EXPECT_EQ(number("properties", std::string(station.type->model(told.models).outputs[i].name_on(station.line))),
                result.properties[i]);
    }
  }
  EXPECT_EQ(site_.ask("select causes ->> 0 from battery_twin.machine where batch = 0 and station = '" +
                      layout().stations()[2].process_name + "'"),
            (Rows{{kOddText}}));
  EXPECT_EQ(site_.ask("select station, status, properties from battery_twin.machines where batch = '2'"),
            (Rows{{layout().stations()[0].process_name, "pending", std::nullopt}}));
}

TEST_F(PostgresMirror, Events) {
  const Rows kept = site_.ask(
      "select seq, time, level, type, batch_id, station, step, message, reason from "
      "battery_twin.log order by seq");
  ASSERT_EQ(kept.size(), plant::kEventTypes + 1);
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    const plant::Event told = event(i + 1, static_cast<EventType>(i));
    EXPECT_EQ(kept[i], (Rows::value_type{std::to_string(i + 1), shown(site_, told.time),
                                         std::string(to_string(told.level())), std::string(to_string(told.type)),
                                         std::nullopt, std::nullopt, std::nullopt, told.message, std::nullopt}));
  }
  const auto& odd = kept.back();
  EXPECT_EQ(odd[4], "some-batch");
  EXPECT_EQ(odd[5], layout().stations()[3].process_name);
  EXPECT_EQ(odd[6], "7");
  EXPECT_EQ(odd[7], kOddText);
  EXPECT_EQ(odd[8], kOddText);
  EXPECT_EQ(site_.ask("select warnings ->> 0 from battery_twin.event order by seq desc limit 1"), (Rows{{kOddText}}));
}

// What PostgreSQL does not take must not hold up what comes behind.
TEST_F(PostgresMirror, TextsThatPostgresDoesNotTake) {
  const std::string bad = std::string("zero \0, escaped \\u0000, half \xC3, pair \xED\xA0\x80, end \xF0\x9F\x98", 48);
  plant::Event last = event(100, EventType::batch_requested);
  last.message = bad;
  last.reason = bad;
  last.warnings = {bad};
  store_->event(last);
  plant::BatchRecord batch = finished(new_batch(3), BatchStatus::failed);
  batch.error = bad;
  batch.warnings = {bad};
  ASSERT_TRUE(accept(*store_, batch));
  store_->event(event(101, EventType::batch_requested));
  ASSERT_TRUE(site_.hands_on(*store_));
  EXPECT_TRUE(site_.errors.all().empty());
  const std::string begin = "zero \uFFFD, escaped \\u0000, half \uFFFD, pair \uFFFD";
  for (const std::string sql : {"select message from battery_twin.event where seq = 100",
                                "select warnings ->> 0 from battery_twin.event where seq = 100",
                                "select error from battery_twin.batch where number = 3"}) {
    const std::string kept = site_.ask(sql)[0][0].value();
    EXPECT_TRUE(kept.starts_with(begin)) << kept;
  }
  EXPECT_EQ(site_.number("select max(seq) from battery_twin.event"), 101);
  EXPECT_EQ(store_->events({.since_seq = 99}).front().message, bad) << "the file keeps it as it was";
}

TEST_F(PostgresMirror, Measurements) {
  const plant::StepRecord told = step_of(0, 4, 3);
  store_->step(told);
  ASSERT_TRUE(site_.hands_on(*store_));
  const plant::Station& station = layout().stations()[4];
  const Rows kept = site_.ask("select batch, station, step, \"timestamp\", name, value from battery_twin.measurements");
  ASSERT_EQ(kept.size(), told.properties.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i][0], odd_batch(0).id);
    EXPECT_EQ(kept[i][1], station.process_name);
    EXPECT_EQ(kept[i][2], "3");
    EXPECT_EQ(kept[i][3], "2023-11-14 22:13:23.123457");
    EXPECT_EQ(kept[i][4], station.type->model(told.models).outputs[i].name_on(station.line));
    EXPECT_EQ(std::stod(kept[i][5].value()), told.properties[i]);
  }
}

void expect_same_plant(const plant::Kept& restored, const plant::Kept& told) {
  ASSERT_EQ(restored.open.size(), told.open.size());
  for (std::size_t i = 0; i < told.open.size(); ++i) expect_same(restored.open[i], told.open[i]);
  ASSERT_EQ(restored.finished.size(), told.finished.size());
  for (std::size_t i = 0; i < told.finished.size(); ++i) expect_same(restored.finished[i], told.finished[i]);
  EXPECT_EQ(restored.ids, told.ids);
  EXPECT_EQ(restored.accepted, told.accepted);
  EXPECT_EQ(restored.completed, told.completed);
  EXPECT_EQ(restored.failed, told.failed);
  EXPECT_EQ(restored.cancelled, told.cancelled);
  EXPECT_EQ(restored.scrapped, told.scrapped);
  EXPECT_EQ(restored.parameters, told.parameters);
  EXPECT_EQ(restored.step_interval_us, told.step_interval_us);
  EXPECT_EQ(restored.paused, told.paused);
  EXPECT_EQ(restored.last_seq, told.last_seq);
  ASSERT_EQ(restored.events.size(), told.events.size());
  for (std::size_t i = 0; i < told.events.size(); ++i) expect_same(restored.events[i], told.events[i]);
}

TEST_F(PostgresMirror, ANewFileTakesOverEverything) {
  for (std::uint64_t seq = 1'000; seq < 6'000; ++seq) store_->event(event(seq, EventType::batch_requested));
  tell_steps(*store_, 0, 3, 0, 20);
  ASSERT_TRUE(site_.hands_on(*store_));
  for (const ModelSet models : process::kModelSets) {
    store_.reset();
    store_ = site_.open();
    const plant::Kept told = store_->load(models, 1'000, 10'000);
    ASSERT_EQ(told.events.size(), plant::kEventTypes + 1 + 5'000);
    store_.reset();
    site_.file = site_.folder.file("new for " + std::string(to_string(models)));
    store_ = site_.open();
    expect_same_plant(store_->load(models, 1'000, 10'000), told);
  }
}

TEST_F(PostgresMirror, AFileThatAnotherOneTookOverFromIsKeptOut) {
  tell_steps(*store_, 0, 3, 0, 20);
  ASSERT_TRUE(site_.hands_on(*store_));
  store_.reset();
  const std::string old = site_.file;
  site_.file = site_.folder.file("new");
  store_ = site_.start();
  store_.reset();
  site_.file = old;
  EXPECT_NE(sentence_of([&] { (void)site_.open(); }).find("it belongs to another plant"), std::string::npos);
}

TEST_F(PostgresMirror, AFileThatTookOverGoesOn) {
  tell_steps(*store_, 0, 3, 0, 20);
  tell_steps(*store_, 1, 3, 0, 20);
  ASSERT_TRUE(site_.hands_on(*store_));
  store_.reset();
  site_.file = site_.folder.file("new");
  store_ = site_.start();
  expect_steps(*store_, 0, 3, 20);
  ASSERT_TRUE(accept(*store_, new_batch(3)));
  tell_steps(*store_, 1, 3, 0, 15);
  tell_steps(*store_, 3, 3, 0, 5);
  ASSERT_TRUE(site_.hands_on(*store_));
  expect_steps(*store_, 1, 3, 15);
  expect_steps(*store_, 3, 3, 5);
  EXPECT_EQ(site_.ask("select batch, count(*) from battery_twin.telemetry group by batch order by batch"),
            (Rows{{"0", "60"}, {"1", "45"}, {"3", "15"}}));
  EXPECT_EQ(site_.number("select count(*) from battery_twin.series where models = 'mechanistic'"), 3);
  EXPECT_TRUE(site_.errors.all().empty());
}

}  // namespace
}  // namespace battery_twin::store::testing
