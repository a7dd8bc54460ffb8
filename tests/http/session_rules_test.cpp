// The rules of tests/system/*_rules_test.cpp that need a handler which misbehaves, or limits that a test can wait for.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>

#include "made_up_server.hpp"
#include "system/ws_client.hpp"

namespace battery_twin::http {
namespace {

using std::chrono::milliseconds;
using system::Connection;
using system::frame_bytes;
using system::HttpClient;
using system::HttpResponse;
using system::kPatience;
using system::Opcode;
using system::read_response;
using system::WsClient;

const std::string kGet = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

// Sends a byte from time to time until something comes back.
HttpResponse drip(Connection& connection) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (connection.buffer().empty() && std::chrono::steady_clock::now() < deadline) {
    connection.send("a");
    std::this_thread::sleep_for(milliseconds(20));
    if (!connection.receive_now()) break;
  }
  return read_response(connection);
}

TEST(H14, UnreadAnswersAreBoundedInSum) {
  constexpr std::size_t kLong = 16 * 1024 * 1024;  // more than the system's buffers hold
  MadeUpHandler handler;
  handler.on_request = [](const api::RequestHead& head, std::string_view, const api::Later&) {
    return api::Response{.body = std::string(head.path == "/long" ? kLong : 2, 'x')};
  };
  const std::string get_long = "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n";
  MadeUpServer server(handler, {.max_unsent = kLong + kLong / 2});
  const HttpClient http(server.port());
  Connection silent(server.port(), {.receive_buffer = 4096});
  silent.send(get_long);
  ASSERT_TRUE(silent.receive());
  const HttpResponse refused = http.raw(get_long);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.field("Retry-After"), "1");
  EXPECT_EQ(http.raw(kGet).status, 200);  // short ones go out
  EXPECT_EQ(read_response(silent).body.size(), kLong);
  EXPECT_TRUE(eventually([&] { return http.raw(get_long).status == 200; }));
  // What a client that goes away did not read no longer counts.
  Connection gone(server.port(), {.receive_buffer = 4096});
  gone.send(get_long);
  ASSERT_TRUE(gone.receive());
  gone.reset();
  EXPECT_TRUE(eventually([&] { return http.raw(get_long).status == 200; }));
}

TEST(H15, ADripFedHeaderHasOneDeadline) {
  MadeUpHandler handler;
  MadeUpServer server(handler, {.header_timeout = milliseconds(200)});
  Connection connection(server.port());
  connection.send("GET / HTTP/1.1\r\nX-A: ");
  EXPECT_EQ(drip(connection).status, 408);
  while (connection.receive()) {
  }
}

TEST(H15, ADripFedBodyHasOneDeadline) {
  MadeUpHandler handler;
  MadeUpServer server(handler, {.request_timeout = milliseconds(200)});
  for (const char* framing : {"Content-Length: 100000", "Transfer-Encoding: chunked"}) {
    Connection connection(server.port());
    connection.send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + std::string(framing) +
                    "\r\n\r\n");
    EXPECT_EQ(read_response(connection).status, 100);
    connection.send("5;");
    EXPECT_EQ(drip(connection).status, 408) << framing;
  }
}

TEST(H15, AnIdleConnectionIsClosedQuietly) {
  MadeUpHandler handler;
  MadeUpServer server(handler, {.header_timeout = milliseconds(200), .keep_alive_timeout = milliseconds(200)});
  Connection silent(server.port());
  EXPECT_FALSE(silent.receive());
  Connection kept(server.port());
  kept.send(kGet);
  EXPECT_EQ(read_response(kept).status, 200);
  EXPECT_FALSE(kept.receive());
  EXPECT_EQ(kept.buffer(), "");
}

TEST(H15, AnAnswerThatIsNotReadEndsTheConnection) {
  MadeUpHandler handler;
  handler.on_request = [](const api::RequestHead&, std::string_view, const api::Later&) {
    return api::Response{.body = std::string(16 * 1024 * 1024, 'x')};
  };
  MadeUpServer server(handler, {.limit_concurrency = 1, .write_timeout = milliseconds(300)});
  Connection silent(server.port(), {.receive_buffer = 4096});
  silent.send(kGet);
  ASSERT_TRUE(silent.receive());
  EXPECT_TRUE(eventually([&] { return HttpClient(server.port()).raw(kGet).status == 200; }));
}

