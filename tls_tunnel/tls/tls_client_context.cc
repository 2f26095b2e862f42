#include "efs/tls/tls_client_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include "authorities.h"
#include "efs/base/files.h"
#include "efs/base/secret.h"
#include "efs/net/address.h"
#include "openssl_pointers.h"
#include "tls_errors.h"
#include "tls_policy.h"
#include "tls_transport_impl.h"

namespace efs::tls {
namespace {

// One read(2) for several records of 16 KiB.
constexpr std::size_t kReadBuffer = std::size_t{128} << 10U;
constexpr int kMaxIntermediates = 10;

struct OwnIdentity {
  CertificatePtr certificate;
  ChainPtr chain;
  KeyPtr key;
};

Error opensslError(const std::string& what) {
  return {ErrorKind::kInvalidInput, what + ": " + takeReason("unknown failure")};
}

// A key with a pass phrase cannot be used by a daemon: say so instead of asking the terminal.
extern "C" int noPassphrase(char*, int, int, void*) { return -1; }

Result<BioPtr> memoryBio(std::string_view text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) return Error(ErrorKind::kInternal, "out of memory");
  return bio;
}

Result<CertificatePtr> readCertificate(const std::string& path, STACK_OF(X509) * chain) {
  EFS_TRY(text, readFile(path));
  EFS_TRY(bio, memoryBio(text));
  CertificatePtr first(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
  if (!first) return opensslError("reading client certificate " + path);
  // Ours has none; a certificate that somebody else issued may need them at the server.
  while (sk_X509_num(chain) < kMaxIntermediates) {
    X509* next = PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr);
    if (next == nullptr) break;
    sk_X509_push(chain, next);
  }
  // The end of the file is an error to OpenSSL, and would be reported with the next one.
  ERR_clear_error();
  return first;
}

Result<KeyPtr> readKey(const std::string& path) {
  EFS_TRY(text, readFile(path));
  // Wiped when it goes: the parsed key is the only copy that stays.
  const Secret secret(std::move(text));
  EFS_TRY(bio, memoryBio(secret.reveal()));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr));
  if (!key) return opensslError("reading private key " + path);
  return key;
}

Result<OwnIdentity> readIdentity(const TlsOptions& options) {
  OwnIdentity identity;
  identity.chain.reset(sk_X509_new_null());
  EFS_TRY(certificate, readCertificate(options.certificate_file, identity.chain.get()));
  EFS_TRY(key, readKey(options.key_file));
  // Two files, replaced one after the other: a pair that does not match would only be told by the
  // server, as a refusal.
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Error(ErrorKind::kInvalidInput, "private key " + options.key_file +
                                               " does not belong to client certificate " +
                                               options.certificate_file);
  }
  identity.certificate = std::move(certificate);
  identity.key = std::move(key);
  return identity;
}

Status enableFips() {
  // "base" has the decoders that reading PEM files needs and that the FIPS provider lacks.
  if (OSSL_PROVIDER_load(nullptr, "fips") == nullptr ||
      OSSL_PROVIDER_load(nullptr, "base") == nullptr ||
      EVP_default_properties_enable_fips(nullptr, 1) != 1) {
    return Error(ErrorKind::kUnsupported,
                 "FIPS mode is asked for, but OpenSSL's FIPS provider cannot be loaded: " +
                     takeReason("not installed"))
        .addHint(
            "install the provider and run 'openssl fipsinstall', or set fips_mode_enabled to "
            "false");
  }
  return {};
}

void applyDefaults(SSL_CTX* context) {
  // No tickets and no sessions: a resumed one would not show our certificate, and a new one of ours
  // would not be seen (TUN-4).
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // What waits in a ring may have moved by the time OpenSSL is asked again; idle connections, of
  // which a host has many, give their buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBuffer);
}

Status applyVerification(SSL_CTX* context, const TlsOptions& options, Authorities& authorities) {
  // Contract 3.2: verify=0 is "no server verification", the name included; a name in a certificate
  // that anybody may have made proves nothing.
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  // The callback keeps the reason, of which OpenSSL reports only a number.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, efsVerifyCallback);
  EFS_CHECK(authorities.askFileSystem());
  EFS_CHECK(authorities.load(context));
  if (options.check_host.empty()) return {};
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_host(param, options.check_host.c_str(), 0) != 1)
    return opensslError("checkHost " + options.check_host);
  return {};
}

std::string timeText(const ASN1_TIME* time) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory || ASN1_TIME_print(memory.get(), time) != 1) return "?";
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

struct TlsClientContext::Impl {
  TlsOptions options;
  const Clock* clock = nullptr;
  Authorities authorities{""};
  ContextPtr context;

