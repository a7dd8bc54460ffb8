#pragma once

#include <chrono>
#include <thread>

#include "api_under_test.hpp"
#include "compat/names.hpp"

namespace battery_twin::api {

/// What tests of the Python server's routes share. There is no store, and each test runs under both model sets.
class CompatTest : public ::testing::TestWithParam<process::ModelSet> {
 protected:
  Json post(std::string_view path, const Json& body, int status = 200) { return ask("POST", path, dump(body), status); }
  Json patch(std::string_view path, const Json& body, int status = 200) {
    return ask("PATCH", path, dump(body), status);
  }
  Json ask(std::string_view method, std::string_view path, std::string_view body, int status) {
    const Response response = twin_.ask(method, path, body);
    EXPECT_EQ(response.status, status) << method << " " << path << " " << body << "\n" << response.body;
    return Json::parse(response.body);
  }
  /// 400 with that code; its detail.
  Json refused(std::string_view method, std::string_view path, std::string_view body, std::string_view code) {
    const Json answer = ask(method, path, body, 400);
    const Json& detail = answer.at("detail");
    EXPECT_EQ(detail.at("success"), false);
    EXPECT_EQ(detail.at("error_code"), code) << body;
    EXPECT_FALSE(detail.at("message").get<std::string>().empty());
    return detail;
  }

  /// Starts a batch and waits until it is in its first machines.
  void start() {
    ASSERT_EQ(twin_.ask("POST", "/api/simulation/start").status, 200);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (const char* path : {"/machine/anode/mixing/status", "/machine/cathode/mixing/status"}) {
      while (twin_.get(path).at("state") != "On") {
        ASSERT_LT(std::chrono::steady_clock::now(), end);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  [[nodiscard]] const plant::Layout& layout() { return twin_.plant().layout(); }
  [[nodiscard]] std::optional<double> value(std::string_view process, std::string_view field) {
    const plant::Station& station = *layout().find_process(process);
    return twin_.plant().parameters(station).at(station.type->index_of(field).value());
  }

  ApiUnderTest twin_{GetParam()};
  const compat::Names names_{twin_.plant().layout()};
};

inline std::string models_of(const ::testing::TestParamInfo<process::ModelSet>& tested) {
  return std::string(to_string(tested.param));
}

}  // namespace battery_twin::api
