#include "envelope.hpp"

#include "../routes.hpp"

namespace battery_twin::api::compat {

Response success(std::string_view message, Json more) {
  Json body{{"success", true}, {"message", message}};
  body.update(more);
  return json_response(200, body);
}

Json problem(std::string_view message, std::string_view error_code, Json more) {
  Json body{{"success", false}, {"message", message}, {"error_code", error_code}};
  body.update(more);
  return body;
}

Response refusal(std::string_view message, std::string_view error_code, Json more) {
  return json_response(400, Json{{"detail", problem(message, error_code, std::move(more))}});
}

Response unprocessable(Json loc, std::string_view message, std::string_view type) {
  Json error{{"loc", std::move(loc)}, {"msg", message}, {"type", type}};
  return json_response(422, Json{{"detail", Json::array({std::move(error)})}});
}

std::variant<Json, Response> read_object(const Call& call) {
  const Json loc = Json::array({"body"});
  if (call.body.empty()) return unprocessable(loc, "field required", "value_error.missing");
  auto parsed = parse_json(call.body);
  if (auto* error = std::get_if<JsonError>(&parsed))
    return unprocessable(std::move(error->loc), error->message, "value_error.jsondecode");
  Json& body = std::get<Json>(parsed);
  if (!body.is_object()) return unprocessable(loc, "value is not a valid dict", "type_error.dict");
  return std::move(body);
}

}  // namespace battery_twin::api::compat
