// Pipelined requests: the bytes of a connection, in pieces. The first byte says how they are cut.

#include "../../src/http/access_policy.hpp"
#include "../../src/http/utf8.hpp"
#include "framing.hpp"
#include "fuzzing.hpp"
#include "strict_reading.hpp"

namespace battery_twin::fuzz {
namespace {

void check_request(const SeenRequest& request, std::string_view bytes, std::size_t start, bool is_last) {
  const auto strict = read_request_strictly(bytes.substr(start));
  require(strict.has_value(), "what is served is a request by the letter of RFC 9112");
  require(strict->content.end == request.end - start, "it ends where RFC 9112 says");
  require(strict->content.body == request.body, "its body is the one that RFC 9112 says");
  require(strict->method == request.method, "its method is the one that was sent");
  require(is_last || !strict->closes, "nothing is served behind a request that closes");
  require(request.body.size() <= kMaxBody, "its body is not longer than allowed");
  require(request.path == "*" || request.path.starts_with('/'), "its path is one");
  require(request.path.find('\0') == std::string::npos, "no NUL in a path");
  require(http::is_utf8(request.path), "a path is UTF-8");
  require(request.host.empty() || http::is_host(request.host), "its host is one");
}

void check(const Seen& seen, std::string_view bytes) {
  std::size_t start = 0;
  for (const SeenRequest& request : seen.requests) {
    check_request(request, bytes, start, &request == &seen.requests.back());
    start = request.end;
  }
  if (seen.end != Seen::End::refused) return;
  const int status = seen.status;
  require(status == 400 || status == 413 || status == 414 || status == 431 || status == 501 || status == 505,
          "a refusal has one of the statuses for that");
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace battery_twin::fuzz;
  Input input(data, size);
  const std::uint8_t longest = input.choice();
  const Seen whole = read_connection(input.rest(), Pieces::kWhole);
  check(whole, input.rest());
  require(read_connection(input.rest(), longest) == whole, "what is seen does not depend on how the bytes are cut");
  require(read_connection(input.rest(), Pieces::kSingleBytes) == whole, "nor when each of them comes alone");
  return 0;
}
