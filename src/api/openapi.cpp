#include "openapi.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "routes.hpp"
#include "schema.hpp"

namespace battery_twin::api {
namespace {

constexpr std::string_view kRoutesDescription =
    "A digital twin of a lithium-ion cell plant: machines in three lines. Units are SI; each number's unit stands in "
    "brackets and in `x-unit`, the range beyond which a value is accepted with a warning in `x-usual`; a parameter's "
    "`x-description` is its description by itself, `x-hint` what to know of its unit.\n\n"
    "Defaults are what a machine is set to at first: a field that is not given stays as the machine is set. What a "
    "schema cannot say stands in its description. A key that is given twice in an object is 400.\n\n"
    "Every GET route answers HEAD, every path OPTIONS (204, `Allow`). Another method is 405 with `Allow`, an unknown "
    "path 404, `/path/` 307 to `/path`. Unknown query parameters are ignored. Events come over the WebSocket "
    "`/ws/status`, see `/asyncapi.json`; plain GET there is 426.\n\n"
    "Who runs the server may ask for access tokens (--token-file). A read-only one is good for what changes nothing, "
    "the operations with the role `operator` need an operator's. Without any, everything is open.";

constexpr std::string_view kToken = "token";  // as the document calls it
constexpr std::string_view kOperator = "operator";

struct Tag {
  std::string_view name, description;
};
constexpr std::string_view kCompat = "compat";
constexpr std::array<Tag, 7> kTags{{
    {"simulation", "One batch at a time"},
    {"factory", "Queue, pacing and log of the whole plant"},
    {"machines", "One machine of a line"},
    {"batches", "What became of each batch"},
    {"health", "For monitoring and orchestrators"},
    {"documents", "The server about itself"},
    {kCompat,
     "For clients of the Python server, as they are: its front end's routes, with its shapes, names and errors. "
     "Temperatures are in degrees Celsius here, mixing ratios are flat. --no-compat leaves them out. New clients use "
     "the others."},
}};

// What any route may answer. A route's own answer of the same status stands beside it.
struct Common {
  int status;
  std::string_view name;
  std::string_view description;
  std::string_view schema = "Error";
  enum class Of : std::uint8_t { all, changes, closed } of = Of::all;
};
constexpr auto kCommon = std::to_array<Common>({
    {400, "BadRequest", "What was sent is wrong: body, query, or the request itself", "BadRequest"},
    {401, "NoToken", "The server asks for an access token, and none that it knows was shown", "Error",
     Common::Of::closed},
    {403, "MayNotChange", "A browser page of a foreign origin may change nothing, nor may who has a read-only token",
     "Error", Common::Of::changes},
    {408, "RequestTimeout", "The request did not arrive in time"},
    {413, "BodyTooLarge", "The body is larger than allowed"},
    {414, "LineTooLong", "The request line is longer than allowed"},
    {415, "NotJson", "There is a body that is not declared as JSON, or it has a Content-Encoding"},
    {421, "UnknownHost", "The server does not serve that Host"},
    {431, "HeaderTooLarge", "The header is larger than allowed"},
    {500, "InternalError", "A fault of the server", "InternalError"},
    {501, "UnknownEncoding", "A Transfer-Encoding that is not supported"},
    {503, "Unavailable", "The server stops or has too much to do"},
    {505, "UnknownVersion", "An HTTP version that is not supported"},
});

struct PathPart {
  std::string_view name, description;
};
constexpr std::array<PathPart, 6> kPathParts{{
    {"line_type", "Line"},
    {"machine_id", "Machine of that line"},
    {"id", "Id of a batch"},
    {"name", "Name that a page has it by"},
    {"stage", "Machine as the front end calls it"},
    {"table", "Machine as the front end calls its table"},
}};

Json path_parameter(std::string_view name, const plant::Layout& layout) {
  const auto known = std::ranges::find(kPathParts, name, &PathPart::name);
  if (known == kPathParts.end()) throw std::logic_error("nothing is known of {" + std::string(name) + "} in a path");
  Json schema{{"type", "string"}};
  if (name == "line_type") {
    for (const process::Line line : process::kLines) schema["enum"].push_back(to_string(line));
  } else if (name == "machine_id") {
    std::set<std::string_view> seen;
    for (const plant::Station& station : layout.stations())
      if (seen.insert(station.type->name).second) schema["enum"].push_back(station.type->name);
  } else if (name == "id") {
    schema["pattern"] = kIdPattern;
  } else if (name == "stage") {
    const compat::Names names(layout);
    for (const compat::Machine& machine : names.machines()) schema["enum"].push_back(machine.stage);
  } else if (name == "table") {
    const compat::Names names(layout);
    for (const compat::Machine& machine : names.machines()) schema["enum"].push_back(machine.table);
  }
  return {{"name", name},
          {"in", "path"},
          {"required", true},
          {"description", known->description},
          {"schema", std::move(schema)}};
}

Json parameters_of(const Route& route, const plant::Layout& layout) {
  Json parameters = Json::array();
  std::string_view rest = route.pattern;
  for (auto brace = rest.find('{'); brace != std::string_view::npos; brace = rest.find('{')) {
    rest.remove_prefix(brace + 1);
    parameters.push_back(path_parameter(rest.substr(0, rest.find('}')), layout));
  }
  for (const QueryField& field : route.query) {
    if (field.kind == QueryField::Kind::none) break;
    parameters.push_back({{"name", field.name},
                          {"in", "query"},
                          {"description", field.description},
                          {"schema", query_schema(field, layout)}});
  }
  return parameters;
}

Json json_content(Json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

Json error_content(Json schema) {
  Json content = json_content(std::move(schema));
  content["application/problem+json"] = {{"schema", reference_to("Problem")}};
  return content;
}

Json headers_of(int status) {
  const auto header = [](std::string_view name) { return Json{{"$ref", "#/components/headers/" + std::string(name)}}; };
  Json headers{{"X-Request-ID", header("RequestId")}};
  if (status == 401) headers["WWW-Authenticate"] = header("Challenge");
  if (status == 503) headers["Retry-After"] = header("RetryAfter");
  return headers;
}

Json answer_of(const Answer& answer) {
  Json response{{"description", answer.description}, {"headers", headers_of(answer.status)}};
  if (answer.status == 304) return response;
  Json& content = response["content"];
  if (answer.schema.empty() && !answer.text.empty()) {
    content = Json::object();
  } else if (answer.schema.empty()) {
    content = error_content(reference_to("Error"));
  } else if (answer.status < 400) {
    content = json_content(reference_to(answer.schema));
  } else {
    content = error_content({{"anyOf", {reference_to(answer.schema), reference_to("Error")}}});
  }
  if (!answer.text.empty()) content[std::string(answer.text)] = {{"schema", {{"type", "string"}}}};
  return response;
}

Json answers_of(const Route& route) {
  std::map<int, Json> by_status;
  for (const Common& common : kCommon) {
    if (common.of == Common::Of::changes && route.method == "GET") continue;
    if (common.of == Common::Of::closed && access_of(route) == Access::everybody) continue;
    by_status[common.status] = {{"$ref", "#/components/responses/" + std::string(common.name)}};
  }
  for (const Answer& answer : route.says.answers)
    if (answer.status != 0) by_status[answer.status] = answer_of(answer);
  Json answers = Json::object();
  for (auto& [status, answer] : by_status) answers[std::to_string(status)] = std::move(answer);
  return answers;
}

Json body_of(const Route& route) {
  Json content{{"schema", reference_to(route.body)}};
  for (const Example& example : route.says.examples) {
    if (example.name.empty()) break;
    content["examples"][std::string(example.name)] = {{"summary", example.summary},
                                                      {"value", Json::parse(example.body)}};
  }
  return {{"required", !route.may_lack_body}, {"content", {{"application/json", std::move(content)}}}};
}

// Nothing, or a token where the server asks for one.
Json security_of(Access access) {
  if (access == Access::everybody) return Json::array();
  Json roles = Json::array();
  if (access == Access::changing) roles.push_back(kOperator);
  return Json::array({Json::object(), Json{{kToken, std::move(roles)}}});
}

Json operation_of(const Route& route, const plant::Layout& layout) {
  const Documentation& says = route.says;
  Json operation{{"operationId", says.operation}, {"tags", Json::array({says.tag})}, {"summary", says.summary}};
  if (!says.description.empty()) operation["description"] = says.description;
  if (Json parameters = parameters_of(route, layout); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) operation["requestBody"] = body_of(route);
  operation["responses"] = answers_of(route);
  if (const Access access = access_of(route); access != Access::reading) operation["security"] = security_of(access);
  return operation;
}

Json components_of(const plant::Layout& layout, const Limits& limits, bool with_compat) {
  Json schemas = Json::object();
  add_request_schemas(schemas, layout, limits);
  add_answer_schemas(schemas, layout, limits);
  add_shared_schemas(schemas, layout);
  schemas["BadRequest"] = {{"oneOf", {reference_to("InvalidInput"), reference_to("Error")}}};
  if (with_compat) add_compat_schemas(schemas, layout, limits);
  Json responses = Json::object();
  for (const Common& common : kCommon) {
    responses[std::string(common.name)] = {{"description", common.description},
                                           {"headers", headers_of(common.status)},
                                           {"content", error_content(reference_to(common.schema))}};
  }
  Json headers{{"RequestId",
                {{"description", "The client's own where it is short and plain, else a new one"},
                 {"schema", {{"type", "string"}}}}},
               {"Challenge",
                {{"description", "RFC 6750; with `error` where a token was shown"}, {"schema", {{"type", "string"}}}}},
               {"RetryAfter", {{"description", "Seconds, where it is worth it"}, {"schema", {{"type", "integer"}}}}}};
  Json tokens{
      {"type", "http"}, {"scheme", "bearer"}, {"description", "An access token of the server's (--token-file)"}};
  return {{"schemas", std::move(schemas)},
          {"responses", std::move(responses)},
          {"headers", std::move(headers)},
          {"securitySchemes", {{kToken, std::move(tokens)}}}};
}

}  // namespace

Json query_schema(const QueryField& field, const plant::Layout& layout) {
  using Kind = QueryField::Kind;
  Json schema{{"type", "string"}};
  switch (field.kind) {
    case Kind::none:
    case Kind::text:
      break;
    case Kind::integer:
      schema = {{"type", "integer"}, {"minimum", field.low}};
      if (field.high != std::numeric_limits<std::uint64_t>::max()) schema["maximum"] = field.high;
      if (!field.fallback.empty()) schema["default"] = Json::parse(field.fallback);
      return schema;
    case Kind::flag:
      schema["enum"] = {"1", "true", "0", "false"};
      break;
    case Kind::choice:
      for (const std::string_view choice : field.choices)
        if (!choice.empty()) schema["enum"].push_back(choice);
      break;
    case Kind::process:
    case Kind::machine:
      for (const plant::Station& station : layout.stations()) schema["enum"].push_back(station.process_name);
      if (field.kind == Kind::process) break;
      std::set<std::string_view> types;
      for (const plant::Station& station : layout.stations())
        if (types.insert(station.type->name).second) schema["enum"].push_back(station.type->name);
      break;
  }
  if (!field.fallback.empty()) schema["default"] = field.fallback;
  return schema;
}

Json openapi_document(const plant::Layout& layout, const Limits& limits, std::string_view version,
                      std::string_view server, bool with_compat) {
  Json tags = Json::array();
  for (const Tag& tag : kTags)
    if (with_compat || tag.name != kCompat) tags.push_back({{"name", tag.name}, {"description", tag.description}});
  Json paths = Json::object();
  for (const Route& route : Routes::table(with_compat)) {
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    paths[std::string(route.pattern)][method] = operation_of(route, layout);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "battery-twin"}, {"version", version}, {"description", kRoutesDescription}}},
          {"servers", Json::array({{{"url", server}}})},
          {"security", security_of(Access::reading)},
          {"tags", std::move(tags)},
          {"paths", std::move(paths)},
          {"components", components_of(layout, limits, with_compat)}};
}

}  // namespace battery_twin::api
