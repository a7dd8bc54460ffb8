// The limit that the server is measured against: a bare epoll loop, one thread, that gives every request the same
// answer and looks at nothing but the empty line that ends a request.
//
// Usage: bench_responder < ANSWER    the answer, header and all; prints the port it listens on

#include "sockets.hpp"

int main() {
  const std::string one = bench::standard_input();
  if (one.empty()) bench::fail("bench_responder: no answer on standard input");
  std::string many;  // answers to requests that came together
  bench::serve(
      [&](int descriptor, std::string_view, std::size_t count) {
        if (count == 1) return bench::send_whole(descriptor, one);
        while (many.size() < count * one.size()) many += one;
        return bench::send_whole(descriptor, std::string_view(many).substr(0, count * one.size()));
      },
      [](int) {});
}
