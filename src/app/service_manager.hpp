#pragma once

#include <optional>
#include <string_view>

namespace battery_twin::app {

/// The socket that systemd has opened for this process (sd_listen_fds(3)), if it has. Children do not inherit it.
/// @throws std::runtime_error  there is more than one, or it cannot be understood how many
[[nodiscard]] std::optional<int> socket_of_service_manager();

/// Tells systemd how the process is (sd_notify(3)), e.g. "READY=1". Without systemd nobody is told.
void tell_service_manager(std::string_view state);

/// The same of a reload that begins.
void tell_service_manager_of_reload();

}  // namespace battery_twin::app
