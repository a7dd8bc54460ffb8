#include "battery_twin/plant/event.hpp"
#include "broadcaster.hpp"
#include "event_json.hpp"
#include "openapi.hpp"
#include "schema.hpp"
#include "subscription.hpp"

namespace battery_twin::api {
namespace {

using plant::EventType;

constexpr std::string_view kMessagesDescription =
    "What happens in the plant, one JSON object per text message. Life-cycle events have a `seq` without holes and "
    "come "
    "in order and without loss to a client that keeps up; `batch_progress` and `data_generated` show the newest state "
    "and may leave some out. A client that leaves more than 1 MiB unread is closed. The server pings every 20 s. Where "
    "it asks for "
    "access tokens, a client shows one: read-only is enough.";

std::string_view summary_of(EventType type) {
  switch (type) {
    case EventType::batch_requested:
      return "A batch was accepted";
    case EventType::batch_started_processing:
      return "A batch left the queue";
    case EventType::batch_started_anode_line:
      return "A batch entered the anode line";
    case EventType::batch_started_cathode_line:
      return "A batch entered the cathode line";
    case EventType::batch_completed_anode_line:
      return "A batch left the anode line";
    case EventType::batch_completed_cathode_line:
      return "A batch left the cathode line";
    case EventType::batch_merged:
      return "A batch's anode and cathode came together";
    case EventType::batch_started_cell_line:
      return "A batch entered the cell line";
    case EventType::batch_completed_cell_line:
      return "A batch left the cell line";
    case EventType::batch_completed:
      return "A batch is finished";
    case EventType::batch_failed:
      return "A batch could not be finished";
    case EventType::batch_cancelled:
      return "A batch was cancelled";
    case EventType::machine_turned_on:
      return "A batch entered a machine";
    case EventType::machine_turned_off:
      return "A batch left a machine";
    case EventType::machine_simulation_error:
      return "A machine failed, or ended before its planned steps";
    case EventType::machine_parameters_updated:
      return "A machine's parameters were changed";
  }
  return {};
}

Json text() { return {{"type", "string"}}; }
Json count() { return {{"type", "integer"}, {"minimum", 0}}; }

Json names_of(const plant::Layout& layout) {
  Json names{{"enum", Json::array()}};
  for (const plant::Station& station : layout.stations()) names["enum"].push_back(station.process_name);
  return names;
}

// `batch_id` and `message`, which every message has.
Json data_with(Json batch_id) {
  Json data = object_schema();
  add_property(data, "batch_id", std::move(batch_id));
  add_property(data, "message", {{"type", "string"}, {"minLength", 1}});
  return data;
}

void add_machine(Json& data, const plant::Layout& layout) {
  Json lines{{"enum", Json::array()}};
  for (const process::Line line : process::kLines) lines["enum"].push_back(to_string(line));
  add_property(data, "line_type", std::move(lines));
  Json machines = text();
  machines["description"] = "Its type, e.g. " + std::string(layout.stations().front().type->name);
  add_property(data, "machine_id", std::move(machines));
}

bool is_of_machine(EventType type) {
  return type == EventType::machine_turned_on || type == EventType::machine_turned_off ||
         type == EventType::machine_simulation_error || type == EventType::machine_parameters_updated;
}

Json data_of(EventType type, const plant::Layout& layout) {
  Json data = data_with(type == EventType::machine_parameters_updated ? Json{{"type", "null"}} : text());
  if (is_of_machine(type)) add_machine(data, layout);
  switch (type) {
    case EventType::batch_requested:
    case EventType::machine_parameters_updated:
      add_property(data, "warnings", reference_to("Warnings"), false);
      break;
    case EventType::batch_started_processing:
      add_property(data, "attempt",
                   {{"type", "integer"}, {"minimum", 2}, {"description", "When the server was restarted in between"}},
                   false);
      break;
    case EventType::batch_completed:
      add_property(data, "end_of_line", reference_to("EndOfLine"));
      break;
    case EventType::batch_failed:
      add_property(data, "reason", text());
      break;
    case EventType::machine_turned_on:
      add_property(data, "step", count());
      break;
    case EventType::machine_turned_off:
      add_property(data, "step", count());
      add_property(data, "warnings", reference_to("Warnings"), false);
      break;
    case EventType::machine_simulation_error:
      add_property(data, "step", count());
      add_property(data, "reason", text());
      break;
    default:
      break;
  }
  add_property(data, "replayed", {{"const", true}, {"description", "From before the client came"}}, false);
  return data;
}

Json message(std::string_view status, std::string_view summary, Json process, Json data, bool has_seq = false) {
  Json payload = object_schema();
  if (has_seq) add_property(payload, "seq", {{"type", "integer"}, {"minimum", 1}});
  add_property(payload, "process_name", std::move(process));
  add_property(payload, "status", {{"const", status}});
  add_property(payload, "timestamp", reference_to("Timestamp"));
  add_property(payload, "data", std::move(data));
  return {{"name", status}, {"summary", summary}, {"payload", std::move(payload)}};
}

void add_event_messages(Json& messages, const plant::Layout& layout) {
  const Json plant{{"const", kPlantProcess}};
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    const auto type = static_cast<EventType>(i);
    messages[std::string(to_string(type))] = message(
        to_string(type), summary_of(type), is_of_machine(type) ? names_of(layout) : plant, data_of(type, layout), true);
  }
  Json progress = data_with(text());
  add_property(progress, "stage", reference_to("Stage"));
  add_property(progress, "progress", reference_to("Progress"));
  messages["batch_progress"] = message("batch_progress", "How far a running batch is", plant, std::move(progress));

