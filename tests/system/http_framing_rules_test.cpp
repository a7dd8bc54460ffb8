// Where a request ends: what must hold whatever a client says of its body's length. Everything goes over raw
// connections.
#include <gtest/gtest.h>

#include "http_rules.hpp"

namespace battery_twin::system {
namespace {

TEST(H1, OnlyOneChunkedIsATransferEncoding) {
  const Twin twin;
  std::vector<Refused> cases;
  for (const char* coding : {"gzip", "identity", "chunked, gzip", "gzip, chunked", "chunked, chunked", "chunked,",
                             "xchunked", "chunkedx", "chunked;q=1", "\"chunked\"", ""}) {
    const std::string field = "Transfer-Encoding: " + std::string(coding) + "\r\n";
    cases.push_back({coding, kPost + field + "\r\n", {400, 501}});
    cases.push_back({coding, kPost + field + "\r\n2\r\n{}\r\n0\r\n\r\n", {400, 501}});
    cases.push_back({coding, kPost + field + "Content-Length: 2\r\n\r\n{}", {400, 501}});
  }
  cases.push_back({"twice", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
  cases.push_back({"two codings", kPost + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
  expect_refused(twin, cases);
  expect_taken(twin, {{"in any case", kPost + "Transfer-Encoding: CHUNKED \r\n\r\n2\r\n{}\r\n0\r\n\r\n"}});
}

TEST(H2, ALengthIsGivenOnceAndInDigits) {
  const Twin twin;
  std::vector<Refused> cases{
      {"length and chunked", kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunked and length", kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"two that differ", kPost + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
      {"two that agree", kPost + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
  };
  for (const char* length : {"+2", "-2", "0x2", "2 2", "2, 2", "2,3", "", "1e1", "2.0", "\"2\"", "18446744073709551616",
                             "99999999999999999999999999"})
    cases.push_back({length, kPost + "Content-Length: " + length + "\r\n\r\n{}"});
  expect_refused(twin, cases);
}

TEST(J7, AFieldThatMayStandOnceIsNotGivenTwice) {
  const Twin twin;
  expect_refused(twin, {{"json, then text", kPost + "Content-Type: application/json\r\nContent-Type: text/plain\r\n"
                                                    "Content-Length: 2\r\n\r\n{}"},
                        {"two codings", kPost + "Content-Type: application/json\r\nContent-Encoding: identity\r\n"
                                                "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"}});
}

TEST(H3, Http10HasNoChunks) {
  const Twin twin;
  expect_refused(twin, {{"chunked",
                         "POST /factory/start HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"}});
}

TEST(H4, ChunkSizesAreHexDigitsAndTrue) {
  const Twin twin;
  std::vector<Refused> cases{
      {"longer than it says", kChunked + "2\r\n{}x\r\n0\r\n\r\n"},
      {"no line end behind it", kChunked + "2\r\n{}0\r\n\r\n"},
      {"bare LF behind it", kChunked + "2\r\n{}\n0\r\n\r\n"},
      {"bare LF behind the size", kChunked + "2\n{}\r\n0\r\n\r\n"},
      {"bare LF behind an extension", kChunked + "2;ab\n{}\r\n0\r\n\r\n"},
      {"bare CR behind the size", kChunked + "2\r{}\r\n0\r\n\r\n"},
      {"17 digits", kChunked + "00000000000000002\r\n{}\r\n0\r\n\r\n"},
      {"more than 64 bits", kChunked + "10000000000000002\r\n{}\r\n0\r\n\r\n"},
      {"far too many", kChunked + "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", {413}},
  };
  for (const char* size : {"", "xyz", "+2", "-2", "0x2", " 2", "2 ", "2h", "2,", "2;"})
    cases.push_back({size, kChunked + size + "\r\n{}\r\n0\r\n\r\n"});
  expect_refused(twin, cases);
  expect_taken(twin, {{"upper and lower", kChunked + "02\r\n{}\r\n0A\r\n          \r\n0a\r\n          \r\n0\r\n\r\n"},
                      {"many zeros", kChunked + "2\r\n{}\r\n0000\r\n\r\n"}});
}

TEST(H4, ChunkExtensionsAreWellFormed) {
  const Twin twin;
  std::vector<Refused> cases;
  for (const char* extension : {"a", ";", ";;a", ";a=", ";=b", ";a=b c", ";a=\"b", ";a=\"b\\\"", ";a=\"b\"c", ";a b",
                                ";a=\"\n\"", ";a=\"\r\n\"", ";a=\"\x01\"", ";\x01", ";a\x80=b"}) {
    cases.push_back({extension, kChunked + "2" + extension + "\r\n{}\r\n0\r\n\r\n"});
    cases.push_back({extension, kChunked + "2\r\n{}\r\n0" + extension + "\r\n\r\n"});
  }
  expect_refused(twin, cases);
  expect_taken(twin, {{"names and values", kChunked + "2;a;b=c;d=\"q;\\\"\xC3\xBC \"\r\n{}\r\n0;e\r\n\r\n"},
                      {"blanks", kChunked + "2 ; a = b ;\tc\r\n{}\r\n0\r\n\r\n"}});
}

TEST(H4, ChunkLinesAreBounded) {
  const Twin twin;
  constexpr std::size_t kMaxLine = 4 * 1024;
  const auto line = [](std::string_view size, std::size_t length) {  // with its end
    return std::string(size) + ";" + std::string(length - size.size() - 3, 'a') + "\r\n";
  };
  expect_taken(twin, {{"the longest", kChunked + line("2", kMaxLine) + "{}\r\n" + line("0", kMaxLine) + "\r\n"}});
  const Twin fresh;
  expect_refused(fresh, {{"a little longer", kChunked + line("2", kMaxLine + 1) + "{}\r\n0\r\n\r\n"},
                         {"the last one", kChunked + "2\r\n{}\r\n" + line("0", kMaxLine + 1) + "\r\n"},
                         {"no end at all", kChunked + "2;" + std::string(400'000, 'a')}});
}

TEST(H4, AllChunkExtensionsTogetherAreBounded) {
  const Twin twin;
  const auto chunks = [](std::size_t extensions) {  // bytes of them, a hundred per chunk
    std::string text = "2\r\n{}\r\n";
    for (std::size_t i = 0; i < extensions / 100; ++i) text += "1;" + std::string(99, 'a') + "\r\n \r\n";
    return text + "0\r\n\r\n";
  };
  expect_taken(twin, {{"16 KiB", kChunked + chunks(16'300)}});
  const Twin fresh;
  expect_refused(fresh, {{"more", kChunked + chunks(16'400)}});
}

TEST(H5, TrailersAreReadOverAndBounded) {
  const Twin twin;
  const std::string body = kChunked + "2\r\n{}\r\n0\r\n";
  Connection connection(twin.server.port());
  connection.send(body +
                  "Content-Length: 500\r\nTransfer-Encoding: gzip\r\nHost: evil.example\r\nConnection: close\r\n"
                  "X-Request-ID: from-a-trailer\r\nOrigin: http://evil.example\r\n\r\n" +
                  kNext);
  const HttpResponse response = read_response(connection);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.field("X-Request-ID"), "from-a-trailer");
  EXPECT_EQ(read_response(connection).status, 200);
  expect_taken(twin, {{"8 KiB with the last line", body + "X: " + std::string(8 * 1024 - 7, 'a') + "\r\n\r\n"}});

  const Twin fresh;
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "X-A: 12345\r\n";
  expect_refused(fresh, {{"one more", body + "X: " + std::string(8 * 1024 - 6, 'a') + "\r\n\r\n", {431}},
                         {"many", body + many + "\r\n", {431}},
                         {"no end at all", body + "X: " + std::string(400'000, 'a'), {431}},
                         {"no colon", body + "nonsense\r\n\r\n"},
                         {"folded", body + "X: 1\r\n 2\r\n\r\n"},
                         {"blank before the colon", body + "X : 1\r\n\r\n"},
                         {"bare LF", body + "X: 1\n\r\n"},
                         {"NUL", body + text_with("X: ", '\0', "\r\n\r\n")}});
}

}  // namespace
}  // namespace battery_twin::system
