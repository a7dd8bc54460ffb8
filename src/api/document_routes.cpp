#include "openapi.hpp"
#include "routes.hpp"

namespace battery_twin::api {

// Made when somebody asks for the first time: most servers end without.

std::optional<Response> Routes::openapi(const Call& /*call*/) {
  if (openapi_.empty()) openapi_ = dump(openapi_document(plant_.layout(), config_.limits, config_.version));
  return Response{.body = openapi_};
}

std::optional<Response> Routes::asyncapi(const Call& /*call*/) {
  if (asyncapi_.empty()) asyncapi_ = dump(asyncapi_document(plant_.layout(), config_.version));
  return Response{.body = asyncapi_};
}

}  // namespace battery_twin::api