TEST(H15, ASlowReaderIsWaitedFor) {
  constexpr std::size_t kSize = 16 * 1024 * 1024;
  constexpr milliseconds kTimeout{2'000};
  MadeUpHandler handler;
  handler.on_request = [](const api::RequestHead&, std::string_view, const api::Later&) {
    return api::Response{.body = std::string(kSize, 'x')};
  };
  MadeUpServer server(handler, {.write_timeout = kTimeout});
  Connection slow(server.port(), {.receive_buffer = 64 * 1024});
  slow.send(kGet);
  const auto until = std::chrono::steady_clock::now() + 2 * kTimeout;
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(slow.receive());
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(read_response(slow).body.size(), kSize);
}

TEST(H15, AnAnswerThatDoesNotComeIs503) {
  MadeUpHandler handler;
  api::Reply kept;
  handler.on_request = [&kept](const api::RequestHead& head, std::string_view, const api::Later& later) {
    if (head.path != "/never") return std::optional(api::Response{.body = "{}"});
    kept = later();
    return std::optional<api::Response>();
  };
  MadeUpServer server(handler, {.request_timeout = milliseconds(200)});
  EXPECT_EQ(HttpClient(server.port()).raw("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 503);
  server.on_io_thread([&] { kept({.body = "{}"}); });  // too late, and told to nobody
  EXPECT_EQ(HttpClient(server.port()).raw(kGet).status, 200);
  server.on_io_thread([&] { kept = {}; });
}

TEST(H14, AClientThatPipelinesLetsOthersHaveTheirTurn) {
  MadeUpHandler handler;
  std::atomic<int> handled = 0;
  handler.on_request = [&handled](const api::RequestHead& head, std::string_view, const api::Later&) {
    if (head.path == "/slow") {
      std::this_thread::sleep_for(milliseconds(5));
      ++handled;
    }
    return api::Response{.body = "{}"};
  };
  MadeUpServer server(handler);
  constexpr int kRequests = 300;  // of one read
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Connection greedy(server.port());
  greedy.send(requests);
  ASSERT_TRUE(eventually([&] { return handled > 0; }));
  EXPECT_EQ(HttpClient(server.port()).raw(kGet).status, 200);
  EXPECT_LT(handled, kRequests);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(read_response(greedy).status, 200);
}

TEST(H14, AnAnswerThatComesLaterKeepsTheOrder) {
  MadeUpHandler handler;
  std::vector<api::Reply> kept;
  handler.on_request = [&kept](const api::RequestHead& head, std::string_view, const api::Later& later) {
    if (head.path != "/later") return std::optional(api::Response{.body = std::string(head.path)});
    kept.push_back(later());
    return std::optional<api::Response>();
  };
  MadeUpServer server(handler);
  const auto get = [](const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; };
  Connection connection(server.port());
  connection.send(get("/a") + get("/later") + get("/b") + get("/later") + get("/c"));
  EXPECT_EQ(read_response(connection).body, "/a");
  for (const std::string body : {"/b", "/c"}) {
    api::Reply reply;
    ASSERT_TRUE(eventually([&] {
      server.on_io_thread([&] {
        if (!kept.empty()) reply = std::move(kept.back());
        kept.clear();
      });
      return reply != nullptr;
    }));
    reply({.body = "later"});  // on this thread
    EXPECT_EQ(read_response(connection).body, "later");
    EXPECT_EQ(read_response(connection).body, body);
  }
}

TEST(P1, AHandlerThatThrowsIs500WithAnErrorId) {
  MadeUpHandler handler;
  handler.on_request = [](const api::RequestHead& head, std::string_view, const api::Later& later) {
    if (head.path == "/throw") throw std::runtime_error("the secret cause");
    if (head.path == "/throw-later") (void)later();
    if (head.path != "/") throw 7;
    return api::Response{.body = "{}"};
  };
  MadeUpServer server(handler);
  const HttpClient http(server.port());
  for (const char* path : {"/throw", "/throw-a-number", "/throw-later"}) {
    const HttpResponse response = http.get(path);
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.json().at("detail"), "Internal server error");
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
    const std::string id = response.json().at("error_id");
    EXPECT_FALSE(id.empty());
    EXPECT_NE(server.errors().back().find(id), std::string::npos) << server.errors().back();
    EXPECT_EQ(http.get("/").status, 200);
  }
  EXPECT_NE(server.errors().front().find("the secret cause"), std::string::npos);
}

TEST(P1, AHandlerThatThrowsBeforeOrBehindTheAnswerIs500Too) {
  struct Throwing : MadeUpHandler {
    [[noreturn]] static void fail() { throw std::runtime_error("the secret cause"); }
    std::optional<api::Response> refuse(const api::RequestHead& /*head*/) override { fail(); }
    bool is_websocket(std::string_view path) const override {
      if (path == "/is") fail();
      return true;
    }
    std::optional<api::Response> refuse_websocket(const api::RequestHead& /*head*/) override { fail(); }
    api::Response as_problem(const api::Response& /*response*/, std::string_view /*title*/) const override { fail(); }
  };
  Throwing handler;
  handler.on_request = [](const api::RequestHead& head, std::string_view, const api::Later&) {
    return api::Response{.status = head.path == "/problem" ? 404 : 200, .body = "{}"};
  };
  MadeUpServer server(handler);
  const HttpClient http(server.port());
  for (const std::string& request :
       {system::request_text("POST", "/refuse", "{}", {}), system::upgrade_text("/is"), system::upgrade_text("/refuse"),
        system::request_text("GET", "/problem", {}, {{"Accept", "application/problem+json"}})}) {
    // What was answered before goes out as it is.
    Connection connection(server.port());
    connection.send(kGet + request);
    EXPECT_EQ(read_response(connection).status, 200) << request;
    const HttpResponse response = read_response(connection);
    EXPECT_EQ(response.status, 500) << request;
    EXPECT_EQ(response.field("Connection"), "close") << request;
    const std::string id = response.json().at("error_id");
    EXPECT_NE(server.errors().back().find(id), std::string::npos) << server.errors().back();
    EXPECT_NE(server.errors().back().find("the secret cause"), std::string::npos) << server.errors().back();
    EXPECT_EQ(http.get("/").status, 200);
  }
}

TEST(P1, AFeedThatThrowsClosesWith1011) {
  for (const std::string place : {"open", "refill", "text"}) {
    MadeUpHandler handler;
    const auto fail = [] { throw std::runtime_error("the secret cause"); };
    if (place == "open") handler.on_open = [fail](api::Sink&) { fail(); };
    if (place == "refill") handler.on_refill = fail;
    if (place == "text") {
      handler.on_text = [fail](std::string_view) {
        fail();
        return std::string();
      };
    }
    MadeUpServer server(handler);
    WsClient client(server.port());
    client.send_text("hello");
    EXPECT_EQ(client.wait_for_close(), 1011) << place;
    ASSERT_EQ(server.errors().size(), 1u) << place;
    EXPECT_NE(server.errors().front().find("the secret cause"), std::string::npos);
    EXPECT_EQ(HttpClient(server.port()).get("/").status, 200);
  }
}

TEST(P1, TheLoopGoesOn) {
  MadeUpHandler handler;
  MadeUpServer server(handler);
  for (int i = 0; i < 2; ++i) {
    boost::asio::post(server.io(), [] { throw std::runtime_error("from a handler"); });
    boost::asio::post(server.io(), [] { throw 7; });
  }
  EXPECT_EQ(HttpClient(server.port()).get("/").status, 200);
  const auto errors = server.errors();
  ASSERT_EQ(errors.size(), 4u);
  EXPECT_NE(errors.at(2).find("failure 3: from a handler"), std::string::npos) << errors.at(2);
}

TEST(P6, ABlockedThreadIsToldOnce) {
  MadeUpHandler handler;
  MadeUpServer server(handler);
  std::mutex mutex;
  std::vector<std::string> told;
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return told.size();
  };
  constexpr milliseconds kLimit{500};
  const Watchdog watchdog(server.io(), kLimit, [&](std::string_view text) {
    const std::lock_guard lock(mutex);
    told.emplace_back(text);
  });
  EXPECT_EQ(HttpClient(server.port()).get("/").status, 200);
  server.on_io_thread([&] {
    EXPECT_TRUE(eventually([&] { return count() > 0; }));
    std::this_thread::sleep_for(2 * kLimit);
  });
  EXPECT_TRUE(eventually([&] { return count() == 2; }));
  const std::lock_guard lock(mutex);
  EXPECT_NE(told.front().find("blocked"), std::string::npos) << told.front();
  EXPECT_NE(told.back().find("goes on"), std::string::npos) << told.back();
}

TEST(W2, AClientThatDoesNotReadIsClosedWith1013) {
  MadeUpHandler handler;
  api::Sink* sink = nullptr;
  handler.on_open = [&](api::Sink& opened) { sink = &opened; };
  constexpr std::size_t kBacklog = 256 * 1024;
  MadeUpServer server(handler, {.ws_max_backlog = kBacklog});
  WsClient client(server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  client.send_text("open");
  ASSERT_EQ(client.receive(), "open");
  // More than the system's buffers hold and the client may leave unread.
  constexpr std::size_t kEvents = 1000;
  const auto event = std::make_shared<const std::string>(16 * 1024, 'e');
  server.on_io_thread([&] {
    for (std::size_t i = 0; i < kEvents; ++i) sink->send(event);
  });
  std::size_t received = 0;
  while (const auto text = client.receive()) {
    EXPECT_EQ(*text, *event);
    ++received;
  }
  EXPECT_EQ(client.close_code(), 1013);
  EXPECT_LT(received, kEvents);
  EXPECT_EQ(client.connection().buffer().size(), 0u);
}

TEST(W2, ABundleIsMadeOnceAndWhoDoesNotReadItIsClosedWith1013) {
  MadeUpHandler handler;
  std::vector<api::Sink*> sinks;
  handler.on_open = [&](api::Sink& opened) { sinks.push_back(&opened); };
  std::atomic<bool> left_behind = false;
  MadeUpServer server(handler, {.ws_max_backlog = 256 * 1024, .on_left_behind = [&] { left_behind = true; }});
  WsClient reader(server.port());
  WsClient sleeper(server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  for (WsClient* client : {&reader, &sleeper}) {
    client->send_text("open");
    ASSERT_EQ(client->receive(), "open");
  }
  constexpr std::size_t kBundles = 1000;  // many more than the system's buffers hold
  for (std::size_t i = 0; i < kBundles && !left_behind; ++i) {
    const std::vector<std::string> texts{"first of " + std::to_string(i), std::string(16 * 1024, 'e'), ""};
    server.on_io_thread([&] {
      api::Bundle bundle;
      for (const std::string& text : texts) bundle.texts.push_back(std::make_shared<const std::string>(text));
      const std::string* made = nullptr;
      for (api::Sink* sink : sinks) {
        sink->send_all(bundle);
        if (made != nullptr) {
          EXPECT_EQ(bundle.wire.get(), made);
        }
        made = bundle.wire.get();
      }
    });
    for (const std::string& text : texts) ASSERT_EQ(reader.receive(), text);
  }
  EXPECT_TRUE(left_behind);
  std::size_t received = 0;
  while (sleeper.receive()) ++received;
  EXPECT_EQ(sleeper.close_code(), 1013);
  EXPECT_EQ(received % 3, 0u);  // a bundle that has begun is finished
}

TEST(W2, AnswersToTheClientDoNotCloseIt) {
  MadeUpHandler handler;
  api::Sink* sink = nullptr;
  handler.on_open = [&](api::Sink& opened) { sink = &opened; };
  constexpr std::size_t kBacklog = 256 * 1024;
  MadeUpServer server(handler, {.ws_max_backlog = kBacklog});
  WsClient client(server.port());
  const std::string text(1024 * 1024, 'x');
  client.send_text(text);
  client.send_text(text);
  EXPECT_EQ(client.receive(), text);
  server.on_io_thread([&] { sink->send(std::make_shared<const std::string>("event")); });
  std::vector<std::string> rest{client.receive().value_or(""), client.receive().value_or("")};
  EXPECT_TRUE(std::ranges::find(rest, text) != rest.end());
  EXPECT_TRUE(std::ranges::find(rest, "event") != rest.end());
}

TEST(W3, ASilentClientIsPingedAndThenDropped) {
  MadeUpHandler handler;
  MadeUpServer server(handler, {.ws_ping_interval = milliseconds(100), .ws_ping_timeout = milliseconds(100)});
  Connection connection(server.port());
  connection.send(system::upgrade_text("/ws/status"));
  EXPECT_EQ(read_response(connection).status, 101);
  while (connection.receive()) {
  }
  // A ping, and when nothing comes back a close with 1011.
  EXPECT_EQ(connection.buffer(), std::string("\x89\x00\x88\x02\x03\xF3", 6));
}

TEST(W3, AClientThatAnswersPingsStays) {
  MadeUpHandler handler;
  api::Sink* sink = nullptr;
  handler.on_open = [&](api::Sink& opened) { sink = &opened; };
  MadeUpServer server(handler, {.ws_ping_interval = milliseconds(100), .ws_ping_timeout = milliseconds(20'000)});
  WsClient client(server.port());
  EXPECT_TRUE(eventually([&] {
    (void)client.receive_now();
    return client.pings() >= 3;
  }));
  server.on_io_thread([&] { sink->send(std::make_shared<const std::string>("event")); });
  EXPECT_EQ(client.receive(), "event");
}

// It neither reads its answers nor goes away, and is gone soon all the same.
TEST(W10, AClientThatDoesNotAnswerTheCloseIsCut) {
  MadeUpHandler handler;
  MadeUpServer server(handler, {.limit_concurrency = 1});
  Connection rude(server.port());
  rude.send(system::upgrade_text("/ws/status"));
  EXPECT_EQ(read_response(rude).status, 101);
  rude.send(frame_bytes(Opcode::text, "unmasked", true, false));
  EXPECT_TRUE(eventually([&] { return HttpClient(server.port()).raw(kGet).status == 200; }));
}

}  // namespace
}  // namespace battery_twin::http