  bool expired(const X509* certificate) const {
    std::time_t now = std::chrono::system_clock::to_time_t(clock->now());
    return X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0;
  }
  // It ends later than the present one.
  bool outlives(const X509* certificate) const {
    const X509* present = SSL_CTX_get0_certificate(context.get());
    return present == nullptr ||
           ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(present)) > 0;
  }
  Status use(const OwnIdentity& identity) const {
    if (SSL_CTX_use_cert_and_key(context.get(), identity.certificate.get(), identity.key.get(),
                                 identity.chain.get(), 1) != 1)
      return opensslError("using client certificate " + options.certificate_file);
    return {};
  }
};

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClientContext::TlsClientContext(TlsClientContext&&) noexcept = default;
TlsClientContext& TlsClientContext::operator=(TlsClientContext&&) noexcept = default;
TlsClientContext::~TlsClientContext() = default;

Result<TlsClientContext> TlsClientContext::create(const TlsOptions& options, const Clock& clock) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->clock = &clock;
  impl->authorities = Authorities(options.ca_file);
  // Loads the texts of errors, which enableFips() may need already.
  (void)OPENSSL_init_ssl(0, nullptr);
  if (options.fips) EFS_CHECK(enableFips());
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!impl->context) return opensslError("making a TLS context");
  applyDefaults(impl->context.get());
  // Over what openssl.cnf says: a host's policy for browsers must not decide about this connection,
  // in either direction.
  EFS_CHECK(applyPolicy(impl->context.get(), options));
  EFS_CHECK(applyVerification(impl->context.get(), options, impl->authorities));
  // An expired certificate is no reason not to start: the watchdog renews it and sends SIGHUP.
  EFS_TRY(identity, readIdentity(options));
  EFS_CHECK(impl->use(identity));
  return TlsClientContext(std::move(impl));
}

Status TlsClientContext::reloadCertificate() {
  EFS_TRY(identity, readIdentity(impl_->options));
  // One that ends later than ours is taken even if it has ended: the clock may be wrong, and ours
  // is then no better.
  if (impl_->expired(identity.certificate.get()) && !impl_->outlives(identity.certificate.get())) {
    return Error(ErrorKind::kInvalidInput,
                 "client certificate " + impl_->options.certificate_file + " expired at " +
                     timeText(X509_get0_notAfter(identity.certificate.get())));
  }
  return impl_->use(identity);
}

Result<bool> TlsClientContext::refreshAuthorities() {
  if (!impl_->options.verify || !impl_->authorities.changed()) return false;
  EFS_CHECK(impl_->authorities.load(impl_->context.get()));
  return true;
}

bool TlsClientContext::authoritiesReadOnce() const { return impl_->authorities.readOnce(); }

std::string TlsClientContext::describeCertificate() const {
  const X509* certificate = SSL_CTX_get0_certificate(impl_->context.get());
  if (certificate == nullptr) return "none";
  return "subject \"" + nameText(X509_get_subject_name(certificate)) + "\", valid until " +
         timeText(X509_get0_notAfter(certificate));
}

std::optional<WallTime> TlsClientContext::certificateEnd() const {
  const X509* certificate = SSL_CTX_get0_certificate(impl_->context.get());
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&end));
}

Result<std::unique_ptr<TlsTransport>> TlsClientContext::connect(UniqueFd socket) const {
  auto impl = std::make_unique<TlsTransport::Impl>();
  impl->ssl.reset(SSL_new(impl_->context.get()));
  impl->use(std::move(socket));
  BIO* input = newInputBio(*impl->input);
  BIO* output = newOutputBio(*impl->output);
  if (!impl->ssl || input == nullptr || output == nullptr) {
    BIO_free(input);
    BIO_free(output);
    return Error(ErrorKind::kInternal, "out of memory for a TLS connection");
  }
  impl->records_per_key = impl_->options.records_per_key;
  SSL* ssl = impl->ssl.get();
  // OpenSSL owns them from here on.
  SSL_set_bio(ssl, input, output);
  SSL_set_ex_data(ssl, verifyFailureIndex(), &impl->verify_failure);
  const TlsOptions& options = impl_->options;
  const std::string& name = options.check_host.empty() ? options.server_name : options.check_host;
  if (!name.empty() && !net::isIpLiteral(name)) SSL_set_tlsext_host_name(ssl, name.c_str());
  if (options.ask_staple) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
  SSL_set_connect_state(ssl);
  return std::unique_ptr<TlsTransport>(new TlsTransport(std::move(impl)));
}

}  // namespace efs::tls
