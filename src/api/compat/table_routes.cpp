#include <algorithm>
#include <deque>

#include "../routes.hpp"
#include "../time_text.hpp"
#include "battery_twin/api/json_writer.hpp"
#include "battery_twin/store/machine_tables.hpp"
#include "envelope.hpp"

// The Python server's tables, which docs/postgresql.md describes, as JSON and whatever the store is.

namespace battery_twin::api {
namespace {

constexpr std::size_t kMostRows = 1000;     // of an answer: the newest
constexpr std::size_t kMostBatches = 1000;  // that are looked through for them: the newest
constexpr std::size_t kBatchesAtOnce = 50;
constexpr std::size_t kStepsAtOnce = 500;
constexpr std::uint64_t kIdsOfBatch = 1'000'000'000;  // more than a machine has steps

using Row = store::TelemetryReader::Row;
using Source = store::MachineColumn::Source;

// Writes rows of one batch.
class RowWriter {
 public:
  RowWriter(const compat::Machine& machine, const plant::BatchRecord& batch)
      : station_(*machine.station), batch_(batch), table_(store::table_of(*station_.type)) {}

  std::string text_of(const Row& row) const {
    std::string text;
    JsonWriter writer(text);
    writer.begin_object().member("id", batch_.index * kIdsOfBatch + row.step + 1).member("batch", batch_.id);
    writer.member("state", "On").member("timestamp", TimeText(row.time).view()).member("duration", row.step);
    writer.member("process", station_.process_name).key("temperature_C");
    write(writer, store::temperature_source(station_, batch_.models, row.names), row);
    for (const store::MachineColumn& column : table_.columns)
      write(writer.key(column.name), store::source_of(column, station_, batch_.models, row.names), row);
    writer.end_object();
    return text;
  }

 private:
  void write(JsonWriter& writer, const std::optional<store::ColumnSource>& source, const Row& row) const {
    const auto number = source ? number_at(*source, row) : std::nullopt;
    if (!number) {
      writer.null();
    } else if (source->source == Source::flag) {
      writer.value(*number != 0);
    } else {
      writer.value(source->conversion != nullptr ? source->conversion->of(*number) : *number);
    }
  }

  [[nodiscard]] std::optional<double> number_at(const store::ColumnSource& source, const Row& row) const {
    if (source.source != Source::parameter) return row.properties.at(source.at);
    const auto& values = batch_.parameters[station_.index];
    return values ? values->at(source.at) : std::nullopt;
  }

  const plant::Station& station_;
  const plant::BatchRecord& batch_;
  const store::MachineTable table_;
};

// The newest rows of a batch, in order.
std::vector<std::string> newest_rows(store::Store& store, const compat::Machine& machine,
                                     const plant::BatchRecord& batch, std::size_t most) {
  const std::size_t station = machine.station->index;
  const std::size_t steps = batch.machines[station].steps;
  const auto from = static_cast<std::uint32_t>(steps > most ? steps - most : 0);
  const auto reader = store.telemetry(batch.index, station, from);
  const RowWriter writer(machine, batch);
  std::deque<Row> newest;  // a machine that is on has got on meanwhile
  for (auto rows = reader->next(kStepsAtOnce); !rows.empty(); rows = reader->next(kStepsAtOnce)) {
    std::ranges::move(rows, std::back_inserter(newest));
    while (newest.size() > most) newest.pop_front();
  }
  std::vector<std::string> texts;
  for (const Row& row : newest) texts.push_back(writer.text_of(row));
  return texts;
}

std::string tables_of(const compat::Names& names) {
  std::string text;
  for (const compat::Machine& machine : names.machines()) text += (text.empty() ? "" : ", ") + machine.table;
  return text;
}

Response no_rows(const std::string& why) { return json_response(200, Json{{"message", why}, {"data", Json::array()}}); }

}  // namespace

// Batch by batch, newest first, until there are enough.
Response Routes::compat_rows(const compat::Machine& machine) const {
  std::vector<std::string> rows;  // newest first
  std::optional<std::string> after;
  for (std::size_t seen = 0; seen < kMostBatches && rows.size() < kMostRows; seen += kBatchesAtOnce) {
    const auto page = find_batches(std::nullopt, false, kBatchesAtOnce, after);
    if (!page) break;  // the batch to go on behind has been forgotten
    for (const plant::BatchRecord& batch : page->batches) {
      if (batch.machines[machine.station->index].status == plant::MachineStatus::pending) continue;
      if (rows.size() == kMostRows) break;
      std::vector<std::string> some = newest_rows(*config_.store, machine, batch, kMostRows - rows.size());
      std::ranges::move(some.rbegin(), some.rend(), std::back_inserter(rows));
    }
    after = page->next;
    if (!after) break;
  }
  if (rows.empty()) return no_rows("There are no rows of " + machine.table + ": no batch has been in that machine yet");
  Response response;
  JsonWriter writer(response.body);
  writer.begin_object().key("data").begin_array();
  std::for_each(rows.rbegin(), rows.rend(), [&writer](const std::string& row) { writer.written(row); });
  writer.end_array().end_object();
  return response;
}

std::optional<Response> Routes::compat_table(const Call& call) {
  const compat::Machine* machine = names_.find_table(call.parts.at(0));
  if (machine == nullptr)
    return json_response(200, Json{{"error", "There is no such table, but " + tables_of(names_)}});
  if (config_.store == nullptr)
    return no_rows("There are no rows of " + machine->table +
                   ": steps of machines are kept in a database only, and there is none (--db)");
  return give_to(telemetry_clerk_, call.later, [this, machine] { return compat_rows(*machine); });
}

}  // namespace battery_twin::api
