// Pages, events and telemetry as they are read.

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "records.hpp"
#include "store_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using plant::BatchStatus;
using plant::EventType;
using Page = plant::PlantSimulation::Page;

// What PlantSimulation::batches does, over a list in order of acceptance.
std::optional<Page> page_of(const std::vector<plant::BatchRecord>& all, std::optional<BatchStatus> status,
                            bool ascending, std::size_t limit, std::optional<std::string_view> after) {
  std::vector<plant::BatchRecord> order = all;
  if (!ascending) std::ranges::reverse(order);
  if (after) {
    const auto found = std::ranges::find(order, *after, &plant::BatchRecord::id);
    if (found == order.end()) return std::nullopt;
    order.erase(order.begin(), found + 1);
  }
  if (status) std::erase_if(order, [&](const plant::BatchRecord& batch) { return batch.status != *status; });
  Page page{.batches = {}, .next = {}};
  if (order.size() > limit) page.next = order[limit - 1].id;
  order.resize(std::min(order.size(), limit));
  page.batches = order;
  return page;
}

std::vector<std::string> ids_of(const Page& page) {
  std::vector<std::string> ids;
  for (const plant::BatchRecord& batch : page.batches) ids.push_back(batch.id);
  return ids;
}

TEST(Reading, PagesAreThoseOfThePlant) {
  const Folder folder;
  const auto store = open(folder.file());
  std::vector<plant::BatchRecord> all;
  constexpr std::array kStatuses{BatchStatus::completed, BatchStatus::failed, BatchStatus::queued,
                                 BatchStatus::completed, BatchStatus::cancelled};
  for (std::uint64_t i = 0; i < 23; ++i) {
    plant::BatchRecord batch = new_batch(i, "batch-" + std::to_string(i * 7 % 23));
    ASSERT_TRUE(accept(*store, batch));
    batch = finished(batch, kStatuses[i % kStatuses.size()]);
    if (batch.status != BatchStatus::queued) store->finish(batch);
    all.push_back(batch);
  }
  store->close();
  std::size_t pages = 0;
  for (const std::optional<BatchStatus> status :
       {std::optional<BatchStatus>(), std::optional(BatchStatus::completed), std::optional(BatchStatus::queued),
        std::optional(BatchStatus::running)}) {
    for (const bool ascending : {false, true}) {
      for (const std::size_t limit : {1u, 2u, 5u, 22u, 23u, 24u}) {
        for (const char* start : {"", "batch-0", "batch-14", "batch-16", "unknown"}) {
          const auto after = *start == '\0' ? std::nullopt : std::optional<std::string_view>(start);
          const auto expected = page_of(all, status, ascending, limit, after);
          const auto page = store->batches(status, ascending, limit, after);
          ASSERT_EQ(page.has_value(), expected.has_value());
          if (!page) continue;
          EXPECT_EQ(ids_of(*page), ids_of(*expected));
          EXPECT_EQ(page->next, expected->next);
          ++pages;
        }
      }
    }
  }
  EXPECT_EQ(pages, 4u * 2 * 6 * 4);
}

TEST(Reading, EventsByEveryFilter) {
  const Folder folder;
  const auto store = open(folder.file());
  std::vector<plant::Event> all;
  constexpr std::array kTypes{EventType::batch_requested, EventType::machine_turned_on, EventType::batch_failed,
                              EventType::batch_cancelled};
  for (std::uint64_t seq = 1; seq <= 60; ++seq) {
    plant::Event next = event(seq, kTypes[seq % kTypes.size()], seq % 3 == 0 ? "" : "batch-" + std::to_string(seq % 2));
    if (seq % 5 == 0) next.station = seq % 2;
    if (seq % 7 == 0) next.warnings = {"unusual"};
    store->event(next);
    all.push_back(next);
  }
  store->close();
  const auto expect = [&](const EventFilter& filter) {
    std::vector<std::uint64_t> expected;
    for (const plant::Event& event : all) {
      if (event.seq <= filter.since_seq) continue;
      if (filter.least && event.level() < *filter.least) continue;
      if (filter.batch_id && event.batch_id != *filter.batch_id) continue;
      if (filter.stations &&
          (!event.station || std::ranges::find(*filter.stations, *event.station) == filter.stations->end()))
        continue;
      expected.push_back(event.seq);
    }
    if (expected.size() > filter.limit) {
      expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(filter.limit));
    }
    std::vector<std::uint64_t> found;
    for (const plant::Event& event : store->events(filter)) found.push_back(event.seq);
    EXPECT_EQ(found, expected);
    return found.size();
  };
  EXPECT_EQ(expect({}), 60u);
  EXPECT_EQ(expect({.limit = 7}), 7u);
  EXPECT_EQ(expect({.since_seq = 55}), 5u);
  EXPECT_EQ(expect({.since_seq = 60}), 0u);
  EXPECT_GT(expect({.least = plant::Level::debug}), 0u);
  EXPECT_GT(expect({.least = plant::Level::warning}), 0u);
  EXPECT_GT(expect({.least = plant::Level::error}), 0u);
  EXPECT_GT(expect({.batch_id = "batch-1"}), 0u);
  EXPECT_EQ(expect({.batch_id = "batch-9"}), 0u);
  EXPECT_GT(expect({.stations = {{1}}}), 0u);
  EXPECT_GT(
      expect({.since_seq = 3, .least = plant::Level::info, .batch_id = "batch-0", .stations = {{0, 1}}, .limit = 2}),
      0u);
}

