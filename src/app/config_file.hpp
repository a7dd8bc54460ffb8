#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <map>
#include <string>

namespace battery_twin::app {

/// The TOML file of --config: options by name, with numbers, true and false, text in quotes, and lists of these.
/// CLI11's own reader takes much that is no TOML. A backslash stands for itself.
class ConfigFile final : public CLI::ConfigTOML {
 public:
  /// @throws CLI::ConfigError  where it is no list of options; begins with "line <n>: "; or it is too large
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

  /// Where the option stands in what was read last, counted from 1; or 0.
  [[nodiscard]] std::size_t line_of(const std::string& name) const;

  /// The option's value there is true or false, which is all that a flag takes.
  [[nodiscard]] bool is_switch(const std::string& name) const;

 private:
  struct Place {
    std::size_t line;
    bool is_switch;
  };

  mutable std::map<std::string, Place> places_;  // CLI11 reads with a constant one
};

}  // namespace battery_twin::app
