#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace battery_twin::postgres {

/// Asks again and again, for a minute. False when it never came true.
[[nodiscard]] bool wait_until(const std::function<bool()>& done);

/// Runs a program in the folder, where its output goes to the end of the file `log`.
/// @param input  becomes its stdin, or -1 for none
/// @throws std::runtime_error
[[nodiscard]] pid_t spawn_in(const std::filesystem::path& folder, std::vector<std::string> words, int input = -1);

[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
/// No process any more, if perhaps one that nobody has asked about yet.
[[nodiscard]] bool is_gone(pid_t pid);
/// SIGSTOP; returns once it stands still. @throws std::runtime_error
void stop_process(pid_t pid);

}  // namespace battery_twin::postgres
