#pragma once

#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace battery_twin::system {

using Words = std::vector<std::string>;

[[nodiscard]] Words operator+(Words a, const Words& b);

/// Certificates of the tests' own, each made when it is first asked for. They are of themselves, for localhost and
/// 127.0.0.1: "server", "client", "stranger", "second", and "locked", whose key has the password "secret".
class Certificates {
 public:
  /// Path of the PEM file.
  [[nodiscard]] std::string certificate(const std::string& name) const;
  [[nodiscard]] std::string key(const std::string& name) const;
  /// A place for another file.
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  /// What makes a server speak TLS.
  [[nodiscard]] Words options(const std::string& name = "server") const {
    return {"--ssl-certfile", certificate(name), "--ssl-keyfile", key(name)};
  }

 private:
  void make_sure_of(const std::string& name) const;

  testing::TemporaryFolder folder_;
};

/// Those of this process.
[[nodiscard]] const Certificates& certificates();

}  // namespace battery_twin::system
