#include "tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string_view>

namespace battery_twin::http {
namespace {

constexpr std::string_view kSessions = "battery-twin";
constexpr off_t kMostBytes = 16 * 1024 * 1024;  // all authorities that there are take less than one

struct Password {
  const std::string& text;
  bool asked = false;
};

// Never asks on the terminal: a server has nobody there.
int give_password(char* buffer, int size, int /*writing*/, void* data) {
  auto& password = *static_cast<Password*>(data);
  password.asked = true;
  const std::string& text = password.text;
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

// We speak HTTP/1.1. Who offers something else only is served without an agreement, as by a server that knows no ALPN.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
  constexpr std::string_view kOurs = "http/1.1";
  for (unsigned i = 0; i < offered_size; i += 1u + offered[i]) {
    const std::string_view one(reinterpret_cast<const char*>(offered) + i + 1, offered[i]);
    if (one != kOurs) continue;
    *chosen = offered + i + 1;
    *chosen_size = offered[i];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// The innermost reason that OpenSSL has.
std::string reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "it cannot be used";
}

// They are opened more than once, also while the server serves: nothing may be waited for.
void must_be_readable(const char* option, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    throw std::runtime_error(std::string(option) + ": " + path + " is no regular file");
  if (status.st_size > kMostBytes)
    throw std::runtime_error(std::string(option) + ": " + path + " is larger than 16 MiB");
  std::ifstream file(path, std::ios::binary);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    throw std::runtime_error(std::string(option) + ": cannot read " + path);
}

// What was tried last found nothing of its kind in the file.
bool has_no_such_block() {
  const unsigned long code = ERR_peek_error();
  return (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) ||
         ERR_GET_LIB(code) == ERR_LIB_OSSL_DECODER;
}

std::string why_not_the_certificate() {
  constexpr const char* kNone = "it is no PEM certificate";
  if (has_no_such_block()) {
    ERR_clear_error();
    return kNone;
  }
  const int library = ERR_GET_LIB(ERR_peek_error());
  const std::string text = reason();
  return library == ERR_LIB_PEM || library == ERR_LIB_ASN1 ? kNone + (": " + text) : text;
}

std::string why_not_the_key(const Password& password) {
  const bool is_none = has_no_such_block();
  const std::string text = reason();
  if (!password.asked) return is_none ? "it is no PEM key" : text;
  if (password.text.empty()) return "the key has a password, and --ssl-keyfile-password is not given";
  return text + "; is --ssl-keyfile-password right?";
}

}  // namespace

Tls::Tls(const TlsConfig& config) : context_(SSL_CTX_new(TLS_server_method())) {
  if (!context_) throw std::bad_alloc();
  SSL_CTX* context = context_.get();
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);  // HTTP has lengths, it needs no close_notify
  // One call is to read one record: a client could go on for ever with records that hold nothing for us (KeyUpdate).
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Without a name for its sessions a server that wants certificates refuses every client that comes again.
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 static_cast<unsigned>(kSessions.size()));

  if (config.certificates.empty()) throw std::runtime_error("--ssl-certfile is needed for TLS");
  must_be_readable("--ssl-certfile", config.certificates);
  if (SSL_CTX_use_certificate_chain_file(context, config.certificates.c_str()) != 1)
    throw std::runtime_error("--ssl-certfile: " + config.certificates + ": " + why_not_the_certificate());
  const std::string& key = config.key.empty() ? config.certificates : config.key;
  must_be_readable("--ssl-keyfile", key);
  SSL_CTX_set_default_passwd_cb(context, give_password);
  Password password{config.password};
  SSL_CTX_set_default_passwd_cb_userdata(context, &password);
  const int has_key = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (has_key != 1 && config.key.empty() && !password.asked && has_no_such_block())
    throw std::runtime_error("--ssl-certfile: " + key + ": there is no key in it, give --ssl-keyfile");
  if (has_key != 1) throw std::runtime_error("--ssl-keyfile: " + key + ": " + why_not_the_key(password));
  if (SSL_CTX_check_private_key(context) != 1)
    throw std::runtime_error("--ssl-keyfile: " + key + " does not belong to " + config.certificates);

  if (!config.ciphers.empty() && SSL_CTX_set_cipher_list(context, config.ciphers.c_str()) != 1)
    throw std::runtime_error("--ssl-ciphers: " + reason());
  if (!config.authorities.empty()) {
    must_be_readable("--ssl-ca-certs", config.authorities);
    if (SSL_CTX_load_verify_locations(context, config.authorities.c_str(), nullptr) != 1)
      throw std::runtime_error("--ssl-ca-certs: " + config.authorities + ": " + reason());
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(config.authorities.c_str()));
  } else if (config.clients != TlsConfig::Clients::any) {
    throw std::runtime_error("--ssl-cert-reqs: without --ssl-ca-certs no client can be verified");
  }
  if (config.clients == TlsConfig::Clients::verified_if_given)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  else if (config.clients == TlsConfig::Clients::verified)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ERR_clear_error();
}

std::shared_ptr<const Tls> load_tls(const TlsConfig& config) { return std::make_shared<const Tls>(config); }

}  // namespace battery_twin::http