TEST(Reading, TelemetryInOrderOfStationAndStepInAnyPortion) {
  const Folder folder;
  const auto store = open(folder.file());
  for (std::uint64_t batch = 0; batch < 2; ++batch) ASSERT_TRUE(accept(*store, new_batch(batch)));
  constexpr std::array<std::size_t, 3> kStations{9, 0, 4};
  for (std::uint32_t step = 0; step < 40; ++step) {
    for (const std::size_t station : kStations) {
      store->step(step_of(0, station, step));
      store->step(step_of(1, station, step));
    }
  }
  store->close();
  for (const std::size_t portion : {1u, 7u, 40u, 41u, 500u}) {
    const auto reader = store->telemetry(0, {});
    const auto rows = all_rows(*reader, portion);
    ASSERT_EQ(rows.size(), 120u);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t station = std::array<std::size_t, 3>{0, 4, 9}[i / 40];
      const plant::StepRecord told = step_of(0, station, static_cast<std::uint32_t>(i % 40));
      EXPECT_EQ(rows[i].station, told.station);
      EXPECT_EQ(rows[i].step, told.step);
      EXPECT_EQ(rows[i].time, told.time);
      EXPECT_EQ(rows[i].properties, told.properties);
      EXPECT_EQ(rows[i].names.size(), told.properties.size());
      EXPECT_EQ(rows[i].names.data(), rows[i / 40 * 40].names.data());
    }
    EXPECT_TRUE(reader->next(10).empty()) << "still at the end";
  }
  const auto of_one_station = store->telemetry(1, 4);
  const auto only = all_rows(*of_one_station);
  ASSERT_EQ(only.size(), 40u);
  EXPECT_EQ(only.front().station, 4u);
  const plant::Station& station = plant::standard_layout().stations()[4];
  EXPECT_EQ(only.front().names.front(),
            station.type->model(process::ModelSet::mechanistic).outputs.front().name_on(station.line));
  EXPECT_TRUE(store->telemetry(0, 5)->next(10).empty());
  EXPECT_TRUE(store->telemetry(7, {})->next(10).empty());
}

TEST(Reading, WhatIsNoNumberIsInTelemetryTheSame) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  plant::StepRecord step = step_of(0, 0, 4'000'000'000);
  step.properties = {std::nan(""), -0.0, 1e308, 5e-324};
  store->step(step);
  store->close();
  const auto rows = store->telemetry(0, {})->next(10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].step, 4'000'000'000);
  EXPECT_TRUE(std::isnan(rows[0].properties[0]));
  EXPECT_TRUE(std::signbit(rows[0].properties[1]));
  EXPECT_EQ(rows[0].properties[2], 1e308);
  EXPECT_EQ(rows[0].properties[3], 5e-324);
}

// A reader that is slow, or forgotten, holds nothing up.
TEST(Reading, TelemetryIsReadBesideTheWriter) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  for (std::uint32_t step = 0; step < 100; ++step) store->step(step_of(0, 0, step));
  ASSERT_TRUE(accept(*store, new_batch(1)));
  const auto reader = store->telemetry(0, {});
  EXPECT_EQ(reader->next(60).size(), 60u);
  for (std::uint32_t step = 0; step < 20'000; ++step) store->step(step_of(1, 0, step));
  ASSERT_TRUE(accept(*store, new_batch(2)));
  EXPECT_LT(std::filesystem::file_size(folder.file() + "-wal"), 16u << 20);
  EXPECT_EQ(reader->next(60).size(), 40u);
}