  Json telemetry = data_with(text());
  add_machine(telemetry, layout);
  add_property(telemetry, "step", count());
  add_property(telemetry, "properties", any_properties(layout));
  messages["data_generated"] =
      message("data_generated", "The product's properties after a step", names_of(layout), std::move(telemetry));

  Json gap = data_with({{"type", "null"}});
  add_property(gap, "from", count());
  add_property(gap, "to", count());
  messages["gap"] = message("gap", "Events that the client asked for and that are not kept any more", plant, gap);
}

// A value or a list of values, as the filter takes them.
Json one_or_more(const Json& one) {
  return {{"anyOf", {one, {{"type", "array"}, {"maxItems", kMaxFilterEntries}, {"items", one}}}}};
}

void add_conversation(Json& messages, const plant::Layout& layout) {
  Json events{{"enum", {"batch_progress", "data_generated"}}};
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) events["enum"].push_back(to_string(static_cast<EventType>(i)));
  Json lines{{"enum", Json::array()}};
  for (const process::Line line : process::kLines) lines["enum"].push_back(to_string(line));
  Json machines = query_schema({.kind = QueryField::Kind::machine}, layout);
  machines.erase("type");
  Json filter = object_schema();
  add_property(filter, "event", one_or_more(events), false);
  add_property(filter, "line", one_or_more(lines), false);
  add_property(filter, "machine", one_or_more(machines), false);
  add_property(filter, "batch_id", one_or_more({{"type", "string"}, {"maxLength", kMaxFilterLength}}), false);
  filter["additionalProperties"] = false;
  Json subscribe = object_schema();
  add_property(subscribe, "subscribe", std::move(filter));
  messages["subscribe"] = {{"name", "subscribe"},
                           {"summary", "Narrow what is sent; what is not named is not narrowed, {} ends it"},
                           {"payload", std::move(subscribe)}};

  const Json plant{{"const", kPlantProcess}};
  messages["subscribed"] = message("subscribed", "The subscription was changed", plant, data_with({{"type", "null"}}));
  messages["error"] = message("error", "The subscription was not changed", plant, data_with({{"type", "null"}}));
  messages["text"] = {
      {"name", "text"}, {"summary", "Any other text"}, {"contentType", "text/plain"}, {"payload", text()}};
  messages["echo"] = {{"name", "echo"},
                      {"summary", "It comes back behind \"Echo: \""},
                      {"contentType", "text/plain"},
                      {"payload", {{"type", "string"}, {"pattern", "^Echo: "}}}};
}

