#include "../../src/http/ws_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace battery_twin::http {
namespace {

using Kind = Incoming::Kind;

std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}

// A client's frame, masked with changing bytes.
std::string frame(Opcode opcode, std::string_view payload, bool final = true) {
  const std::array<char, 4> mask{0x12, 0x34, 0x56, 0x78};
  std::string bytes(FrameHeader(opcode, payload.size()).bytes());
  if (!final) bytes[0] = static_cast<char>(bytes[0] & 0x7F);
  bytes[1] = static_cast<char>(bytes[1] | 0x80);
  bytes.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  return bytes;
}

// What one reader makes of the bytes, when they come in pieces of that size; up to a fault or a close.
// "text …", "ping …", "pong …", "close CODE …", "fault CODE".
std::vector<std::string> read(std::string bytes, std::size_t piece, std::size_t max_message = 1000) {
  MessageReader reader(max_message);
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::span<char> part = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
    for (;;) {
      const Incoming incoming = reader.next(part);
      const std::string code = std::to_string(static_cast<int>(incoming.code));
      const std::string payload(incoming.payload());
      if (incoming.kind == Kind::nothing) break;
      if (incoming.kind == Kind::fault) {
        seen.push_back("fault " + code);
        return seen;
      }
      if (incoming.kind == Kind::close) {
        seen.push_back("close " + code + " " + payload.substr(std::min<std::size_t>(2, payload.size())));
        return seen;
      }
      seen.push_back((incoming.kind == Kind::text   ? "text "
                      : incoming.kind == Kind::ping ? "ping "
                                                    : "pong ") +
                     payload);
    }
    EXPECT_TRUE(part.empty());
  }
  return seen;
}

using Seen = std::vector<std::string>;

void expect_seen(const std::string& bytes, const Seen& expected) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, bytes.size()})
    EXPECT_EQ(read(bytes, piece), expected) << "in pieces of " << piece;
}

TEST(WsAccept, IsThatOfTheRfc) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(accept_key("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(WsMessages, ComeOutAsTheyWentInHoweverTheyAreCut) {
  expect_seen(frame(Opcode::text, "hello"), {"text hello"});
  expect_seen(frame(Opcode::text, ""), {"text "});
  expect_seen(frame(Opcode::text, "a") + frame(Opcode::text, "b") + frame(Opcode::pong, "p"),
              {"text a", "text b", "pong p"});
  expect_seen(frame(Opcode::text, "fr", false) + frame(Opcode::ping, "now") + frame(Opcode::continuation, "", false) +
                  frame(Opcode::continuation, "ag"),
              {"ping now", "text frag"});
  expect_seen(frame(Opcode::text, "", false) + frame(Opcode::continuation, ""), {"text "});
  for (const std::size_t size : {125u, 126u, 127u, 999u, 1000u})
    expect_seen(frame(Opcode::text, std::string(size, 'x')), {"text " + std::string(size, 'x')});
}

TEST(WsMessages, OfMoreThan64KiBComeOutToo) {
  for (const std::size_t size : {65'535u, 65'536u, 200'000u}) {
    const std::string text(size, 'x');
    EXPECT_EQ(read(frame(Opcode::text, text), 4096, 200'000), Seen{"text " + text});
  }
}

TEST(WsMessages, TooLongOnesAreFaultsAtTheirHeader) {
  EXPECT_EQ(read(frame(Opcode::text, std::string(1001, 'x')).substr(0, 8), 1), Seen{"fault 1009"});
  EXPECT_EQ(
      read(frame(Opcode::text, std::string(600, 'x'), false) + frame(Opcode::continuation, std::string(401, 'x')), 64),
      Seen{"fault 1009"});
  EXPECT_EQ(read(raw({0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}), 14),
            Seen{"fault 1009"});
}

TEST(WsMessages, AgainstTheProtocolAreFaultsAsSoonAsThatCanBeSeen) {
  for (const int first : {0xC1, 0xA1, 0x91, 0x83, 0x87, 0x8B, 0x8F, 0x80, 0x00, 0x08, 0x09, 0x0A})
    EXPECT_EQ(read(raw({first}), 1), Seen{"fault 1002"}) << first;
  for (const int first : {0x82, 0x02}) EXPECT_EQ(read(raw({first}), 1), Seen{"fault 1003"}) << first;
  EXPECT_EQ(read(raw({0x81, 0x05}), 1), Seen{"fault 1002"});  // unmasked
  EXPECT_EQ(read(raw({0x89, 0x80 | 126}), 1), Seen{"fault 1002"});
  EXPECT_EQ(read(frame(Opcode::text, "x", false) + raw({0x81}), 1), Seen{"fault 1002"});
  EXPECT_EQ(read(frame(Opcode::text, "x", false) + raw({0x82}), 1), Seen{"fault 1002"});
  expect_seen(raw({0x81, 0x80 | 126, 0, 125, 0, 0, 0, 0}), {"fault 1002"});
  expect_seen(raw({0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0}), {"fault 1002"});
  expect_seen(raw({0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}), {"fault 1002"});
}

TEST(WsClose, IsReadAndChecked) {
  expect_seen(frame(Opcode::close, ""), {"close 1005 "});
  expect_seen(frame(Opcode::close, close_payload(CloseCode{1000}) + "bye"), {"close 1000 bye"});
  expect_seen(frame(Opcode::close, "x"), {"fault 1002"});
  expect_seen(frame(Opcode::close, close_payload(CloseCode{1000}) + "\xC3"), {"fault 1007"});
  expect_seen(frame(Opcode::text, "x", false) + frame(Opcode::close, close_payload(CloseCode{3000})), {"close 3000 "});
  for (int code = 0; code <= 0xFFFF; ++code) {
    const bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code < 5000);
    ASSERT_EQ(may_be_sent(static_cast<CloseCode>(code)), good) << code;
  }
}

// A plain decoder.
bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC0 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF8 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    unsigned long code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xC0) != 0x80) return false;
      code = code << 6 | (byte & 0x3Fu);
    }
    constexpr unsigned long kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length > 1 && (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))) return false;
    i += length;
  }
  return true;
}