TEST(Reading, OldFilesAreReadWithTheTablesOfToday) {
  const Folder folder;
  const plant::Station& coating = *plant::standard_layout().find_process("coating_anode");
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  {
    SQLite::Database database(folder.file(), SQLite::OPEN_READWRITE, 5'000);
    database.exec(
        "insert into machine (batch, station, status, steps, parameters, properties) values "
        "(0, 'coating_anode', 'completed', 3, '{\"gap_height\":0.5,\"of_tomorrow\":1}', '{\"of_yesterday\":2}'),"
        "(0, 'degassing_cell', 'completed', 3, '{}', '{}')");
    database.exec("update batch set lines = '{\"anode\":{\"station\":\"degassing_cell\"},\"fourth\":{}}'");
    database.exec(
        "insert into event values (9, 0, 'batch_of_tomorrow', 'info', null, null, null, 'x', null, '[]', null, 1)");
    database.exec("insert into machine_parameters values ('degassing_cell', 'mechanistic', '{}')");
    database.exec("insert into setting values ('of_tomorrow', 1)");
  }
  const auto batch = store->batch("1");
  ASSERT_TRUE(batch);
  process::Values expected = coating.type->defaults(process::ModelSet::mechanistic, coating.line);
  expected[*coating.type->index_of("gap_height")] = 0.5;
  EXPECT_EQ(batch->parameters[coating.index], expected);
  EXPECT_EQ(batch->machines[coating.index].steps, 3u);
  EXPECT_TRUE(std::ranges::all_of(batch->machines[coating.index].properties, [](double v) { return std::isnan(v); }));
  EXPECT_FALSE(batch->lines[0].station);
  const plant::Kept kept = load(*store);
  EXPECT_TRUE(kept.events.empty());
  EXPECT_EQ(kept.last_seq, 9u);
}

// What docs/storage.md promises to those who look into the file.
TEST(Reading, PeopleSeeTimesAndFigures) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  plant::BatchRecord batch = finished(new_batch(0), BatchStatus::completed);
  process::EndOfLine end;
  end.capacity_Ah = 5.25;
  batch.end_of_line = std::make_shared<const process::EndOfLine>(end);
  store->finish(batch);
  store->event(event(1, EventType::batch_failed, "1"));
  store->close();
  SQLite::Database database(folder.file());
  EXPECT_EQ(database.execAndGet("select finished_at from batches where capacity_Ah = 5.25").getString(),
            "2023-11-14T22:13:22.123Z");
  EXPECT_EQ(database.execAndGet("select time || batch_id from log where level = 'error'").getString(),
            "2023-11-14T22:13:21.123Z1");
}

TEST(Reading, NumbersAsPeopleWriteThemToo) {
  const plant::Station& drying = *plant::standard_layout().find_process("drying_anode");
  const auto models = process::ModelSet::mechanistic;
  const auto value = [&](std::string_view text, std::string_view field) {
    return parameters_from_json(drying, models, text)[*drying.type->index_of(field)];
  };
  for (const char* text : {R"({"web_speed":0.25,"wet_thickness":1e-4,"solid_content":null})",
                           R"({ "solid_content" : null, "wet_thickness" : 0.0001, "web_speed" : 0.25 })",
                           R"({"of_tomorrow":[1],"wet_thickness":0.0001,"we\u0062_speed":0.25})"}) {
    EXPECT_EQ(value(text, "web_speed"), 0.25) << text;
    EXPECT_EQ(value(text, "wet_thickness"), 1e-4) << text;
    EXPECT_EQ(value(text, "solid_content"), std::nullopt) << text;
  }
  EXPECT_EQ(parameters_from_json(drying, models, "{}"), drying.type->defaults(models, drying.line));
  EXPECT_EQ(value(R"({"web_speed":null})", "web_speed"), value("{}", "web_speed")) << "null only where it may be";
  for (const char* text :
       {"", "{", "}", "{}}", "{,}", R"({"a")", R"({"a":)", R"({"a":1)", R"({"a":1,})", R"({"a":1 2})", R"({"a":nul})",
        R"({"a":inf})", R"({"a":-nan})", R"({"a":1e999})", R"(["a",1])", "null"}) {
    EXPECT_NE(sentence_of([&] { (void)parameters_from_json(drying, models, text); }), "") << text;
  }
}

TEST(Reading, AFileThatSomebodySpoiledIsAnErrorAndNoCrash) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  SQLite::Database database(folder.file(), SQLite::OPEN_READWRITE, 5'000);
  for (const char* spoil : {"update batch set warnings = 'no JSON'", "update batch set models = 'magic'",
                            "update batch set status = 'lost'", "update batch set lines = '[1]'"}) {
    database.exec("begin");
    database.exec(spoil);
    database.exec("commit");
    const std::string sentence = sentence_of([&] { (void)store->batch("1"); });
    EXPECT_NE(sentence.find("cannot be read"), std::string::npos) << spoil;
    database.exec("update batch set warnings = '[]', models = 'mechanistic', status = 'queued', lines = '{}'");
    EXPECT_TRUE(store->batch("1")) << "and works again afterwards";
  }
}

}  // namespace
}  // namespace battery_twin::store::testing
