// Rules W1 to W3, over raw sockets: what goes out whole and in order, who does not read or does not answer.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>

#include "websocket_rules.hpp"

namespace battery_twin::system {
namespace {

using std::chrono::milliseconds;

const WsClient::Options kSlow{.target = "/ws/status?replay=0", .connection = {.receive_buffer = 4096}};

TEST(W1, FramesOfAllKindsGoOutWholeAndInOrder) {
  const Twin twin({"--step-interval", "0"});
  // A small receive buffer: frames are written in parts all the time.
  WsClient client(twin.server.port(), WsClient::Options{.target = "/ws/status?replay=0&telemetry=1",
                                                        .connection = {.receive_buffer = 4096}});
  constexpr int kRounds = 50;
  for (int i = 0; i < 5; ++i) twin.start(Json::object());
  std::string sent;
  for (int i = 0; i < kRounds; ++i) {
    const std::string number = std::to_string(i);
    sent += frame_bytes(Opcode::ping, number) + frame_bytes(Opcode::text, number + std::string(2000, 'x'));
  }
  std::thread sender([&client, &sent] { ::send(client.connection().descriptor(), sent.data(), sent.size(), 0); });
  std::vector<Json> events;
  int echoes = 0;
  int completed = 0;
  while (echoes < kRounds || completed < 5) {
    const auto text = client.receive();
    ASSERT_TRUE(text.has_value()) << client.close_code();
    if (text->starts_with("Echo: ")) {
      EXPECT_EQ(*text, "Echo: " + std::to_string(echoes++) + std::string(2000, 'x'));
    } else {
      events.push_back(Json::parse(*text));
      if (events.back().at("status") == "batch_completed") ++completed;
    }
  }
  sender.join();
  EXPECT_EQ(seq_problem(events), "");
  ASSERT_EQ(client.pongs().size(), static_cast<std::size_t>(kRounds));
  for (int i = 0; i < kRounds; ++i) EXPECT_EQ(client.pongs().at(static_cast<std::size_t>(i)), std::to_string(i));
}

// Several clients that do not read. In each round one of them begins to: the first ones have lost nothing, and the one
// that comes too late has been closed.
TEST(W2, WhoLeavesTooMuchUnreadIsClosedWith1013) {
  const Twin twin({"--ws-ping-interval", "600"});  // who waits for its round answers no pings
  EventMaker maker(twin);
  constexpr std::size_t kClients = 40;
  constexpr int kEventsARound = 500;
  std::vector<WsClient> silent;
  for (std::size_t i = 0; i < kClients; ++i) silent.emplace_back(twin.server.port(), kSlow);
  bool closed = false;
  std::size_t unread = 0;
  for (std::size_t i = 0; i < kClients && !closed; ++i) {
    maker.make(kEventsARound);
    WsClient& client = silent[i];
    std::size_t read = 0;
    std::uint64_t seq = 0;
    const std::size_t sent = (i + 1) * kEventsARound;
    while (seq < sent) {
      const auto text = client.receive();
      if (!text) break;
      ASSERT_EQ(Json::parse(*text).at("seq"), ++seq);
      read += text->size();
    }
    closed = client.closed();
    if (closed) {
      EXPECT_EQ(client.close_code(), 1013);
      EXPECT_FALSE(client.connection().receive());
      EXPECT_EQ(client.connection().buffer(), "");
      EXPECT_GT(unread, kMaxBacklog / 2);
    }
    unread = read;
  }
  EXPECT_TRUE(closed);
}

// Sends frames without reading anything until the server has stopped to read. Gives how many frames were sent, the
// last of them perhaps only in part; the rest of that is in `rest`.
std::size_t send_until_refused(const Twin& twin, WsClient& client, std::string& rest,
                               const std::function<std::string(std::size_t)>& frame) {
  constexpr std::size_t kMost = 64 * 1024 * 1024;
  std::size_t sent = 0;
  std::size_t frames = 0;
  for (int refusals = 0; sent < kMost && refusals < 5;) {
    while (rest.size() < 16 * 1024) rest += frame(frames++);
    const ssize_t size =
        ::send(client.connection().descriptor(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      rest.erase(0, static_cast<std::size_t>(size));
      refusals = 0;
    } else {
      // Full. Another answer shows that the server had its turn and still does not read.
      ++refusals;
      EXPECT_EQ(twin.http.get("/health/live").status, 200);
    }
  }
  EXPECT_LT(sent, kMost);
  return frames;
}

TEST(W2, WhoSendsTextsWithoutReadingTheEchoesIsNotReadFrom) {
  const Twin twin;
  WsClient greedy(twin.server.port(), kSlow);
  std::string rest;
  const std::string text(8000, 'x');
  const std::size_t frames = send_until_refused(
      twin, greedy, rest, [&](std::size_t i) { return frame_bytes(Opcode::text, std::to_string(i) + text); });
  // As soon as it reads, it gets all of them.
  std::thread sender([&] { greedy.send_bytes(rest); });
  for (std::size_t i = 0; i < frames; ++i) EXPECT_EQ(greedy.receive(), "Echo: " + std::to_string(i) + text);
  sender.join();
}

TEST(W2, WhoSendsPingsWithoutReadingThePongsIsNotReadFrom) {
  const Twin twin;
  const std::size_t before = resident_bytes(twin);
  WsClient greedy(twin.server.port(), kSlow);
  std::string rest;
  // Empty ones: each is small on the wire and costs all the same.
  std::size_t frames =
      send_until_refused(twin, greedy, rest, [](std::size_t) { return frame_bytes(Opcode::ping, ""); });
  if (!is_sanitized()) {  // freed memory stays resident then
    EXPECT_LT(resident_bytes(twin), before + 2 * kMaxBacklog);
  }
  rest += frame_bytes(Opcode::ping, "the last") + frame_bytes(Opcode::text, "end");
  ++frames;
  std::thread sender([&] { greedy.send_bytes(rest); });
  EXPECT_EQ(greedy.receive(), "Echo: end");
  sender.join();
  EXPECT_EQ(greedy.pongs().size(), frames);
  EXPECT_EQ(greedy.pongs().back(), "the last");
}

TEST(W3, ASilentClientIsPingedAndClosedWhenItDoesNotAnswer) {
  const Twin twin({"--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5"});
  WsClient silent = twin.listen("/ws/status?replay=0");
  std::string& bytes = silent.connection().buffer();
  const std::string expected = raw({0x89, 0}) + raw({0x88, 2}) + close_payload(1011);
  while (bytes.size() < expected.size()) ASSERT_TRUE(silent.connection().receive());
  EXPECT_EQ(bytes, expected);
  EXPECT_TRUE(freed(twin, 0));
}

TEST(W3, AClientThatAnswersStays) {
  const Twin twin({"--ws-ping-interval", "0.3", "--ws-ping-timeout", "2"});
  WsClient client = twin.listen("/ws/status?replay=0");
  while (client.pings() < 4) {
    (void)client.receive_now();
    ASSERT_FALSE(client.closed());
    std::this_thread::sleep_for(milliseconds(10));
  }
  client.send_text("still here");
  EXPECT_EQ(client.receive(), "Echo: still here");
}

TEST(W3, AClientThatSaysSomethingIsNotPinged) {
  const Twin twin({"--ws-ping-interval", "2", "--ws-ping-timeout", "5"});
  WsClient client = twin.listen("/ws/status?replay=0");
  // Pongs that nobody asked for are a sign of life and nothing else.
  for (int i = 0; i < 30; ++i) {
    client.send_bytes(frame_bytes(Opcode::pong, "unasked"));
    std::this_thread::sleep_for(milliseconds(100));
  }
  client.send_text("still here");
  EXPECT_EQ(client.receive(), "Echo: still here");
  EXPECT_EQ(client.pings(), 0);
}

TEST(W3, PingsAreAnsweredWithTheirPayload) {
  const Twin twin;
  WsClient client = twin.listen("/ws/status?replay=0");
  const std::vector<std::string> payloads{"", "a", std::string(125, 'x'), std::string("\0\xFF\x80", 3)};
  for (const std::string& payload : payloads) client.send_bytes(frame_bytes(Opcode::ping, payload));
  client.send_text("end");
  EXPECT_EQ(client.receive(), "Echo: end");
  EXPECT_EQ(client.pongs(), payloads);
}

}  // namespace
}  // namespace battery_twin::system
