#include "server_identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>

#include "efs/base/files.h"

namespace efs::simulator {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Error opensslError(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return {ErrorKind::kInternal, what + ": " + text.data()};
}

struct Pair {
  Key key;
  Certificate certificate;
};

struct Plan {
  std::string common_name;
  std::string alternative_names;  // OpenSSL's syntax; empty: a CA
  time_t not_before = 0;
  time_t not_after = 0;
  long serial = 1;
};

bool addExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool good = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return good;
}

bool fill(X509* certificate, X509* issuer, EVP_PKEY* key, const Plan& plan) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* common_name = reinterpret_cast<const unsigned char*>(plan.common_name.c_str());
  bool good = X509_set_version(certificate, 2) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), plan.serial) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(certificate), plan.not_before) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(certificate), plan.not_after) != nullptr &&
              X509_set_pubkey(certificate, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common_name, -1, -1, 0) == 1 &&
              X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              addExtension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (plan.alternative_names.empty()) {
    return good && addExtension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
           addExtension(certificate, issuer, NID_key_usage, "critical,keyCertSign");
  }
  return good && addExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         addExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         addExtension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
         addExtension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
         addExtension(certificate, issuer, NID_subject_alt_name, plan.alternative_names);
}

// Signed by `ca`, or by itself where that is null.
Result<Pair> makePair(const Plan& plan, const Pair* ca) {
  Pair pair{Key(EVP_EC_gen("P-256"), EVP_PKEY_free), Certificate(X509_new(), X509_free)};
  if (!pair.key || !pair.certificate) return opensslError("making a server key");
  X509* issuer = ca != nullptr ? ca->certificate.get() : pair.certificate.get();
  EVP_PKEY* signer = ca != nullptr ? ca->key.get() : pair.key.get();
  if (!fill(pair.certificate.get(), issuer, pair.key.get(), plan) ||
      X509_sign(pair.certificate.get(), signer, EVP_sha256()) <= 0) {
    return opensslError("making the certificate of " + plan.common_name);
  }
  return pair;
}

Status writePem(const std::string& path, X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory || PEM_write_bio_X509(memory.get(), certificate) != 1) {
    return opensslError("writing " + path);
  }
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &data);
  return writeFileAtomic(path, {data, static_cast<std::size_t>(length)}, {.mode = 0644});
}

std::string goodNames(const Config& config) {
  const std::string zone = "efs." + config.region + "." + config.dns_name_suffix;
  std::string names = "DNS:*." + zone;
  for (const auto& fs : config.file_systems) {
    if (fs.s3files) names += ",DNS:*." + zoneOf(config, fs);
    names += ",DNS:*." + fs.id + "." + zoneOf(config, fs);
  }
  return names;
}

// Of the APIs: "sts", "elasticfilesystem-fips" ...
std::string endpointNames(const Config& config) {
  const std::string zone = config.region + "." + config.dns_name_suffix;
  return "DNS:*." + zone + ",DNS:portal.sso." + zone;
}

Result<SSL_CTX*> makeContext(const Pair& pair) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return opensslError("making a TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(
      context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  if (SSL_CTX_use_certificate(context, pair.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, pair.key.get()) != 1) {
    SSL_CTX_free(context);
    return opensslError("loading the server certificate");
  }
  return context;
}

}  // namespace

Result<std::unique_ptr<ServerIdentity>> ServerIdentity::create(const Config& config,
                                                               const Clock& clock) {
  const time_t now = std::chrono::system_clock::to_time_t(clock.now());
  constexpr time_t kDay = 86400;
  const auto plan = [&](const std::string& cn, const std::string& names, long serial) {
    return Plan{cn, names, now - 2 * kDay, now + 30 * kDay, serial};
  };
  const std::string names = goodNames(config);
  EFS_TRY(ca, makePair(plan("EFS simulator test CA", "", 1), nullptr));
  EFS_TRY(stranger, makePair(plan("Some other CA", "", 1), nullptr));
  Plan expired = plan("efs simulator", names, 4);
  expired.not_after = now - kDay;
  EFS_TRY(good, makePair(plan("efs simulator", names, 2), &ca));
  EFS_TRY(wrong_name, makePair(plan("elsewhere", "DNS:*.efs.elsewhere.example", 3), &ca));
  EFS_TRY(wrong_chain, makePair(plan("efs simulator", names, 2), &stranger));
  EFS_TRY(old, makePair(expired, &ca));
  EFS_TRY(endpoints, makePair(plan("aws", endpointNames(config), 5), &ca));
  EFS_CHECK(writePem(config.work_dir + "/ca.pem", ca.certificate.get()));

  std::vector<Context> contexts;  // in the order of ServerCertificate
  for (const Pair* pair : {&good, &wrong_name, &wrong_chain, &old, &endpoints}) {
    EFS_TRY(context, makeContext(*pair));
    contexts.emplace_back(context, SSL_CTX_free);
  }
  SSL_CTX_set_verify(contexts.back().get(), SSL_VERIFY_NONE, nullptr);
  return std::unique_ptr<ServerIdentity>(new ServerIdentity(std::move(contexts)));
}

SSL_CTX* ServerIdentity::context(ServerCertificate kind) const {
  return contexts_[static_cast<std::size_t>(kind)].get();
}

}  // namespace efs::simulator
