#include <iostream>
#include <string>
#include <vector>

#include "options.hpp"
#include "serve.hpp"
#include "simulate.hpp"

int main(int argc, char** argv) {
  using namespace battery_twin::app;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string command = arguments.empty() ? "" : arguments.front();
  try {
    if (command == "simulate") {
      arguments.erase(arguments.begin());
      const auto options = read_simulate_options(std::move(arguments));
      if (const auto* exit = std::get_if<Exit>(&options)) return exit->code;
      return simulate(std::get<SimulateOptions>(options));
    }
    if (command == "serve") arguments.erase(arguments.begin());
    const auto options = read_serve_options(std::move(arguments));
    if (const auto* exit = std::get_if<Exit>(&options)) return exit->code;
    return serve(std::get<ServeOptions>(options));
  } catch (const std::exception& error) {
    std::cerr << "battery-twin: " << error.what() << '\n';
    return kExitStart;
  }
}
