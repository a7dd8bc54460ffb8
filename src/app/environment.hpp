#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace battery_twin::app {

/// Options that stand in the environment and not among the arguments, as if they stood there. That puts the environment
/// before the configuration file, which CLI11 would have the other way round.
/// @return the variable that each of these comes from
std::map<const CLI::Option*, std::string> add_environment(const CLI::App& app, std::vector<std::string>& arguments);

/// An option of `app` is among the arguments, by any of its names.
[[nodiscard]] bool is_among(const std::vector<std::string>& arguments, const CLI::Option& option);

/// A sentence for each BATTERY_TWIN_* variable that stands for no option, neither of `app` nor of `others`.
/// @param others  names without dashes
[[nodiscard]] std::vector<std::string> about_unknown_variables(const CLI::App& app,
                                                               const std::vector<std::string>& others);

/// One of the variables that say where a PostgreSQL is, if any is set.
[[nodiscard]] std::optional<std::string> postgres_variable();

/// The one of the names that was perhaps meant, or nothing.
[[nodiscard]] std::string nearest(const std::string& name, const std::vector<std::string>& names);

/// The names of an app's options, without dashes.
[[nodiscard]] std::vector<std::string> names_of_options(const CLI::App& app);

/// Adds the variables of a file as python-dotenv reads it to the environment of the process, where that has none of the
/// same name. UVICORN_* and BATTERY_TWIN_* are left out: uvicorn reads the file when it has its options. For a process
/// with one thread.
/// @return a sentence that names one of those that were left out, or nothing
/// @throws TextTooLong         the file, or what it expands to, is larger than 1 MiB
/// @throws std::runtime_error  it cannot be read, or has an access token's variable, without which the plant is open
[[nodiscard]] std::string load_environment_file(const std::string& path);

}  // namespace battery_twin::app
