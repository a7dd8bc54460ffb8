#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "battery_twin/http/io_loop.hpp"
#include "battery_twin/http/server.hpp"

namespace battery_twin::http {

/// Does what a test says. Everything is called on the I/O thread.
class MadeUpHandler : public api::Handler {
 public:
  std::function<std::optional<api::Response>(const api::RequestHead& head, std::string_view body,
                                             const api::Later& later)>
      on_request =
          [](const api::RequestHead&, std::string_view, const api::Later&) { return api::Response{.body = "{}"}; };
  std::function<void(api::Sink& sink)> on_open = [](api::Sink&) {};
  std::function<void()> on_refill = [] {};
  std::function<std::string(std::string_view text)> on_text = [](std::string_view text) { return std::string(text); };

  api::Access access(const api::RequestHead& head) const override {
    if (head.path == "/open") return api::Access::everybody;
    return head.method == "GET" ? api::Access::reading : api::Access::changing;
  }
  std::optional<api::Response> refuse(const api::RequestHead& /*head*/) override { return std::nullopt; }
  std::optional<api::Response> handle(const api::RequestHead& head, std::string_view body,
                                      const api::Later& later) override {
    return on_request(head, body, later);
  }
  api::Response as_problem(const api::Response& response, std::string_view /*title*/) const override {
    return response;
  }
  bool is_websocket(std::string_view path) const override { return path == "/ws/status"; }
  std::optional<api::Response> refuse_websocket(const api::RequestHead& /*head*/) override { return std::nullopt; }
  std::unique_ptr<api::Feed> open_feed(const api::RequestHead& /*head*/, api::Sink& sink) override {
    on_open(sink);
    return std::make_unique<MadeUpFeed>(*this);
  }

 private:
  class MadeUpFeed final : public api::Feed {
   public:
    explicit MadeUpFeed(MadeUpHandler& handler) : handler_(handler) {}
    void refill() override { handler_.on_refill(); }
    std::string on_text(std::string_view text) override { return handler_.on_text(text); }

   private:
    MadeUpHandler& handler_;
  };
};

/// A server in this process, on a thread of its own.
class MadeUpServer {
 public:
  explicit MadeUpServer(MadeUpHandler& handler, ServerConfig config = {}) {
    config.port = 0;
    config.on_error = [this](std::string_view text) { note(text); };
    server_ = make_server(io_, handler, std::move(config));
    const std::string url = server_->url();
    port_ = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    thread_ = std::thread([this] { run_loop(io_, [this](std::string_view text) { note(text); }); });
  }
  ~MadeUpServer() {
    io_.stop();
    thread_.join();
    server_->cut();
    io_.restart();
    io_.poll();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  /// Does it on the I/O thread and waits for it.
  void on_io_thread(const std::function<void()>& what) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      what();
      done.set_value();
    });
    done.get_future().get();
  }
  /// What a person should know of.
  [[nodiscard]] std::vector<std::string> errors() const {
    const std::lock_guard lock(mutex_);
    return errors_;
  }

 private:
  void note(std::string_view text) {
    const std::lock_guard lock(mutex_);
    errors_.emplace_back(text);
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> errors_;
  std::thread thread_;
};

}  // namespace battery_twin::http
