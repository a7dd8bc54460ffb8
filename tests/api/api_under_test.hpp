#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "battery_twin/api/api.hpp"

namespace battery_twin::api {

/// The routes over a plant of their own, without a socket and without a store.
class ApiUnderTest {
 public:
  explicit ApiUnderTest(process::ModelSet models = process::ModelSet::mechanistic, bool paused = true,
                        Assets assets = {}, std::string root_path = {}, bool compat = true,
                        const plant::Layout& layout = plant::standard_layout())
      : plant_(layout,
               {.models = models,
                .step_interval = plant::Interval(0),
                .queue_limit = 4,
                .paused = paused,
                .history_limit = 100},
               events_),
        api_(make_api(plant_, events_,
                      {.version = "1.2.3",
                       .limits = {.models = models},
                       .assets = std::move(assets),
                       .compat = compat,
                       .root_path = std::move(root_path)})) {}

  Response ask(std::string_view method, std::string_view path, std::string_view body = {}, std::string_view query = {},
               std::string_view accept = {}) {
    std::promise<Response> promise;
    auto future = promise.get_future();
    const Later later = [&]() -> Reply { return [&](Response response) { promise.set_value(std::move(response)); }; };
    const RequestHead head{.method = method,
                           .path = path,
                           .query = query,
                           .content_type = body.empty() ? "" : "application/json",
                           .accept = accept,
                           .has_body = !body.empty()};
    if (auto response = api_->handle(head, body, later)) return with_body(std::move(*response));
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
      throw std::runtime_error("no answer to " + std::string(path));
    return with_body(future.get());
  }

  /// GET, which must give 200; its document.
  Json get(std::string_view path, std::string_view query = {}) {
    const Response response = ask("GET", path, {}, query);
    EXPECT_EQ(response.status, 200) << path;
    return Json::parse(response.body);
  }

  Api& api() { return *api_; }
  plant::PlantSimulation& plant() { return plant_; }

 private:
  // The body of one that knows it in two forms, as who does not take gzip gets it.
  static Response with_body(Response response) {
    if (response.compressed) response.body = response.compressed->plain;
    return response;
  }

  plant::EventQueue events_;
  plant::PlantSimulation plant_;
  std::unique_ptr<Api> api_;
};

}  // namespace battery_twin::api
