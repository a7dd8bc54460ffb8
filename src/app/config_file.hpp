#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <map>
#include <string>

namespace battery_twin::app {

/// The TOML file of --config, read by CLI11, which does not know lines, lists of several lines and a # in quotes. Nor
/// does it mind what stands in sections, or twice.
class ConfigFile final : public CLI::ConfigTOML {
 public:
  ConfigFile() { comment('\x01'); }  // comments are gone when CLI11 looks

  /// @throws CLI::ConfigError  where it is no list of options; begins with "line <n>: "
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

  /// Where the option stands in what was read last, counted from 1; or 0.
  [[nodiscard]] std::size_t line_of(const std::string& name) const;

 private:
  mutable std::map<std::string, std::size_t> lines_;  // CLI11 reads with a constant one
};

}  // namespace battery_twin::app
