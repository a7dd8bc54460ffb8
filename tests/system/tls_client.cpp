#include "tls_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace battery_twin::system {
namespace {

[[noreturn]] void fail_tls(const std::string& what) {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  throw std::runtime_error(what + ": " + (reason != nullptr ? reason : "the connection ended"));
}

}  // namespace

TlsConnection::TlsConnection(std::uint16_t port, const Options& options) : context_(SSL_CTX_new(TLS_client_method())) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): OpenSSL writes without MSG_NOSIGNAL
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_security_level(context_.get(), 0);  // so that what is refused is refused by the server
  if (options.highest_version != 0) SSL_CTX_set_max_proto_version(context_.get(), options.highest_version);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context_.get(), options.ciphers.c_str());
  if (!options.authority.empty()) {
    if (SSL_CTX_load_verify_locations(context_.get(), options.authority.c_str(), nullptr) != 1) fail_tls("authority");
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (!options.certificate.empty() &&
      (SSL_CTX_use_certificate_chain_file(context_.get(), options.certificate.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context_.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1))
    fail_tls("certificate");
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (options.receive_buffer > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(options.receive_buffer));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), descriptor_);
  const bool connected = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  if (!connected || SSL_connect(ssl_.get()) != 1) {
    ::close(descriptor_);
    fail_tls("no TLS connection");
  }
}

TlsConnection::~TlsConnection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TlsConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const int size = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (size <= 0) fail_tls("cannot send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void TlsConnection::send_key_updates(int count, bool answered) {
  BIO* const network = SSL_get_wbio(ssl_.get());
  BIO_up_ref(network);
  BIO* const memory = BIO_new(BIO_s_mem());  // first there, so that they arrive together
  BIO_up_ref(memory);
  SSL_set0_wbio(ssl_.get(), memory);
  bool made = true;
  for (int i = 0; made && i < count; ++i)
    made = SSL_key_update(ssl_.get(), answered ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(ssl_.get()) == 1;
  SSL_set0_wbio(ssl_.get(), network);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string records(bytes, static_cast<std::size_t>(size));
  BIO_free(memory);
  if (!made) fail_tls("no KeyUpdate");
  for (std::string_view rest = records; !rest.empty();) {
    const ssize_t sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) fail_tls("cannot send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void TlsConnection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(descriptor_);
  descriptor_ = -1;
}

void TlsConnection::shutdown_send() {
  SSL_shutdown(ssl_.get());
  ::shutdown(descriptor_, SHUT_WR);
}

std::string TlsConnection::receive() {
  std::array<char, 16 * 1024> bytes{};
  ERR_clear_error();
  const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (size > 0) return {bytes.data(), static_cast<std::size_t>(size)};
  ended_properly_ = SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN;
  return {};
}

std::string TlsConnection::receive_all() {
  std::string all;
  for (std::string part = receive(); !part.empty(); part = receive()) all += part;
  return all;
}

std::string TlsConnection::serial() const {
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl_.get()), X509_free);
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr), BN_free);
  const std::unique_ptr<char, void (*)(char*)> text(BN_bn2hex(number.get()), [](char* p) { OPENSSL_free(p); });
  return text.get();
}

}  // namespace battery_twin::system
