#include "battery_twin/api/json.hpp"

#include <set>
#include <vector>

namespace battery_twin::api {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxKeyInError = 100;

// Builds the document while checking what nlohmann::json lets pass: depth, repeated keys.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      Json loc = Json::array({"body"});
      for (const std::string& part : path_) loc.push_back(part.substr(0, kMaxKeyInError));
      loc.push_back(name.substr(0, kMaxKeyInError));
      error = JsonError{"duplicate_key", std::move(loc), "This key is given twice"};
      return false;
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& exception) override {
    error = JsonError{"json_invalid", Json::array({"body", position == 0 ? 0 : position - 1}), words(exception.what())};
    return false;
  }

  Json root;
  std::optional<JsonError> error;

 private:
  template <class T>
  bool put(T&& value) {
    if (open_.empty()) {
      root = std::forward<T>(value);
    } else if (open_.back()->is_array()) {
      open_.back()->push_back(std::forward<T>(value));
    } else {
      append(std::forward<T>(value));
    }
    return true;
  }

  // Past the map's own look-up, which walks all members: `keys_` has seen to it that the key is new.
  template <class T>
  Json& append(T&& value) {
    auto& members = open_.back()->get_ref<Json::object_t&>();
    members.emplace_back(key_, std::forward<T>(value));
    return members.back().second;
  }

  bool open(Json container) {
    if (open_.size() == kMaxDepth) {
      error = JsonError{"json_invalid", Json::array({"body", 0}),
                        "JSON decode error: more than " + std::to_string(kMaxDepth) + " levels deep"};
      return false;
    }
    if (open_.empty()) {
      root = std::move(container);
      open_.push_back(&root);
    } else if (open_.back()->is_array()) {
      path_.push_back(std::to_string(open_.back()->size()));
      open_.back()->push_back(std::move(container));
      open_.push_back(&open_.back()->back());
    } else {
      path_.push_back(key_);
      open_.push_back(&append(std::move(container)));
    }
    keys_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    keys_.pop_back();
    if (!path_.empty()) path_.pop_back();
    return true;
  }

  // The library's sentence without its prefix and without the piece of input that it quotes.
  static std::string words(std::string text) {
    // First of all the input, in which anything may stand.
    if (const auto quoted = text.find("; last read: '"); quoted != std::string::npos) text.resize(quoted);
    if (const auto quoted = text.find("last read: '"); quoted != std::string::npos) text.resize(quoted);
    if (const auto start = text.find("syntax error"); start != std::string::npos) text = text.substr(start);
    if (const auto start = text.find("] "); start != std::string::npos) text = text.substr(start + 2);
    if (text.starts_with("number overflow")) text = "number out of range";
    if (text.starts_with("syntax error while parsing value - unexpected end of input"))
      text = "unexpected end of input, a JSON value was expected";
    return "JSON decode error: " + text;
  }

  std::vector<Json*> open_;
  std::vector<std::set<std::string>> keys_;  // of the open objects; no hash, for which a client could choose its keys
  std::vector<std::string> path_;
  std::string key_;
};

}  // namespace

std::string dump(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::variant<Json, JsonError> parse_json(std::string_view text) {
  // The library reads NUL as the end of the text and skips a byte order mark.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return JsonError{"json_invalid", Json::array({"body", nul}), "JSON decode error: NUL byte"};
  if (text.starts_with("\xEF\xBB\xBF"))
    return JsonError{"json_invalid", Json::array({"body", 0}), "JSON decode error: byte order mark"};
  Builder builder;
  const bool read = Json::sax_parse(text, &builder);
  if (builder.error) return std::move(*builder.error);
  if (!read) return JsonError{"json_invalid", Json::array({"body", 0}), "JSON decode error"};
  return std::move(builder.root);
}

}  // namespace battery_twin::api
