#include "certificates.hpp"

#include <map>
#include <stdexcept>

#include "server_process.hpp"

namespace battery_twin::system {
namespace {

void run(const Words& words) {
  Process process(words);
  if (process.wait() != 0) throw std::runtime_error(process.err());
}

}  // namespace

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void Certificates::make_sure_of(const std::string& name) const {
  static const std::map<std::string, std::string> serials{
      {"server", "01"}, {"client", "02"}, {"stranger", "03"}, {"second", "04"}, {"locked", "05"}};
  const std::string key = file(name + ".key");
  const std::string certificate = file(name + ".pem");
  if (std::filesystem::exists(certificate)) return;
  const bool locked = name == "locked";
  run(Words{"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key} +
      (locked ? Words{"-aes256", "-pass", "pass:secret"} : Words{}));
  run(Words{"openssl", "req", "-x509", "-key", key, "-days", "2", "-subj", "/CN=" + name, "-set_serial",
            "0x" + serials.at(name), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", certificate} +
      (locked ? Words{"-passin", "pass:secret"} : Words{}));
}

std::string Certificates::certificate(const std::string& name) const {
  make_sure_of(name);
  return file(name + ".pem");
}

std::string Certificates::key(const std::string& name) const {
  make_sure_of(name);
  return file(name + ".key");
}

const Certificates& certificates() {
  static const Certificates all;
  return all;
}

}  // namespace battery_twin::system
