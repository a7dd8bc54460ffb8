// P1: memory that runs out on the I/O thread, at every allocation of a request in turn: that request fails or its
// connection ends, and the next one is served.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <type_traits>

#include "battery_twin/api/api.hpp"
#include "battery_twin/http/io_loop.hpp"
#include "battery_twin/http/server.hpp"
#include "battery_twin/plant/event_queue.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "failing_memory.hpp"
#include "system/http_client.hpp"
#include "system/ws_client.hpp"

namespace battery_twin {
namespace {

using system::Connection;
using system::HttpClient;
using system::HttpResponse;
using system::request_text;

// The real handler over a real plant, with the I/O thread at hand.
class Twin {
 public:
  Twin() {
    events_.notify([this] { boost::asio::post(io_, [this] { api_->pump(); }); });
    http::ServerConfig config;
    config.port = 0;
    server_ = http::make_server(io_, *api_, std::move(config));
    const std::string url = server_->url();
    port_ = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    thread_ = std::thread([this] { http::run_loop(io_, [](std::string_view) {}); });
  }
  ~Twin() {
    io_.stop();
    thread_.join();
    server_->cut();
    io_.restart();
    io_.poll();
    events_.notify({});
    plant_.stop();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Lets something happen that is one event, and gives its number.
  std::uint64_t tell() {
    const plant::Station& mixing = plant_.layout().stations().front();
    plant_.set_parameters(mixing, plant_.parameters(mixing));
    return ++told_;
  }
  /// As the server's ticker does when something may be left over.
  void pump() {
    on_io_thread([this] { api_->pump(); });
  }
  /// Lets the nth allocation from now on fail.
  void fail_at(std::uint64_t nth) {
    on_io_thread([nth] { allocations_until_failure = nth; });
  }
  /// Lets none fail any more. True when one has.
  bool has_failed() {
    return on_io_thread([] { return std::exchange(allocations_until_failure, 0) == 0; });
  }

 private:
  template <class Work>
  std::invoke_result_t<Work> on_io_thread(Work work) {
    std::packaged_task<decltype(work())()> task(work);
    auto result = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return result.get();
  }

  boost::asio::io_context io_{1};
  plant::EventQueue events_;
  plant::PlantSimulation plant_{plant::standard_layout(), {.step_interval = plant::Interval{3'600'000'000}}, events_};
  std::unique_ptr<api::Api> api_ = api::make_api(plant_, events_, {.version = "test"});
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;
  std::uint64_t told_ = 0;
  std::thread thread_;
};

// What became of a request over a connection of its own: its status, 0 where there was no answer.
int status_of(std::uint16_t port, const std::string& request) {
  try {
    Connection connection(port);
    connection.send(request);
    return read_response(connection).status;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

class EveryAllocation : public testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(EveryAllocation, MayFail) {
  Twin twin;
  const std::string health = request_text("GET", "/health", {}, {});
  ASSERT_EQ(status_of(twin.port(), health), 200);
  constexpr std::uint64_t kMost = 20'000;
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1; nth < kMost; ++nth) {
    twin.fail_at(nth);
    const int status = status_of(twin.port(), GetParam().second);
    const bool reached = twin.has_failed();
    ASSERT_TRUE(status == 0 || status == 500 || status == 503 || status < 300 || status == 400 || status == 409)
        << "allocation " << nth << ": " << status;
    ASSERT_EQ(status_of(twin.port(), health), 200) << "after the failure of allocation " << nth;
    if (!reached) {
      EXPECT_TRUE(status == 200 || status == 101) << "with all memory it needs: " << status;
      break;
    }
    ++failed;
  }
  EXPECT_GE(failed, 3u);
  EXPECT_LT(failed, kMost - 1);
}

// Only what is answered without a JSON tree: nlohmann::json allocates in the destructor of every object and array,
// where an exception cannot leave.
INSTANTIATE_TEST_SUITE_P(Of, EveryAllocation,
                         testing::Values(std::pair("Health", request_text("GET", "/health", {}, {})),
                                         std::pair("Machine",
                                                   request_text("GET", "/machine/anode/mixing/status", {}, {})),
                                         std::pair("Batches", request_text("GET", "/batches", {}, {})),
                                         std::pair("WebSocket", system::upgrade_text("/ws/status"))),
                         [](const auto& each) { return std::string(each.param.first); });

// Reads events from `next` to `last`: each of them, or word of a gap, or the end of the connection.
void expect_nothing_lost(system::WsClient& client, std::uint64_t next, std::uint64_t last) {
  while (next <= last) {
    const auto text = client.receive();
    if (!text) return;
    const system::Json message = system::Json::parse(*text);
    if (message.at("status") == "gap") {
      ASSERT_EQ(message.at("data").at("from"), next);
      next = message.at("data").at("to").get<std::uint64_t>() + 1;
    } else {
      ASSERT_EQ(message.at("seq"), next);
      ++next;
    }
  }
  EXPECT_EQ(next, last + 1);
}

TEST(EventsWithoutMemory, AreNotLostUnnoticed) {
  Twin twin;
  std::uint64_t last = twin.tell();
  twin.pump();
  constexpr std::uint64_t kMost = 1'000;
  std::uint64_t nth = 1;
  for (; nth < kMost; ++nth) {
    SCOPED_TRACE("allocation " + std::to_string(nth));
    system::WsClient first(twin.port(), "/ws/status?replay=0");
    system::WsClient second(twin.port(), "/ws/status?replay=0");
    twin.fail_at(nth);
    const std::uint64_t from = twin.tell();
    const bool reached = twin.has_failed();
    twin.pump();
    last = twin.tell();
    twin.pump();
    expect_nothing_lost(first, from, last);
    expect_nothing_lost(second, from, last);
    EXPECT_FALSE(first.closed() && second.closed()) << "one's failure is not the other's";
    system::WsClient late(twin.port(), "/ws/status?since=" + std::to_string(from - 1));
    expect_nothing_lost(late, from, last);
    EXPECT_FALSE(late.closed());
    if (testing::Test::HasFailure() || !reached) break;
  }
  EXPECT_GT(nth, 3u);
  EXPECT_LT(nth, kMost);
}

}  // namespace
}  // namespace battery_twin
