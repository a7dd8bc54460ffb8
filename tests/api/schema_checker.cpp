#include "schema_checker.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>
#include <set>
#include <stdexcept>

namespace battery_twin::json_schema {
namespace {

using Json = SchemaChecker::Json;

bool is_whole(const Json& value) {
  return value.is_number_integer() || (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
}

bool is_of(const std::string& type, const Json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "integer") return is_whole(value);
  throw std::logic_error("unknown type " + type);
}

bool is_of_any(const Json& types, const Json& value) {
  if (types.is_string()) return is_of(types, value);
  return std::ranges::any_of(types, [&](const Json& type) { return is_of(type, value); });
}

bool contains(const Json& list, const Json& value) { return std::ranges::find(list, value) != list.end(); }

// Says something to people only.
bool is_annotation(const std::string& keyword) {
  static const std::set<std::string> kNames{"title", "description", "default", "format", "discriminator", "examples"};
  return kNames.contains(keyword) || keyword.starts_with("x-");
}

bool is_one_of(const std::string& keyword, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, keyword) != names.end();
}

void collect(const Json& node, std::vector<std::string>& found) {
  if (node.is_object() && node.contains("$ref")) found.push_back(node.at("$ref"));
  if (!node.is_structured()) return;
  for (const Json& child : node) collect(child, found);
}

}  // namespace

std::vector<std::string> references_in(const Json& document) {
  std::vector<std::string> found;
  collect(document, found);
  return found;
}

const Json& SchemaChecker::at(std::string_view reference) const {
  if (!reference.starts_with("#/")) throw std::logic_error("not in this document: " + std::string(reference));
  return document_.at(Json::json_pointer(std::string(reference.substr(1))));
}

std::string SchemaChecker::problem_at(std::string_view reference, const Json& value) const {
  return problem(at(reference), value);
}

std::string SchemaChecker::problem(const Json& schema, const Json& value, const std::string& where) const {
  std::string found;
  for (const auto& [keyword, rule] : schema.items()) {
    if (is_annotation(keyword)) continue;
    if (keyword == "$ref") {
      found = problem(at(rule.get<std::string>()), value, where);
    } else if (keyword == "type") {
      if (!is_of_any(rule, value)) found = "should be " + rule.dump();
    } else if (keyword == "const") {
      if (value != rule) found = "should be " + rule.dump();
    } else if (keyword == "enum") {
      if (!contains(rule, value)) found = "should be one of " + rule.dump();
    } else if (keyword == "oneOf" || keyword == "anyOf") {
      found = choice_problem(rule, value, where, keyword == "oneOf");
    } else if (is_one_of(keyword, {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"})) {
      found = number_problem(keyword, rule, value);
    } else if (is_one_of(keyword, {"pattern", "minLength", "maxLength"})) {
      found = text_problem(keyword, rule, value);
    } else if (is_one_of(keyword, {"items", "maxItems"})) {
      found = list_problem(keyword, rule, value, where);
    } else if (!is_one_of(keyword, {"properties", "required", "additionalProperties"})) {
      throw std::logic_error("unknown keyword " + keyword);
    }
    if (!found.empty()) return found.starts_with("at ") ? found : "at '" + where + "': " + value.dump() + " " + found;
  }
  return value.is_object() ? object_problem(schema, value, where) : "";
}

std::string SchemaChecker::number_problem(const std::string& keyword, const Json& rule, const Json& value) const {
  if (!value.is_number()) return {};
  const auto number = value.get<double>();
  const auto limit = rule.get<double>();
  const bool holds = keyword == "minimum"            ? number >= limit
                     : keyword == "exclusiveMinimum" ? number > limit
                     : keyword == "maximum"          ? number <= limit
                                                     : number < limit;
  return holds ? "" : "is against " + keyword + " " + rule.dump();
}

std::string SchemaChecker::text_problem(const std::string& keyword, const Json& rule, const Json& value) const {
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  const bool holds = keyword == "pattern"     ? std::regex_search(text, std::regex(rule.get<std::string>()))
                     : keyword == "minLength" ? text.size() >= rule.get<std::size_t>()
                                              : text.size() <= rule.get<std::size_t>();
  return holds ? "" : "is against " + keyword + " " + rule.dump();
}

std::string SchemaChecker::list_problem(const std::string& keyword, const Json& rule, const Json& value,
                                        const std::string& where) const {
  if (!value.is_array()) return {};
  if (keyword == "maxItems") return value.size() <= rule.get<std::size_t>() ? "" : "is too long";
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (auto found = problem(rule, value[i], where + "/" + std::to_string(i)); !found.empty()) return found;
  }
  return {};
}

std::string SchemaChecker::object_problem(const Json& schema, const Json& value, const std::string& where) const {
  static const Json kNone = Json::object();
  const Json& properties = schema.contains("properties") ? schema.at("properties") : kNone;
  if (schema.contains("required")) {
    for (const Json& name : schema.at("required")) {
      if (!value.contains(name.get<std::string>())) return "at '" + where + "': " + name.dump() + " is missing";
    }
  }
  const bool says = schema.contains("additionalProperties");
  const Json& rule = says ? schema.at("additionalProperties") : kNone;
  const bool is_closed = says ? rule == false : reading_ == Reading::closed && schema.value("type", Json()) == "object";
  for (const auto& [name, member] : value.items()) {
    std::string found;
    if (properties.contains(name)) {
      found = problem(properties.at(name), member, where + "/" + name);
    } else if (is_closed) {
      found = "at '" + where + "': " + name + " is not in the schema";
    } else if (says && rule.is_object()) {
      found = problem(rule, member, where + "/" + name);
    }
    if (!found.empty()) return found;
  }
  return {};
}

std::string SchemaChecker::choice_problem(const Json& schemas, const Json& value, const std::string& where,
                                          bool only_one) const {
  std::size_t fitting = 0;
  std::string first;
  for (const Json& schema : schemas) {
    const std::string found = problem(schema, value, where);
    if (found.empty())
      ++fitting;
    else if (first.empty())
      first = found;
  }
  if (fitting == 0) return "fits none of " + std::to_string(schemas.size()) + ", the first for: " + first;
  return only_one && fitting > 1 ? "fits more than one" : "";
}

}  // namespace battery_twin::json_schema
