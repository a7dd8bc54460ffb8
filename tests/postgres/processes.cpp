#include "processes.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace battery_twin::postgres {
namespace {

constexpr std::chrono::seconds kPatience{60};  // it only ever passes when something is broken
constexpr std::chrono::milliseconds kPollInterval{5};

struct ProcessState {
  char state = 'X';  // as in /proc/<pid>/stat, X where there is none
  pid_t parent = -1;
};

ProcessState state_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return {};
  return {.state = text[name_end + 2], .parent = std::atoi(text.c_str() + name_end + 4)};
}

}  // namespace

bool wait_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

pid_t spawn_in(const std::filesystem::path& folder, std::vector<std::string> words, int input) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (input < 0) {
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  } else {
    ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  }
  // Neither our output, for whose end somebody may wait, nor sockets that a test believes to have closed.
  ::posix_spawn_file_actions_addopen(&actions, 1, (folder / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  // A folder that the other user may enter.
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // out of reach of Ctrl-C
  pid_t pid = -1;
  const int problem = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) throw std::runtime_error("cannot run " + words[0]);
  return pid;
}

bool is_gone(pid_t pid) {
  const char state = state_of(std::to_string(pid)).state;
  return state == 'X' || state == 'Z';
}

void stop_process(pid_t pid) {
  ::kill(pid, SIGSTOP);
  if (!wait_until([&] { return state_of(std::to_string(pid)).state == 'T' || is_gone(pid); })) {
    throw std::runtime_error("a process of PostgreSQL does not stop");
  }
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos && state_of(name).parent == pid) {
      children.push_back(std::atoi(name.c_str()));
    }
  }
  return children;
}

}  // namespace battery_twin::postgres
