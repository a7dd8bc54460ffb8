#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "battery_twin/http/tls.hpp"

namespace battery_twin::http {

class Tls {
 public:
  explicit Tls(const TlsConfig& config);
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace battery_twin::http