Json close_codes() {
  return {{"1002", "The client broke the protocol"},
          {"1003", "A binary message"},
          {"1007", "A text that is not UTF-8"},
          {"1008", "The client's access token is no longer good"},
          {"1009", "A message above 1 MiB"},
          {"1011", "A ping was not answered for 20 s, or a fault of the server"},
          {"1012", "The server stops"},
          {"1013", "The client left too much unread"}};
}

Json operation(std::string_view action, std::string_view summary, std::initializer_list<std::string_view> names) {
  Json list = Json::array();
  for (const std::string_view name : names)
    list.push_back({{"$ref", "#/channels/status/messages/" + std::string(name)}});
  return {{"action", action},
          {"channel", {{"$ref", "#/channels/status"}}},
          {"summary", summary},
          {"messages", std::move(list)}};
}

Json reply(std::initializer_list<std::string_view> names) {
  Json reply = operation({}, {}, names);
  for (const char* key : {"action", "summary"}) reply.erase(key);
  return reply;
}

Json operations(const Json& messages) {
  Json listen = operation("send", "Events as they happen", {});
  for (const auto& [name, told] : messages.items())
    listen["messages"].push_back({{"$ref", "#/channels/status/messages/" + name}});
  Json subscribe = operation("receive", "Change the subscription", {"subscribe"});
  subscribe["reply"] = reply({"subscribed", "error"});
  Json keep_alive = operation("receive", "A sign of life", {"text"});
  keep_alive["reply"] = reply({"echo"});
  return {{"sendEvents", std::move(listen)},
          {"receiveSubscription", std::move(subscribe)},
          {"receiveText", std::move(keep_alive)}};
}

}  // namespace

Json asyncapi_document(const plant::Layout& layout, std::string_view version) {
  Json messages = Json::object();
  add_event_messages(messages, layout);
  Json operation_list = operations(messages);
  add_conversation(messages, layout);

  Json query = object_schema();
  for (const QueryField& field : kWebSocketQuery) {
    Json schema = query_schema(field, layout);
    schema["description"] = field.description;
    add_property(query, field.name, std::move(schema), false);
  }
  Json channel{{"address", kWebSocketPath},
               {"summary", "Everything that happens in the plant"},
               {"messages", Json::object()},
               {"bindings", {{"ws", {{"method", "GET"}, {"query", query}, {"bindingVersion", "0.1.0"}}}}},
               {"x-close-codes", close_codes()}};
  for (const auto& [name, told] : messages.items())
    channel["messages"][name] = {{"$ref", "#/components/messages/" + name}};

  Json schemas = Json::object();
  add_shared_schemas(schemas, layout);
  return {
      {"asyncapi", "3.0.0"},
      {"info", {{"title", "battery-twin"}, {"version", version}, {"description", kMessagesDescription}}},
      {"defaultContentType", "application/json"},
      {"servers",
       {{"local",
         {{"host", "localhost:8000"},
          {"protocol", "ws"},
          {"security",
           {{{"$ref", "#/components/securitySchemes/header"}}, {{"$ref", "#/components/securitySchemes/query"}}}}}}}},
      {"channels", {{"status", std::move(channel)}}},
      {"operations", std::move(operation_list)},
      {"components",
       {{"messages", std::move(messages)},
        {"schemas", std::move(schemas)},
        {"securitySchemes",
         {{"header", {{"type", "http"}, {"scheme", "bearer"}, {"description", "Where the server has tokens"}}},
          {"query",
           {{"type", "httpApiKey"},
            {"in", "query"},
            {"name", "access_token"},
            {"description", "The same for a client that can set no field, as a browser's script"}}}}}}}};
}

}  // namespace battery_twin::api
