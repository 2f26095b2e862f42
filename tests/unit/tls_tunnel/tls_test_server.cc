#include "tls_test_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "efs/base/freed_by.h"

namespace efs::tls::testing {
namespace {

constexpr unsigned char kKeyUpdate = 24;  // RFC 8446 section 4

void must(bool holds) {
  if (!holds) std::abort();
}

using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;

void addExtension(X509* certificate, int id, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, id, value));
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// `issuer` null: signs itself.
Certificate makeCertificate(const std::string& name, EVP_PKEY* key, const X509* issuer,
                            EVP_PKEY* issuer_key, int hours) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), hours * 3600L);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(issuer != nullptr ? issuer : certificate.get()));
  X509_set_pubkey(certificate.get(), key);
  if (issuer == nullptr) {
    addExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  } else {
    addExtension(certificate.get(), NID_subject_alt_name,
                 ("DNS:" + std::string(TestPki::kServerName)).c_str());
  }
  must(X509_sign(certificate.get(), issuer_key, EVP_sha256()) != 0);
  return certificate;
}

std::string textOf(const Bio& bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string pemOf(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return textOf(bio);
}

std::string pemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return textOf(bio);
}

}  // namespace

TestPki::TestPki(const std::string& authority_name, int hours) {
  const Key ca_key(EVP_EC_gen("P-256"));
  const Certificate ca =
      makeCertificate(authority_name, ca_key.get(), nullptr, ca_key.get(), hours);
  dir_.write("ca.pem", pemOf(ca.get()));
  for (const std::string name : {"server", "client"}) {
    const Key key(EVP_EC_gen("P-256"));
    dir_.write(name + ".pem",
               pemOf(makeCertificate(name, key.get(), ca.get(), ca_key.get(), hours).get()));
    dir_.write(name + ".key", pemOf(key.get()));
  }
}

TlsTestServer::TlsTestServer(const TestPki& pki, int version, const std::string& ciphers,
                             int buffers) {
  std::array<int, 2> ends{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  for (const int end : ends) {
    if (buffers == 0) continue;
    if (::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &buffers, sizeof buffers) != 0)
      must(::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers) == 0);
  }
  client_end_.reset(ends[0]);
  fd_.reset(ends[1]);
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(context_.get(), version);
  SSL_CTX_set_max_proto_version(context_.get(), version);
  if (!ciphers.empty()) must(SSL_CTX_set_cipher_list(context_.get(), ciphers.c_str()) == 1);
  must(SSL_CTX_use_certificate_chain_file(context_.get(), pki.serverCertificate().c_str()) == 1);
  must(SSL_CTX_use_PrivateKey_file(context_.get(), pki.serverKey().c_str(), SSL_FILETYPE_PEM) == 1);
  must(SSL_CTX_load_verify_file(context_.get(), pki.ca().c_str()) == 1);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_msg_callback(ssl_.get(), &TlsTestServer::onMessage);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  SSL_set_accept_state(ssl_.get());
}

void TlsTestServer::onMessage(int sent, int /*version*/, int type, const void* bytes,
                              std::size_t length, SSL* /*ssl*/, void* self) {
  if (sent == 0 && type == SSL3_RT_HANDSHAKE && length > 0 &&
      *static_cast<const unsigned char*>(bytes) == kKeyUpdate)
    ++static_cast<TlsTestServer*>(self)->key_updates_;
}

bool TlsTestServer::canGoOn(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return true;
    case SSL_ERROR_ZERO_RETURN:
      closed_ = true;
      return false;
    default: {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      failure_ = reason != nullptr ? reason : "the connection broke";
      ERR_clear_error();
      return false;
    }
  }
}

bool TlsTestServer::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 || canGoOn(result);
}

std::string TlsTestServer::read() {
  std::string all;
  std::array<char, 16384> chunk{};
  for (;;) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), chunk.data(), chunk.size(), &got);
    if (result != 1) {
      (void)canGoOn(result);
      return all;
    }
    all.append(chunk.data(), got);
  }
}

bool TlsTestServer::write(std::string_view bytes) {
  ERR_clear_error();
  std::size_t done = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &done);
  if (result != 1) (void)canGoOn(result);
  return result == 1 && done == bytes.size();
}

bool TlsTestServer::updateKey(bool requested) {
  ERR_clear_error();
  return SSL_key_update(ssl_.get(),
                        requested ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(ssl_.get()) == 1;
}

std::vector<std::string> TlsTestServer::offeredCiphers() const {
  std::vector<std::string> names;
  const STACK_OF(SSL_CIPHER)* all = SSL_get_client_ciphers(ssl_.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
    names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)));
  return names;
}

std::vector<int> TlsTestServer::offeredGroups() const {
  const int count = static_cast<int>(SSL_get1_groups(ssl_.get(), nullptr));
  std::vector<int> groups(static_cast<std::size_t>(count));
  if (count > 0) (void)SSL_get1_groups(ssl_.get(), groups.data());
  return groups;
}

}  // namespace efs::tls::testing
