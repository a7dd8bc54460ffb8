#include "battery_twin/store/machine_tables.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

constexpr std::array kConversions{Conversion{"m", "um", '*', "1e6"}, Conversion{"m", "mm", '*', "1e3"},
                                  Conversion{"m3", "L", '*', "1e3"}, Conversion{"K", "degC", '-', "273.15"},
                                  Conversion{"g/cm3", "kg/m3", '*', "1e3"}};

const Conversion* conversion(std::string_view from, std::string_view to) {
  if (to.empty() || from == to) return nullptr;
  for (const Conversion& one : kConversions) {
    if (one.from == from && one.to == to) return &one;
  }
  throw std::logic_error("nobody said how " + std::string(from) + " becomes " + std::string(to));
}

std::optional<ColumnSource> source_of_property(const MachineColumn& column, const plant::Station& station,
                                               process::ModelSet models, std::span<const std::string> names) {
  const auto outputs = station.type->model(models).outputs;
  const auto output = std::ranges::find(outputs, column.of, &process::Output::name);
  if (output == outputs.end()) return std::nullopt;
  const auto place = std::ranges::find(names, output->name_on(station.line));
  if (place == names.end()) return std::nullopt;
  return ColumnSource{column.source, static_cast<std::size_t>(place - names.begin()),
                      column.source == flag ? nullptr : conversion(output->unit, column.unit)};
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

double Conversion::of(double value) const {
  double number = 0;
  std::from_chars(operand.data(), operand.data() + operand.size(), number);
  return operation == '*' ? value * number : value - number;
}

std::optional<ColumnSource> source_of(const MachineColumn& column, const plant::Station& station,
                                      process::ModelSet models, std::span<const std::string> names) {
  switch (column.source) {
    case property:
    case flag:
      return source_of_property(column, station, models, names);
    case parameter:
      if (const auto place = station.type->index_of(column.of))
        return ColumnSource{parameter, *place, conversion(station.type->fields[*place].unit, column.unit)};
      break;
    case nothing:
      break;
  }
  return std::nullopt;
}

std::optional<ColumnSource> temperature_source(const plant::Station& station, process::ModelSet models,
                                               std::span<const std::string> names) {
  constexpr std::string_view kName = "temperature_C";
  const auto reached = source_of({kName, property, "temperature", "degC"}, station, models, names);
  return reached ? reached : source_of({kName, parameter, "temperature", "degC"}, station, models, names);
}

}  // namespace battery_twin::store
