#include "views.hpp"

#include <optional>
#include <string_view>

namespace battery_twin::store {
namespace {

using Source = MachineColumn::Source;

std::string converted(const std::string& value, const Conversion* conversion) {
  if (conversion == nullptr) return value;
  return "(" + value + ") " + conversion->operation + " " + std::string(conversion->operand);
}

std::string value_of(const std::optional<ColumnSource>& source, const plant::Station& station, std::string_view type) {
  if (!source) return "null::" + std::string(type);
  if (source->source == Source::parameter) {
    const process::FieldInfo& field = station.type->fields[source->at];
    return converted("(m.parameters ->> '" + std::string(field.name) + "')::float8", source->conversion);
  }
  // A number that is none is NaN there, which would spoil every average.
  const std::string number = "nullif(t.properties[" + std::to_string(source->at + 1) + "], 'NaN')";
  return source->source == Source::flag ? number + " <> 0" : converted(number, source->conversion);
}

}  // namespace

std::string view_of(const MachineTable& table, const plant::Station& station, std::span<const Series> series) {
  std::string sql;
  for (const Series& one : series) {
    if (!sql.empty()) sql += "\nunion all\n";
    sql += "select t.id, b.id as batch, 'On'::text as state, t.\"timestamp\", t.step::float8 as duration, '" +
           station.process_name + "'::text as process, " +
           value_of(temperature_source(station, one.models, one.names), station, "float8") + " as \"temperature_C\"";
    for (const MachineColumn& column : table.columns) {
      const std::string_view type = column.source == Source::flag ? "boolean" : "float8";
      sql += ", " + value_of(source_of(column, station, one.models, one.names), station, type) + " as \"" +
             std::string(column.name) + "\"";
    }
    sql +=
        " from battery_twin.telemetry t join battery_twin.batch b on b.number = t.batch left join "
        "battery_twin.machine m on m.batch = t.batch and m.station = '" +
        station.process_name + "' where t.series = " + std::to_string(one.id);
  }
  return sql;
}

}  // namespace battery_twin::store