TEST(WsUtf8, IsCheckedAsAPlainDecoderDoes) {
  // All first bytes; of the others those at which something changes.
  const std::vector<int> edges{0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                               0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
  for (int lead = 0; lead < 256; ++lead) {
    for (const int second : edges) {
      for (const int third : edges) {
        for (const int fourth : {0x41, 0x80, 0xBF, 0xC0}) {
          for (const char* before : {"", "0123456", "01234567"}) {  // on both sides of the eight at once
            const std::string text = before + raw({lead, second, third, fourth}) + "and more";
            Utf8Check whole;
            ASSERT_EQ(whole.take(text) && whole.complete(), is_utf8(text)) << lead << " " << second << " " << third;
            Utf8Check cut;
            bool good = true;
            for (const char byte : text) good = good && cut.take({&byte, 1});
            ASSERT_EQ(good && cut.complete(), is_utf8(text)) << lead << " " << second << " " << third;
          }
        }
      }
    }
  }
}

TEST(WsUtf8, IsWrongAtTheFirstByteThatCannotBe) {
  for (const std::string& start : {raw({0xE0, 0x9F}), raw({0xED, 0xA0}), raw({0xF0, 0x8F}), raw({0xF4, 0x90}),
                                   raw({0xC1}), raw({0xF5}), raw({0x80}), raw({0xE2, 0x82, 0x41})}) {
    Utf8Check check;
    EXPECT_TRUE(check.take(start.substr(0, start.size() - 1)));
    EXPECT_FALSE(check.take(start.substr(start.size() - 1)));
  }
}

TEST(WsMask, IsTheSameFromEveryOffset) {
  const std::array<char, 4> mask{1, 2, 4, 8};
  std::string bytes(100, '\0');
  for (std::size_t cut = 0; cut <= 30; ++cut) {
    std::string parts = bytes;
    unmask(std::span(parts).first(cut), mask, 0);
    unmask(std::span(parts).subspan(cut), mask, cut);
    for (std::size_t i = 0; i < parts.size(); ++i) ASSERT_EQ(parts[i], mask[i % 4]) << cut << " " << i;
  }
}

// Any bytes: no crash, no message longer than allowed, and the same however they are cut.
TEST(WsMessages, AnyBytesMeanTheSameHoweverTheyAreCut) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned limit) { return static_cast<std::size_t>(random() % limit); };
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::size_t frames = 1 + below(4); frames > 0; --frames) {
      static constexpr Opcode kOpcodes[] = {Opcode::text, Opcode::text, Opcode::continuation,
                                            Opcode::ping, Opcode::pong, Opcode::close};
      std::string one = frame(kOpcodes[below(6)], std::string(below(140), 'x'), below(4) != 0);
      if (below(4) == 0) one[below(static_cast<unsigned>(one.size()))] = static_cast<char>(random());
      bytes += one;
    }
    const Seen whole = read(bytes, bytes.size());
    ASSERT_EQ(read(bytes, 1), whole);
    ASSERT_EQ(read(bytes, 1 + below(40)), whole);
    for (const std::string& one : whole) ASSERT_LE(one.size(), 1000u + 16);
  }
}

