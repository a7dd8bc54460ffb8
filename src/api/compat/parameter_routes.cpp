#include <algorithm>
#include <charconv>
#include <cmath>

#include "../routes.hpp"
#include "envelope.hpp"
#include "status.hpp"

// Machines and their parameters, by the machines' names and by those of the front end's forms.

namespace battery_twin::api {
namespace {

using compat::Machine;
using compat::Parameter;

void add_sentence(std::string& text, std::string_view sentence) {
  if (!text.empty()) text += "; ";
  text += sentence;
}

// The hard range of a temperature, which our own messages give in kelvin.
std::string range_in_celsius(const process::FieldInfo& field) {
  std::string text = "Input should be a temperature in degrees Celsius";
  if (field.hard.at_least) text += ", at least " + process::to_text(compat::celsius(*field.hard.at_least));
  if (field.hard.at_most) text += ", at most " + process::to_text(compat::celsius(*field.hard.at_most));
  return text;
}

// What is wrong with parameters, in one text.
std::string sentences(const Errors& errors, const Machine& machine, bool by_label) {
  std::string text;
  for (const Json& error : errors.list()) {
    const Json& last = error.at("loc").back();
    const Parameter* parameter = machine.find_name(last.get_ref<const std::string&>());
    if (parameter == nullptr) {  // the group as a whole
      add_sentence(text, error.at("msg").get_ref<const std::string&>());
      continue;
    }
    const std::string name = by_label ? parameter->label : std::string(parameter->name);
    const std::string message = parameter->is_temperature() && error.contains("ctx")
                                    ? range_in_celsius(*parameter->field)
                                    : error.at("msg").get<std::string>();
    add_sentence(text, name + ": " + message);
  }
  return text;
}

// A number in a form: as such, or written.
std::optional<double> number_in(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  std::string_view text = value.get_ref<const std::string&>();
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  if (const auto last = text.find_last_not_of(kBlanks); last != std::string_view::npos) text = text.substr(0, last + 1);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// A field of the form that nobody has filled in.
bool is_empty(const Json& value) {
  if (value.is_null()) return true;
  return value.is_string() && value.get_ref<const std::string&>().find_first_not_of(" \t\r\n") == std::string::npos;
}

// A form of the front end: a stage, and values by label.
struct Form {
  const Machine* machine = nullptr;
  std::string stage;
  bool has_parameters = false;       // not null
  std::vector<std::string> ignored;  // labels that the stage does not have
  Json fields = Json::object();      // by this layer's names, in the plant's units
  std::string mistakes;              // a machine or values that cannot be read
  bool has_other_values = false;     // values that are no numbers are among those
};

bool has_stage(const Json& body) {
  const auto stage = body.find("stage");
  return stage != body.end() && !is_empty(*stage);
}

std::string stages_of(const compat::Names& names) {
  std::string text;
  for (const Machine& machine : names.machines()) text += (text.empty() ? "" : ", ") + machine.stage;
  return text;
}

Form read_form(const Json& body, const compat::Names& names) {
  Form form;
  if (has_stage(body) && body.at("stage").is_string()) form.stage = body.at("stage");
  form.machine = names.find_stage(form.stage);
  if (form.machine == nullptr) {
    form.mistakes = (has_stage(body) ? "stage: there is no such one, but " : "stage: Field required, one of ");
    form.mistakes += stages_of(names);
    return form;
  }
  const Json parameters = body.value("parameters", Json::object());
  form.has_parameters = !parameters.is_null() && body.contains("parameters");
  if (parameters.is_null()) return form;
  if (!parameters.is_object()) {
    form.mistakes = "parameters: Input should be an object";
    return form;
  }
  for (const auto& [label, value] : parameters.items()) {
    const Parameter* parameter = form.machine->find_label(label);
    if (parameter == nullptr) form.ignored.push_back(label);
    if (parameter == nullptr || is_empty(value)) continue;
    if (const auto number = number_in(value)) {
      form.fields[std::string(parameter->name)] = parameter->to_plant(*number);
    } else {
      add_sentence(form.mistakes, parameter->label + ": Input should be a number");
      form.has_other_values = true;
    }
  }
  return form;
}

// The first of what a client has sent, as far as it is short enough to be told back.
std::string some_of(const std::vector<std::string>& labels) {
  constexpr std::size_t kMost = 10;
  constexpr std::size_t kLongest = 64;  // bytes
  std::string text;
  std::size_t told = 0;
  for (const std::string& label : labels) {
    if (told == kMost || label.size() > kLongest) continue;
    text += (text.empty() ? "" : ", ") + label;
    ++told;
  }
  if (told == 0) return std::to_string(labels.size()) + " long ones";
  return told == labels.size() ? text : text + " and " + std::to_string(labels.size() - told) + " more";
}

std::string labels_of(const Machine& machine) {
  std::string text;
  for (const Parameter& parameter : machine.parameters) text += (text.empty() ? "" : ", ") + parameter.label;
  return text;
}

// Kelvin where degrees Celsius are wanted: no machine is as hot as that.
std::string about_kelvin(const Json& fields, const Machine& machine, bool by_label) {
  constexpr double kHot = 200;  // °C
  std::string text;
  for (const Parameter& parameter : machine.parameters) {
    const auto field = fields.find(parameter.name);
    if (!parameter.is_temperature() || field == fields.end() || !field->is_number()) continue;
    const double celsius = parameter.from_plant(field->get<double>());
    if (celsius <= kHot) continue;
    text += ". " + (by_label ? parameter.label : std::string(parameter.name)) + " " + process::to_text(celsius) +
            " was taken as degrees Celsius: is it kelvin?";
  }
  return text;
}

// What was done with a form, and what was not.
std::string outcome_of(const Form& form, std::string_view done, std::string_view nothing_done) {
  const std::string has = "; " + form.stage + " has " + labels_of(*form.machine);
  if (!form.has_parameters) return std::string(nothing_done) + ": there are no parameters" + has;
  std::string text(done);
  if (form.fields.empty()) text = std::string(nothing_done) + (form.ignored.empty() ? ": no value is given" : "");
  if (!form.ignored.empty()) text += "; ignored, there are no such labels: " + some_of(form.ignored) + has;
  return text + about_kelvin(form.fields, *form.machine, true);
}

struct Merged {
  process::Values values;
  std::vector<std::string> warnings;
  std::string mistakes;
};

// What the plant says of fields by this layer's names, over what the machine is set to.
Merged merge(const Json& fields, const Machine& machine, process::Values current, const Limits& limits, bool by_label) {
  Merged merged{.values = std::move(current), .warnings = {}, .mistakes = {}};
  if (fields.empty()) return merged;
  Errors errors;
  GroupReader(*machine.station, limits, errors, merged.warnings).merge(fields, Json::array({"body"}), merged.values);
  merged.mistakes = sentences(errors, machine, by_label);
  return merged;
}

Json place_of(const Machine& machine) {
  return {{"line_type", to_string(machine.station->line)}, {"machine_id", machine.station->type->name}};
}

Response no_such_machine(const Call& call) {
  return compat::refusal("There is no such machine", "MACHINE_NOT_FOUND",
                         {{"line_type", call.parts.at(0)}, {"machine_id", call.parts.at(1)}});
}

// Fields that are missing, unknown or no numbers.
std::string type_mistakes(const Json& body, const Machine& machine) {
  std::string mistakes;
  bool has_unknown = false;
  for (const auto& [name, value] : body.items()) {
    const Parameter* parameter = machine.find_name(name);
    if (parameter == nullptr) {
      has_unknown = true;
    } else if (!value.is_number() && !(value.is_null() && parameter->field->optional)) {
      add_sentence(mistakes, std::string(name) + ": Input should be a number");
    }
  }
  if (has_unknown) {
    std::string known;
    for (const Parameter& parameter : machine.parameters)
      known += (known.empty() ? "" : ", ") + std::string(parameter.name);
    add_sentence(mistakes, "there are unknown fields, the machine has " + known);
  }
  for (const Parameter& parameter : machine.parameters) {
    if (!parameter.may_be_absent && !body.contains(parameter.name))
      add_sentence(mistakes, std::string(parameter.name) + ": Field required");
  }
  return mistakes;
}

Json in_units_of_plant(Json fields, const Machine& machine) {
  for (const Parameter& parameter : machine.parameters) {
    const auto field = fields.find(parameter.name);
    if (field != fields.end() && field->is_number()) *field = parameter.to_plant(field->get<double>());
  }
  return fields;
}

}  // namespace

std::optional<Response> Routes::compat_machine_status(const Call& call) {
  const auto found = station(call);
  if (!std::holds_alternative<const plant::Station*>(found)) return no_such_machine(call);
  const plant::Station& station = *std::get<const plant::Station*>(found);
  Response response;
  JsonWriter writer(response.body);
  writer.begin_object().member("success", true).member("message", "Status of " + station.process_name);
  writer.member("line_type", to_string(station.line)).member("machine_id", station.type->name);
  writer.key("data").written(compat_machine_text(station)).end_object();
  return response;
}

std::optional<Response> Routes::compat_machine_parameters(const Call& call) {
  auto read = compat::read_object(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  const auto found = station(call);
  if (!std::holds_alternative<const plant::Station*>(found)) return no_such_machine(call);
  const plant::Station& station = *std::get<const plant::Station*>(found);
  const Machine& machine = names_.of(station);
  if (const std::string mistakes = type_mistakes(body, machine); !mistakes.empty())
    return compat::refusal(mistakes, "MACHINE_PARAMETER_TYPE_ERROR", place_of(machine));
  const Json fields = in_units_of_plant(body, machine);
  Merged merged = merge(fields, machine, plant_.parameters(station), config_.limits, false);
  if (!merged.mistakes.empty())
    return compat::refusal(merged.mistakes, "MACHINE_PARAMETER_VALIDATION_ERROR", place_of(machine));
  plant_.set_parameters(station, std::move(merged.values), std::move(merged.warnings));
  return once_kept(call.later, compat::success("Parameters of " + station.process_name + " were updated" +
                                                   about_kelvin(fields, machine, false),
                                               place_of(machine)));
}

std::optional<Response> Routes::compat_validate(const Call& call) {
  auto read = compat::read_object(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Form form = read_form(std::get<Json>(read), names_);
  std::string mistakes = form.mistakes;
  if (mistakes.empty())
    mistakes =
        merge(form.fields, *form.machine, plant_.parameters(*form.machine->station), config_.limits, true).mistakes;
  if (!mistakes.empty()) {
    return json_response(
        200, compat::problem("The parameters are not valid: " + mistakes, "VALIDATION_FAILED", {{"errors", mistakes}}));
  }
  Json data{{"valid", true}};
  data.update(place_of(*form.machine));
  return compat::success(outcome_of(form, "The parameters are valid", "Nothing was checked"),
                         {{"data", std::move(data)}});
}

std::optional<Response> Routes::compat_update(const Call& call) {
  auto read = compat::read_object(call);
  if (auto* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const Json& body = std::get<Json>(read);
  if (!has_stage(body)) return compat::refusal("A stage is required, one of " + stages_of(names_), "MISSING_STAGE");
  const Form form = read_form(body, names_);
  if (form.has_other_values) return compat::refusal(form.mistakes, "PARAMETER_VALUE_ERROR");
  std::string mistakes = form.mistakes;
  Merged merged;
  if (mistakes.empty()) {
    merged = merge(form.fields, *form.machine, plant_.parameters(*form.machine->station), config_.limits, true);
    mistakes = merged.mistakes;
  }
  if (!mistakes.empty()) {
    return compat::refusal("The parameters are not valid: " + mistakes, "VALIDATION_FAILED", {{"errors", mistakes}});
  }
  const plant::Station& station = *form.machine->station;
  Json data{{"stage", form.stage}};
  data.update(place_of(*form.machine));
  data["updated_parameters"] = Json::array();
  for (const auto& [name, value] : form.fields.items()) data["updated_parameters"].push_back(name);
  Response response =
      compat::success(outcome_of(form, "Parameters of " + form.stage + " were updated", "Nothing was updated"),
                      {{"data", std::move(data)}});
  if (form.fields.empty()) return response;
  plant_.set_parameters(station, std::move(merged.values), std::move(merged.warnings));
  return once_kept(call.later, std::move(response));
}

std::optional<Response> Routes::compat_current(const Call& call) {
  const Machine* machine = names_.find_stage(call.parts.at(0));
  if (machine == nullptr) return compat::refusal("There is no such stage, but " + stages_of(names_), "INVALID_STAGE");
  const plant::Station& station = *machine->station;
  Response response;
  JsonWriter writer(response.body);
  writer.begin_object().member("success", true).member("message", "Parameters of " + machine->stage);
  writer.key("data").begin_object().member("stage", machine->stage);
  writer.member("line_type", to_string(station.line)).member("machine_id", station.type->name);
  compat::write_parameters(writer.key("parameters"), *machine, plant_.parameters(station));
  writer.key("status").written(compat_machine_text(station)).end_object().end_object();
  return response;
}

}  // namespace battery_twin::api
