// A body. The first byte says how it is cut, the second whether it comes in chunks or has a length, and which.

#include "../../src/http/body_reader.hpp"

#include <cstdio>
#include <string>

#include "fuzzing.hpp"
#include "strict_reading.hpp"

namespace battery_twin::fuzz {
namespace {

constexpr std::size_t kMaxBody = 200;

struct Read {
  std::size_t taken = 0;
  bool done = false;
  int refused = 0;
  std::string body;

  bool operator==(const Read&) const = default;
};

Read read(std::optional<std::uint64_t> length, std::string_view bytes, std::uint8_t longest) {
  http::BodyReader reader(length, kMaxBody);
  Read read;
  for (Pieces pieces(bytes, longest); !pieces.empty() && !reader.done() && !reader.refusal();) {
    const std::string_view piece = pieces.next();
    const std::size_t taken = reader.take(piece);
    require(taken <= piece.size(), "no more is taken than there is");
    require(taken == piece.size() || reader.done() || reader.refusal(), "all is taken while the body goes on");
    read.taken += taken;
    require(reader.body().size() <= kMaxBody, "a body is not longer than allowed");
  }
  read.done = reader.done();
  if (reader.refusal()) {
    require(!read.done, "a body that is refused is not done");
    require(!reader.refusal()->sentence.empty(), "a refusal says why");
    read.refused = reader.refusal()->status;
    return read;  // how much of it was kept by then is nobody's business
  }
  read.body = reader.body();
  return read;
}

// In chunks of at most `longest` bytes.
std::string chunks_of(std::string_view body, std::uint8_t longest) {
  std::string text;
  for (Pieces pieces(body, longest); !pieces.empty();) {
    const std::string_view piece = pieces.next();
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    text.append(size).append(piece).append("\r\n");
  }
  return text + "0\r\n\r\n";
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace battery_twin::fuzz;
  Input input(data, size);
  const std::uint8_t longest = input.choice();
  const std::uint8_t kind = input.choice();
  const bool chunked = kind == 0 || kind == 'c';
  const auto length = chunked ? std::nullopt : std::optional<std::uint64_t>(kind);
  const std::string_view bytes = input.rest();

  const Read whole = read(length, bytes, Pieces::kWhole);
  require(read(length, bytes, longest) == whole, "what is read does not depend on how the bytes are cut");
  require(read(length, bytes, Pieces::kSingleBytes) == whole, "nor when each of them comes alone");
  require(whole.refused == 0 || whole.refused == 400 || whole.refused == 413 || whole.refused == 431,
          "a refusal has one of the statuses for that");
  if (!chunked) {
    require((whole.refused == 413) == (*length > kMaxBody), "a length above the limit is refused, no other is");
    require(whole.refused != 0 || whole.body == bytes.substr(0, kind), "the body is what was sent");
    return 0;
  }
  if (!whole.done) return 0;
  const auto strict = read_chunks_strictly(bytes);
  require(strict.has_value(), "what is accepted is chunked by the letter of RFC 9112");
  require(strict->end == whole.taken && strict->body == whole.body, "and means the same");
  const Read again = read(length, chunks_of(whole.body, longest), longest);
  require(again.done && again.body == whole.body, "a body put into chunks again is the same");
  return 0;
}
