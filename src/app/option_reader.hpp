#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config_file.hpp"

namespace battery_twin::app {

/// Why there are no options: something is wrong, or help was asked for.
struct Complaint {
  int code;
  std::string text;  ///< what is to be said, whole
};

[[nodiscard]] Complaint complaint(int code, const std::string& sentence);

/// One reading of an app's options from arguments, environment and file. Of an option that stands twice the last
/// counts, as with uvicorn.
class OptionReader {
 public:
  /// @param app   has its options
  /// @param file  reads its configuration file; or null, for one that has none
  OptionReader(CLI::App& app, std::vector<std::string> arguments, std::shared_ptr<const ConfigFile> file = nullptr)
      : app_(app), arguments_(std::move(arguments)), file_(std::move(file)) {}

  /// @return why there are no options, or nothing
  std::optional<Complaint> parse();

  /// Loads a file of variables, which only the options say where it is. Those that stand for options then count as if
  /// they had been in the environment before.
  std::optional<Complaint> join(const std::string& environment_file, std::vector<std::string>& warnings);

  /// @param sentence  about an option, which it names: where that stands in the file or in a variable it says so
  [[nodiscard]] Complaint complaint(int code, const std::string& sentence) const;

 private:
  [[nodiscard]] Complaint complaint_about_use(const std::string& sentence) const;

  // The first word that nothing knows what to do with, or nothing. Behind a name that is spelled wrong may stand a
  // token: no more is said than the name.
  [[nodiscard]] std::string about_stranger() const;

  // "--name=value", instead of what the file has. None of these may be repeated.
  void set(const std::string& argument);

  [[nodiscard]] std::string path() const;

  // In a file a list is more than the last of several words, and what CLI11 takes for yes is no TOML.
  [[nodiscard]] std::optional<Complaint> complaint_about_kinds() const;

  [[nodiscard]] bool is_switch(const CLI::Option& option) const;

  // The first one that a sentence names.
  [[nodiscard]] const CLI::Option* option_in(const std::string& sentence) const;

  // "UVICORN_PORT: ", where the option comes from there; "twin.toml, line 3: ", where the file has it and neither
  // arguments nor environment have.
  [[nodiscard]] std::string place_of(const CLI::Option* option) const;

  [[nodiscard]] std::string about_file(const std::string& text) const;

  CLI::App& app_;
  std::vector<std::string> arguments_;  // and what stands in the environment
  std::map<const CLI::Option*, std::string> variables_;
  std::shared_ptr<const ConfigFile> file_;
};

}  // namespace battery_twin::app
