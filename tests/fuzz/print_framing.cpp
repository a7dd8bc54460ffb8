// For differential.py: reads connections from stdin, each as its length in a line and then its bytes, and answers each
// with the ends of the requests that the server sees there, in one line.

#include <cstdio>
#include <string>

#include "framing.hpp"
#include "fuzzing.hpp"

int main() {
  using namespace battery_twin::fuzz;
  std::size_t size = 0;
  while (std::scanf("%zu", &size) == 1 && std::getchar() == '\n') {
    std::string bytes(size, '\0');
    if (std::fread(bytes.data(), 1, size, stdin) != size) return 1;
    for (const SeenRequest& request : read_connection(bytes, Pieces::kWhole).requests) std::printf("%zu ", request.end);
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}
