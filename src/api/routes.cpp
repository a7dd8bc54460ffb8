#include "routes.hpp"

#include <cmath>

namespace battery_twin::api {
namespace {

std::function<void()> task_of(const Reply& reply, std::function<Response()> work) {
  return [work = std::move(work), reply] {
    try {
      reply(work());
    } catch (const std::bad_alloc&) {
      reply(failure(503, "There is not enough memory for so long an answer now"));
    } catch (const std::exception&) {
      reply(failure(503, "The store cannot be read now: see /health"));
    }
  };
}

Response too_many_lists() { return busy_for(1, "Too many long lists are being made"); }

}  // namespace

Response json_response(int status, const Json& body) { return {.status = status, .body = dump(body)}; }

Response failure(int status, std::string_view sentence) { return json_response(status, Json{{"detail", sentence}}); }

Response busy_for(int seconds, std::string_view sentence) {
  Response response = failure(503, sentence);
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

Response invalid(const Errors& errors) { return json_response(400, Json{{"detail", errors.list()}}); }

std::variant<Json, Response> read_body(const Call& call) {
  auto parsed = parse_json(call.body);
  if (auto* document = std::get_if<Json>(&parsed)) return std::move(*document);
  JsonError& error = std::get<JsonError>(parsed);
  Errors errors;
  errors.add(std::move(error.loc), error.type, std::move(error.message), Json());
  return invalid(errors);
}

Json number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

std::variant<process::Line, Response> Routes::line(const Call& call) {
  if (const auto line = process::line_from(call.parts.at(0))) return *line;
  return failure(404, "Line not found: there are the lines anode, cathode and cell");
}

std::variant<const plant::Station*, Response> Routes::station(const Call& call) const {
  auto named = line(call);
  if (auto* refusal = std::get_if<Response>(&named)) return std::move(*refusal);
  const process::Line line = std::get<process::Line>(named);
  const plant::Station* found = plant_.layout().find(line, call.parts.at(1));
  if (found == nullptr) {
    std::string names;
    for (const plant::Station& station : plant_.layout().stations(line)) {
      names += (names.empty() ? "" : ", ") + std::string(station.type->name);
    }
    return failure(404, "Machine not found: the " + std::string(to_string(line)) + " line has " + names);
  }
  return found;
}

std::optional<Response> Routes::once_kept(const Later& later, Response response) {
  if (config_.store == nullptr) return response;
  plant_.when_kept([reply = later(), response = std::move(response)](bool kept) {
    reply(kept ? response : failure(503, "The change is in effect, but could not be stored: see the server's log"));
  });
  return std::nullopt;
}

// What takes long or waits for the disk is not for the I/O thread. Where there is a store it has been told first all
// that a client may know already.
std::optional<Response> Routes::give_to(Clerk& clerk, const Later& later, std::function<Response()> work) {
  const Reply reply = later();
  const auto task = task_of(reply, std::move(work));
  if (config_.store == nullptr) return clerk.give(task) ? std::nullopt : std::optional(too_many_lists());
  plant_.when_kept([&clerk, task, reply](bool /*kept*/) {
    if (!clerk.give(task)) reply(too_many_lists());
  });
  return std::nullopt;
}

std::optional<Response> Routes::make_aside(const Later& later, std::function<Response()> work) {
  return clerk_.give(task_of(later(), std::move(work))) ? std::nullopt : std::optional(too_many_lists());
}

}  // namespace battery_twin::api
