// What a WebSocket client says to the feed: the query of its upgrade, a line end, then its messages, one per line.

#include <string>

#include "../../src/http/utf8.hpp"
#include "fuzzing.hpp"
#include "plant_under_test.hpp"

namespace battery_twin::fuzz {
namespace {

using api::Json;

class LastText final : public api::Sink {
 public:
  void send(std::shared_ptr<const std::string> text) override {
    require(Json::accept(*text), "an event is JSON");
    ++count;
  }
  std::size_t count = 0;
};

// True when the message changed what the client hears of.
bool check_answer(std::string_view message, const std::string& answer) {
  if (answer == "Echo: " + std::string(message)) return false;
  require(message.find("subscribe") != std::string_view::npos, "all that does not subscribe is echoed");
  const Json document = Json::parse(answer, nullptr, false);
  require(document.is_object(), "an answer is JSON");
  require(document["status"] == "subscribed" || document["status"] == "error", "an answer says how it went");
  require(answer.size() <= 1024, "an answer is short whatever was sent");
  return document["status"] == "subscribed";
}

void check(std::string_view text) {
  static PlantUnderTest under_test(process::ModelSet::mechanistic);
  api::RequestHead head{.method = "GET", .path = "/ws/status", .query = text.substr(0, text.find('\n'))};
  if (const auto refusal = under_test.api().refuse_websocket(head)) {
    require(refusal->status == 400 && Json::accept(refusal->body), "a query that is none is told so");
    head.query = {};
  }
  LastText sink;
  const auto feed = under_test.api().open_feed(head, sink);
  feed->refill();
  text.remove_prefix(std::min(text.find('\n'), text.size()));
  bool hears_all = true;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view message = text.substr(0, text.find('\n'));
    text.remove_prefix(message.size());
    if (!http::is_utf8(message)) continue;  // the WebSocket session lets no other through
    if (check_answer(message, feed->on_text(message))) hears_all = false;
    feed->refill();
  }
  // Something happens that the client may have subscribed to.
  const plant::Station& mixing = under_test.plant().layout().stations().front();
  under_test.plant().set_parameters(mixing, under_test.plant().parameters(mixing));
  const std::size_t before = sink.count;
  under_test.api().pump();
  under_test.api().tick();
  require(sink.count <= before + 1, "a client hears of what happens once");
  require(!hears_all || sink.count == before + 1, "who has not subscribed hears of all that happens");
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  battery_twin::fuzz::check(battery_twin::fuzz::Input(data, size).rest());
  return 0;
}
