#include "machine_tables.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

namespace battery_twin::store {
namespace {

using enum MachineColumn::Source;

const std::vector<MachineTable>& all_tables() {
  static const std::vector<MachineTable> kTables{{"mixing",
                                                  {{"am_volume_L", property, "AM_volume", "L"},
                                                   {"ca_volume_L", property, "CA_volume", "L"},
                                                   {"pvdf_volume_L", property, "PVDF_volume", "L"},
                                                   {"solvent_volume_L", property, "H2O_volume", "L"},
                                                   {"viscosity_Pa_s", property, "viscosity", "Pa*s"},
                                                   {"density_kg_m3", property, "density", "kg/m3"},
                                                   {"yield_stress_Pa", property, "yield_stress", "Pa"},
                                                   {"total_volume_L", property, "total_volume", "L"},
                                                   {"am", parameter, "AM"},
                                                   {"ca", parameter, "CA"},
                                                   {"pvdf", parameter, "PVDF"},
                                                   {"solvent", parameter, "solvent"}}},
                                                 {"coating",
                                                  {{"temperature", nothing},
                                                   {"solid_content", property, "solid_content"},
                                                   {"viscosity_Pa_s", property, "viscosity", "Pa*s"},
                                                   {"wet_thickness_um", property, "wet_thickness", "um"},
                                                   {"dry_thickness_um", property, "dry_thickness", "um"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"coating_speed", parameter, "coating_speed"},
                                                   {"gap_height_um", parameter, "gap_height", "um"},
                                                   {"flow_rate", parameter, "flow_rate"},
                                                   {"coating_width_mm", parameter, "coating_width", "mm"}}},
                                                 {"drying",
                                                  {{"wet_thickness_um", property, "wet_thickness", "um"},
                                                   {"dry_thickness_um", property, "dry_thickness", "um"},
                                                   {"m_solvent", property, "M_solvent"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"solid_content", property, "solid_content"},
                                                   {"temperature", property, "temperature", "degC"},
                                                   {"web_speed", parameter, "web_speed"}}},
                                                 {"calendaring",
                                                  {{"final_thickness_um", property, "final_thickness", "um"},
                                                   {"porosity", property, "porosity"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"roll_gap_um", parameter, "roll_gap", "um"},
                                                   {"roll_pressure", parameter, "roll_pressure"},
                                                   {"temperature", parameter, "temperature", "degC"},
                                                   {"roll_speed", parameter, "roll_speed"},
                                                   {"dry_thickness_um", parameter, "dry_thickness", "um"},
                                                   {"initial_porosity", parameter, "initial_porosity"}}},
                                                 {"slitting",
                                                  {{"final_thickness_um", property, "final_thickness", "um"},
                                                   {"width_final_mm", property, "width_final", "mm"},
                                                   {"epsilon_width", property, "epsilon_width"},
                                                   {"burr_factor", property, "burr_factor"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"blade_sharpness", parameter, "blade_sharpness"},
                                                   {"slitting_speed", parameter, "slitting_speed"},
                                                   {"target_width_mm", parameter, "target_width", "mm"},
                                                   {"slitting_tension", parameter, "slitting_tension"}}},
                                                 {"inspection",
                                                  {{"final_width_mm", property, "final_width", "mm"},
                                                   {"final_thickness_um", property, "final_thickness", "um"},
                                                   {"epsilon_width", property, "epsilon_width"},
                                                   {"burr_factor", property, "burr_factor"},
                                                   {"porosity", property, "porosity"},
                                                   {"epsilon_thickness", property, "epsilon_thickness"},
                                                   {"d_detected", property, "D_detected"},
                                                   {"pass_width_mm", flag, "Pass_width"},
                                                   {"pass_thickness_um", flag, "Pass_thickness"},
                                                   {"pass_burr", flag, "Pass_burr"},
                                                   {"pass_surface", flag, "Pass_surface"},
                                                   {"overall", flag, "Overall"},
                                                   {"epsilon_width_max", parameter, "epsilon_width_max"},
                                                   {"epsilon_thickness_max", parameter, "epsilon_thickness_max"},
                                                   {"b_max", parameter, "B_max"},
                                                   {"d_surface_max", parameter, "D_surface_max"}}},
                                                 {"rewinding",
                                                  {{"final_thickness_um", property, "final_thickness", "um"},
                                                   {"porosity", property, "porosity"},
                                                   {"final_width_mm", property, "final_width", "mm"},
                                                   {"epsilon_width", property, "epsilon_width"},
                                                   {"wound_length_m", property, "wound_length", "m"},
                                                   {"roll_diameter_mm", property, "roll_diameter", "mm"},
                                                   {"web_tension", property, "web_tension"},
                                                   {"roll_hardness", property, "roll_hardness"},
                                                   {"rewinding_speed", parameter, "rewinding_speed"},
                                                   {"initial_tension", parameter, "initial_tension"},
                                                   {"tapering_steps", parameter, "tapering_steps"},
                                                   {"environment_humidity", parameter, "environment_humidity"}}},
                                                 {"electrolyte_filling",
                                                  {{"final_thickness_um", property, "final_thickness", "um"},
                                                   {"porosity", property, "porosity"},
                                                   {"final_width_mm", property, "final_width", "mm"},
                                                   {"epsilon_width", property, "epsilon_width"},
                                                   {"wound_length_m", property, "wound_length", "m"},
                                                   {"v_sep", property, "V_sep"},
                                                   {"v_elec", property, "V_elec"},
                                                   {"v_max", property, "V_max"},
                                                   {"eta_wetting", property, "eta_wetting"},
                                                   {"v_elec_filling", property, "V_elec_filling"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"vacuum_level", parameter, "vacuum_level"},
                                                   {"vacuum_filling", parameter, "vacuum_filling"},
                                                   {"soaking_time_s", parameter, "soaking_time", "s"}}},
                                                 {"formation_cycling",
                                                  {{"voltage_v", property, "Voltage_V", "V"},
                                                   {"capacity_Ah", property, "Capacity_Ah", "Ah"},
                                                   {"sei_efficiency", property, "sei_efficiency"},
                                                   {"eta_wetting", property, "Eta wetting"},
                                                   {"volume_electrolyte", property, "Volume_electrolyte"},
                                                   {"charge_current_A", parameter, "charge_current_A", "A"},
                                                   {"charge_voltage_limit_V", parameter, "charge_voltage_limit_V", "V"},
                                                   {"initial_voltage", parameter, "initial_voltage"},
                                                   {"formation_duration_s", parameter, "formation_duration_s", "s"}}},
                                                 {"aging",
                                                  {{"soc", property, "SOC"},
                                                   {"initial_soc", property, "Initial_SOC"},
                                                   {"final_ocv_v", property, "Final_OCV_V", "V"},
                                                   {"leakage_current_A", property, "Leakage_Current_A", "A"},
                                                   {"defect_risk", flag, "defect_risk"},
                                                   {"k_leak", parameter, "k_leak"},
                                                   {"temperature", parameter, "temperature", "degC"},
                                                   {"aging_time_days", parameter, "aging_time_days", "d"}}}};
  return kTables;
}

struct Conversion {
  std::string_view from, to, operation;
};
constexpr std::array kConversions{Conversion{"m", "um", " * 1e6"}, Conversion{"m", "mm", " * 1e3"},
                                  Conversion{"m3", "L", " * 1e3"}, Conversion{"K", "degC", " - 273.15"},
                                  Conversion{"g/cm3", "kg/m3", " * 1e3"}};

std::string converted(const std::string& value, std::string_view from, std::string_view to) {
  if (to.empty() || from == to) return value;
  for (const Conversion& conversion : kConversions) {
    if (conversion.from == from && conversion.to == to) return "(" + value + ")" + std::string(conversion.operation);
  }
  throw std::logic_error("nobody said how " + std::string(from) + " becomes " + std::string(to));
}

// A property in the rows of one series; empty where these do not have it.
std::string property_of(const plant::Station& station, const Series& series, std::string_view name,
                        std::string_view unit) {
  const auto outputs = station.type->model(series.models).outputs;
  const auto output = std::ranges::find(outputs, name, &process::Output::name);
  if (output == outputs.end()) return {};
  const auto place = std::ranges::find(series.names, output->name_on(station.line));
  if (place == series.names.end()) return {};
  const std::string at = std::to_string(place - series.names.begin() + 1);
  // A number that is none is NaN there, which would spoil every average.
  return converted("nullif(t.properties[" + at + "], 'NaN')", output->unit, unit);
}

std::string parameter_of(const plant::Station& station, std::string_view name, std::string_view unit) {
  const auto place = station.type->index_of(name);
  if (!place) return {};
  const process::FieldInfo& field = station.type->fields[*place];
  return converted("(m.parameters ->> '" + std::string(field.name) + "')::float8", field.unit, unit);
}

std::string value_of(const MachineColumn& column, const plant::Station& station, const Series& series) {
  switch (column.source) {
    case property:
      return property_of(station, series, column.of, column.unit);
    case flag: {
      const std::string number = property_of(station, series, column.of, {});
      return number.empty() ? number : number + " <> 0";
    }
    case parameter:
      return parameter_of(station, column.of, column.unit);
    case nothing:
      break;
  }
  return {};
}

// What the machine reached, or else what it was told to reach.
std::string temperature_of(const plant::Station& station, const Series& series) {
  const std::string reached = property_of(station, series, "temperature", "degC");
  return reached.empty() ? parameter_of(station, "temperature", "degC") : reached;
}

std::string or_null(const std::string& value, std::string_view type) {
  return value.empty() ? "null::" + std::string(type) : value;
}

}  // namespace

std::span<const MachineTable> machine_tables() { return all_tables(); }

MachineTable table_of(const process::MachineType& type) {
  const auto known = std::ranges::find(all_tables(), type.name, &MachineTable::machine);
  if (known != all_tables().end()) return *known;
  // What every table has.
  std::set<std::string_view> taken{"id", "batch", "state", "timestamp", "duration", "process", "temperature_C"};
  MachineTable table{.machine = type.name, .columns = {}};
  for (const process::ModelSet models : process::kModelSets) {
    for (const process::Output& output : type.model(models).outputs) {
      if (!taken.insert(output.name).second) continue;
      table.columns.push_back({output.name, output.kind == process::Kind::boolean ? flag : property, output.name});
    }
  }
  for (const process::FieldInfo& field : type.fields) {
    if (taken.insert(field.name).second) table.columns.push_back({field.name, parameter, field.name});
  }
  return table;
}

std::string table_name(const plant::Station& station) {
  return station.line == process::Line::cell ? std::string(station.type->name) : station.process_name;
}

std::string view_of(const MachineTable& table, const plant::Station& station, std::span<const Series> series) {
  std::string sql;
  for (const Series& one : series) {
    if (!sql.empty()) sql += "\nunion all\n";
    sql += "select t.id, b.id as batch, 'On'::text as state, t.\"timestamp\", t.step::float8 as duration, '" +
           station.process_name + "'::text as process, " + or_null(temperature_of(station, one), "float8") +
           " as \"temperature_C\"";
    for (const MachineColumn& column : table.columns) {
      const std::string_view type = column.source == flag ? "boolean" : "float8";
      sql += ", " + or_null(value_of(column, station, one), type) + " as \"" + std::string(column.name) + "\"";
    }
    sql +=
        " from battery_twin.telemetry t join battery_twin.batch b on b.number = t.batch left join "
        "battery_twin.machine m on m.batch = t.batch and m.station = '" +
        station.process_name + "' where t.series = " + std::to_string(one.id);
  }
  return sql;
}

}  // namespace battery_twin::store
