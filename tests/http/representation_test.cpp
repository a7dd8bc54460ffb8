// One body in two forms, and the answer to who has it already.
#include <gtest/gtest.h>
#include <zlib.h>

#include "made_up_server.hpp"
#include "system/http_client.hpp"

namespace battery_twin::http {
namespace {

using system::Headers;

std::string gzip_of(const std::string& text) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string in = text;
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// @param zipped  lives as long as what is given
std::shared_ptr<api::Compressed> compressed(const std::string& zipped) {
  return std::make_shared<api::Compressed>(api::Compressed{.gzip = zipped});
}

// Answers everything with the same body.
class OneBody {
 public:
  explicit OneBody(api::Response response) {
    handler_.on_request = [response = std::move(response)](const api::RequestHead&, std::string_view,
                                                           const api::Later&) { return response; };
  }
  [[nodiscard]] system::HttpResponse get(Headers headers = {}) const {
    return system::HttpClient(server_.port()).get("/", std::move(headers));
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] std::vector<std::string> errors() const { return server_.errors(); }

 private:
  MadeUpHandler handler_;
  MadeUpServer server_{handler_};
};

const Headers kGzip{{"Accept-Encoding", "gzip"}};

TEST(CompressedBeforehand, GoesOutAsItIsOrInflated) {
  for (const std::string& text : {std::string("<p>short"), std::string(), std::string(3'000'000, 'x')}) {
    const std::string zipped = gzip_of(text);
    const OneBody server({.content_type = "text/html", .compressed = compressed(zipped)});
    const system::HttpResponse as_is = server.get(kGzip);
    EXPECT_EQ(as_is.body, zipped);
    EXPECT_EQ(as_is.field("Content-Encoding"), "gzip");
    EXPECT_EQ(as_is.field("Vary"), "Accept-Encoding");
    const system::HttpResponse plain = server.get();
    EXPECT_EQ(plain.body, text);
    EXPECT_FALSE(plain.header("Content-Encoding"));
    EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
    EXPECT_EQ(server.get({{"Accept-Encoding", "gzip;q=0, identity"}}).body, text);
    EXPECT_EQ(server.get(kGzip).body, zipped);
  }
}

TEST(CompressedBeforehand, WhatIsPlainIsCompressedOnceAndKept) {
  const std::string text(100'000, 'x');
  const auto forms = std::make_shared<api::Compressed>(api::Compressed{.plain = text});
  const OneBody server({.compressed = forms});
  EXPECT_EQ(server.get().body, text);
  EXPECT_TRUE(forms->gzip.empty());  // nobody has wanted it
  const system::HttpResponse zipped = server.get(kGzip);
  EXPECT_EQ(zipped.field("Content-Encoding"), "gzip");
  EXPECT_LT(zipped.body.size(), text.size() / 100);
  EXPECT_EQ(zipped.body, forms->gzip);
  const char* const made = forms->gzip.data();
  EXPECT_EQ(server.get(kGzip).body, zipped.body);
  EXPECT_EQ(forms->gzip.data(), made);
  EXPECT_EQ(server.get().body, text);
}

TEST(CompressedBeforehand, ABrokenOneIsAnInternalError) {
  const std::string broken = gzip_of("text").substr(0, 12);
  const OneBody server({.compressed = compressed(broken)});
  EXPECT_EQ(server.get().status, 500);
  EXPECT_EQ(server.errors().size(), 1u);
}

TEST(EntityTag, WhoHasTheBodyGets304) {
  const std::string zipped = gzip_of("<p>page");
  const OneBody server({.content_type = "text/html",
                        .headers = {{"Cache-Control", "no-cache"}},
                        .compressed = compressed(zipped),
                        .etag = 77});
  const std::string tag = server.get().field("ETag");
  const std::string zipped_tag = server.get(kGzip).field("ETag");
  EXPECT_TRUE(tag.starts_with('"') && tag.ends_with('"')) << tag;
  EXPECT_NE(tag, zipped_tag);  // they are strong, and the bytes differ
  for (const std::string& known : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
    const system::HttpResponse response = server.get({{"If-None-Match", known}});
    EXPECT_EQ(response.status, 304) << known;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.field("ETag"), tag);
    EXPECT_EQ(response.field("Cache-Control"), "no-cache");
    EXPECT_EQ(response.field("Vary"), "Accept-Encoding");
    for (const char* absent : {"Content-Type", "Content-Length", "Content-Encoding"})
      EXPECT_FALSE(response.header(absent)) << absent;
  }
  for (const std::string& other : {zipped_tag, std::string("\"7\""), std::string("77"), std::string()})
    EXPECT_EQ(server.get({{"If-None-Match", other}}).status, 200) << other;
  EXPECT_EQ(server.get({{"Accept-Encoding", "gzip"}, {"If-None-Match", zipped_tag}}).status, 304);
  EXPECT_EQ(server.get({{"Accept-Encoding", "gzip"}, {"If-None-Match", tag}}).status, 200);
}

TEST(EntityTag, A304EndsNoConnection) {
  const OneBody server({.body = "{}", .etag = 77});
  system::Connection connection(server.port());
  const Headers known{{"If-None-Match", "*"}};
  for (const char* method : {"GET", "HEAD", "GET"}) {
    connection.send(system::request_text(method, "/", {}, known));
    const system::HttpResponse response = system::read_response(connection, true);
    EXPECT_EQ(response.status, 304) << method;
    EXPECT_EQ(connection.buffer(), "");
  }
}

TEST(EntityTag, OnlySuccessIsReplaced) {
  const OneBody failed({.status = 404, .body = "{}", .etag = 77});
  EXPECT_EQ(failed.get({{"If-None-Match", "*"}}).status, 404);
  const OneBody without({.body = "{}"});
  EXPECT_EQ(without.get({{"If-None-Match", "*"}}).status, 200);
  EXPECT_FALSE(without.get().header("ETag"));
}

}  // namespace
}  // namespace battery_twin::http
