#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <initializer_list>
#include <string>
#include <thread>

#include "twin.hpp"

// What tests of WebSockets share: bytes by number, and what a client costs the server.
namespace battery_twin::system {

inline constexpr std::size_t kMaxMessage = 1024 * 1024;
inline constexpr std::size_t kMaxBacklog = 1024 * 1024;
inline constexpr seconds kFreed{5};  // the contract's own limit for what a client that has gone still holds

inline std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}

inline std::string close_payload(int code) { return raw({code >> 8, code & 0xFF}); }

inline std::size_t clients_of(const Twin& twin) { return twin.get("/health").at("websocket_clients"); }

/// True when so many clients are left in the contract's time.
inline bool freed(const Twin& twin, std::size_t left) {
  const auto until = std::chrono::steady_clock::now() + kFreed;
  while (clients_of(twin) != left) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

inline std::size_t resident_bytes(const Twin& twin) {
  std::ifstream pages("/proc/" + std::to_string(twin.server.pid()) + "/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  pages >> all >> resident;
  return resident * 4096;
}

/// Makes events, several requests at a time over one connection, without anything running in the plant.
class EventMaker {
 public:
  explicit EventMaker(const Twin& twin) : connection_(twin.server.port()) {
    request_ = request_text("PATCH", "/machine/anode/coating/parameters",
                            R"({"coating_speed":0.5,"gap_height":0.0005,"flow_rate":0.00005,"coating_width":0.5})",
                            {{"Content-Type", "application/json"}});
  }
  void make(int count) {
    constexpr int kAtOnce = 50;
    for (int made = 0; made < count; made += kAtOnce) {
      std::string several;
      for (int i = 0; i < kAtOnce; ++i) several += request_;
      connection_.send(several);
      for (int i = 0; i < kAtOnce; ++i) ASSERT_EQ(read_response(connection_).status, 200);
    }
  }

 private:
  Connection connection_;
  std::string request_;
};

}  // namespace battery_twin::system
