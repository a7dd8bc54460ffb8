#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

namespace battery_twin::http {

using OnError = std::function<void(std::string_view text)>;

/// Runs the io_context until it is stopped or has nothing to do. An exception that leaves a handler ends that handler,
/// never the loop.
void run_loop(boost::asio::io_context& io, const OnError& on_error);

/// Tells when the thread that runs the io_context does not come round for a while: then nobody is answered.
class Watchdog {
 public:
  /// @param on_error  told once when the thread has been blocked for `limit`, and once when it goes on; on a thread of
  ///                  the watchdog's own
  /// @param io        must outlive the watchdog
  Watchdog(boost::asio::io_context& io, std::chrono::milliseconds limit, OnError on_error);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  // What a probe that is still queued may outlive the watchdog with.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool answered = false;
    bool stop = false;
  };

  void watch();

  boost::asio::io_context& io_;
  std::chrono::milliseconds limit_;
  OnError on_error_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

}  // namespace battery_twin::http
