#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "temporary_folder.hpp"

namespace battery_twin::system {

using Words = std::vector<std::string>;

/// @return its path
inline std::string write_file(const testing::TemporaryFolder& folder, const std::string& name, std::string_view text) {
  const auto path = folder.path() / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

/// The words in front of a program that give it variables.
inline Words environment(Words variables) {
  variables.insert(variables.begin(), "env");
  return variables;
}

}  // namespace battery_twin::system
