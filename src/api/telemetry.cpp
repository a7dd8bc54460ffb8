#include "telemetry.hpp"

#include "battery_twin/api/json_writer.hpp"
#include "time_text.hpp"

namespace battery_twin::api {
namespace {

constexpr std::size_t kRowsAtOnce = 500;

// As a status shows it: what is true or false is no number. What an older version kept and this one does not know is
// one.
process::Kind kind_of(const plant::Station& station, std::string_view property) {
  for (const process::ModelSet models : process::kModelSets) {
    for (const process::Output& output : station.type->model(models).outputs) {
      if (output.name_on(station.line) == property) return output.kind;
    }
  }
  return process::Kind::number;
}

void write_value(JsonWriter& writer, process::Kind kind, double value) {
  switch (kind) {
    case process::Kind::number:
      writer.value(value);
      return;
    case process::Kind::integer:
      writer.value(static_cast<std::int64_t>(value));
      return;
    case process::Kind::boolean:
      writer.value(value != 0);
      return;
  }
}

class TelemetrySource final : public BodySource, public std::enable_shared_from_this<TelemetrySource> {
 public:
  TelemetrySource(std::unique_ptr<store::TelemetryReader> reader, std::string batch_id, TelemetryFormat format,
                  const plant::Layout& layout, Clerk& clerk)
      : reader_(std::move(reader)), batch_id_(std::move(batch_id)), format_(format), layout_(layout), clerk_(clerk) {}

  void next(std::function<void(Piece)> done) override {
    clerk_.go_on([self = shared_from_this(), done = std::move(done)] {
      Piece piece;
      try {
        piece = self->piece();
      } catch (const std::exception&) {  // no memory, no disk: it ends without an end
        piece = std::nullopt;
      }
      done(std::move(piece));
    });
  }

 private:
  std::string piece() {
    if (ended_) return {};
    std::string text;
    if (!begun_ && format_ == TelemetryFormat::json) {
      JsonWriter writer(text);
      writer.begin_object().member("batch_id", batch_id_).key("telemetry").begin_array();
    }
    const auto rows = reader_->next(kRowsAtOnce);
    if (!begun_ && format_ != TelemetryFormat::json) text += csv_head(rows);
    for (const store::TelemetryReader::Row& row : rows) write(text, row);
    ended_ = rows.empty();
    if (ended_ && format_ == TelemetryFormat::json) text += "]}";
    begun_ = true;
    return text;
  }

  std::string csv_head(const std::vector<store::TelemetryReader::Row>& rows) const {
    if (format_ == TelemetryFormat::tidy) return "machine,step,timestamp,property,value\n";
    std::string head = "machine,step,timestamp";
    if (!rows.empty()) {
      for (const std::string& name : rows.front().names) head += "," + name;
    }
    return head + "\n";
  }

  void write(std::string& text, const store::TelemetryReader::Row& row) {
    const plant::Station& station = layout_.stations()[row.station];
    const std::string& machine = station.process_name;
    if (row.names.data() != names_) {
      names_ = row.names.data();
      kinds_.clear();
      for (const std::string& name : row.names) kinds_.push_back(kind_of(station, name));
    }
    if (format_ == TelemetryFormat::json) return write_json(text, row, machine);
    const auto begin_line = [&] {
      text.append(machine).append(",").append(std::to_string(row.step)).append(",");
      text.append(TimeText(row.time).view());
    };
    if (format_ == TelemetryFormat::wide) begin_line();
    for (std::size_t i = 0; i < row.properties.size() && i < row.names.size(); ++i) {
      if (format_ == TelemetryFormat::tidy) {
        begin_line();
        text.append(",").append(row.names[i]);
      }
      text += ',';
      JsonWriter value(text);  // CSV has them as JSON does; names of machines and properties need no quotes
      write_value(value, kinds_[i], row.properties[i]);
      if (format_ == TelemetryFormat::tidy) text += '\n';
    }
    if (format_ == TelemetryFormat::wide) text += '\n';
  }

  void write_json(std::string& text, const store::TelemetryReader::Row& row, const std::string& machine) {
    if (!first_row_) text += ',';
    first_row_ = false;
    JsonWriter writer(text);
    writer.begin_object().member("machine", machine).member("step", row.step);
    writer.member("timestamp", TimeText(row.time).view()).key("properties").begin_object();
    for (std::size_t i = 0; i < row.properties.size() && i < row.names.size(); ++i)
      write_value(writer.key(row.names[i]), kinds_[i], row.properties[i]);
    writer.end_object().end_object();
  }

  std::unique_ptr<store::TelemetryReader> reader_;
  std::string batch_id_;
  TelemetryFormat format_;
  const plant::Layout& layout_;
  Clerk& clerk_;
  const std::string* names_ = nullptr;  // that the kinds belong to
  std::vector<process::Kind> kinds_;
  bool begun_ = false;
  bool first_row_ = true;
  bool ended_ = false;
};

}  // namespace

std::shared_ptr<BodySource> telemetry_source(std::unique_ptr<store::TelemetryReader> reader, std::string batch_id,
                                             TelemetryFormat format, const plant::Layout& layout, Clerk& clerk) {
  return std::make_shared<TelemetrySource>(std::move(reader), std::move(batch_id), format, layout, clerk);
}

}  // namespace battery_twin::api