TEST(WsQueue, GivesFramesInOrderInWhateverPiecesTheyGo) {
  std::mt19937 random(7);
  const auto text = [](std::size_t size, char c) { return std::make_shared<const std::string>(size, c); };
  for (const std::size_t limit : {std::size_t{1}, std::size_t{5}, std::size_t{300}, std::size_t{100'000}}) {
    FrameQueue queue;
    std::string expected;
    std::string got;
    EXPECT_TRUE(queue.empty());
    queue.push_raw(std::make_shared<const std::string>("as it is"));
    expected += "as it is";
    for (std::size_t i = 0; i < 200 || !queue.empty(); ++i) {
      if (i < 200) {
        const std::size_t size = i % 50 == 0 ? 66'000 : i % 7 == 0 ? 0 : i % 3 == 0 ? 300 : 100;
        const Opcode opcode = i % 5 == 0 ? Opcode::pong : Opcode::text;
        queue.push(opcode, text(size, static_cast<char>('a' + i % 26)));
        expected += std::string(FrameHeader(opcode, size).bytes()) + std::string(size, static_cast<char>('a' + i % 26));
      }
      std::string bytes;
      queue.gather(bytes, limit);
      ASSERT_LE(bytes.size(), limit);
      const std::size_t gone = random() % (bytes.size() + 1);
      got += bytes.substr(0, gone);
      queue.drop(gone);
    }
    EXPECT_EQ(got, expected);
    EXPECT_EQ(queue.cost(), 0u);
  }
}

TEST(WsQueue, CountsWhatWaits) {
  FrameQueue queue;
  EXPECT_EQ(queue.cost_behind_first(), 0u);
  queue.push(Opcode::text, std::make_shared<const std::string>(1000, 'x'));
  EXPECT_GT(queue.cost(), 1000u);
  EXPECT_EQ(queue.cost_behind_first(), 0u);
  queue.push(Opcode::pong, std::make_shared<const std::string>());
  EXPECT_GT(queue.cost_behind_first(), 0u);  // empty frames take memory, too
}

TEST(WsQueue, GivesWhatStandsTogetherWithoutACopy) {
  const auto text = [](std::string_view of) { return std::make_shared<const std::string>(of); };
  const std::vector<std::shared_ptr<const std::string>> texts{text("one"), text(""), text(std::string(300, 'x'))};
  const auto wire = text(frames_of(texts));
  FrameQueue framed_one_by_one;
  for (const auto& one : texts) framed_one_by_one.push(Opcode::text, one);
  EXPECT_EQ(framed_one_by_one.in_one_piece(), "");
  std::string bytes;
  framed_one_by_one.gather(bytes, 1000);
  EXPECT_EQ(*wire, bytes);

  FrameQueue queue;
  EXPECT_EQ(queue.in_one_piece(), "");
  queue.push_raw(wire);
  EXPECT_EQ(queue.in_one_piece().data(), wire->data());
  queue.drop(3);
  EXPECT_EQ(queue.in_one_piece(), wire->substr(3));
  queue.push(Opcode::pong, text("p"));
  EXPECT_EQ(queue.in_one_piece(), "");
  queue.drop(wire->size() - 3);
  EXPECT_EQ(queue.in_one_piece(), "");  // its header is not made yet
}

TEST(WsQueue, KeepsOfAFrameThatHasBegunTheRest) {
  const auto text = std::make_shared<const std::string>("hello");
  FrameQueue queue;
  for (int i = 0; i < 3; ++i) queue.push(Opcode::text, text);
  queue.drop(7 + 3);  // one, and a part of the next
  queue.drop_unbegun();
  queue.push(Opcode::close, std::make_shared<const std::string>());
  std::string bytes;
  queue.gather(bytes, 100);
  EXPECT_EQ(bytes, "ello" + raw({0x88, 0}));
  queue.drop(bytes.size());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(text.use_count(), 1);

  for (int i = 0; i < 3; ++i) queue.push(Opcode::text, text);
  queue.drop_unbegun();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.cost(), 0u);
  EXPECT_EQ(text.use_count(), 1);
}

}  // namespace
}  // namespace battery_twin::http
