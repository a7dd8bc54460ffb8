#include <algorithm>

#include "battery_twin/api/parameters.hpp"

namespace battery_twin::api {
namespace {

// An answer stays small whatever the input was.
constexpr std::size_t kMaxErrors = 100;
constexpr std::size_t kMaxPart = 100;
constexpr std::size_t kMaxInput = 200;
constexpr std::size_t kMaxList = 60 * 1024;  // bytes once written: a control character takes six there

// A key or text cut at a whole UTF-8 character.
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Json shortened_input(const Json& input) {
  if (input.is_string()) return shortened(input.get_ref<const std::string&>(), kMaxInput);
  if (!input.is_structured()) return input;
  if (input.size() > 20) return input.is_array() ? "(array)" : "(object)";
  std::string text = dump(input);
  if (text.size() > kMaxInput) return input.is_array() ? "(array)" : "(object)";
  return input;
}

}  // namespace

void Errors::add(Json loc, std::string_view type, std::string message, const Json& input, Json context) {
  ++count_;
  if (found_.size() == kMaxErrors) return;
  for (Json& part : loc) {
    if (part.is_string()) part = shortened(part.get_ref<const std::string&>(), kMaxPart);
  }
  Json error{{"loc", std::move(loc)}, {"msg", std::move(message)}, {"type", type}, {"input", shortened_input(input)}};
  if (!context.is_null()) error["ctx"] = std::move(context);
  found_.push_back(std::move(error));
}

void Errors::add_missing(Json loc) {
  ++count_;
  missing_.push_back(Json{{"loc", std::move(loc)}, {"msg", "Field required"}, {"type", "missing"}, {"input", nullptr}});
}

Json Errors::list() const {
  Json list = Json::array();
  std::size_t bytes = 0;
  for (const auto* part : {&found_, &missing_}) {
    for (const Json& error : *part) {
      bytes += dump(error).size() + 1;
      if (list.size() == kMaxErrors || bytes > kMaxList) {
        list.push_back(Json{{"loc", Json::array({"body"})},
                            {"msg", std::to_string(size() - list.size()) + " further errors are not listed"},
                            {"type", "too_many_errors"},
                            {"input", nullptr}});
        return list;
      }
      list.push_back(error);
    }
  }
  return list;
}

Json join(Json loc, std::string_view part) {
  loc.push_back(part);
  return loc;
}

}  // namespace battery_twin::api
