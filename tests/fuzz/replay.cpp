// Runs a target on files: `make test` does it with the corpus, and a person with an input that libFuzzer has found.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzzing.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t replayed = 0;
  bool is_corpus = false;
  for (int i = 1; i < count; ++i) {
    is_corpus = is_corpus || fs::is_directory(arguments[i]);
    for (const fs::path& path : files_of(arguments[i])) {
      std::ifstream file(path, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        return 1;
      }
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);  // whatever ends the program now, it was this one
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ++replayed;
    }
  }
  std::printf("%zu inputs\n", replayed);
  if (is_corpus && after_replay != nullptr && !after_replay()) return 1;
  if (replayed > 0) return 0;
  std::fprintf(stderr, "no input: usage: %s FILE|FOLDER…\n", arguments[0]);
  return 1;
}
