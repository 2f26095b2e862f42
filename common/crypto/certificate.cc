#include "efs/crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "efs/base/utf8.h"
#include "efs/crypto/der.h"
#include "rsa_key_handle.h"

namespace efs::crypto {
namespace {

using ObjectPtr = std::unique_ptr<ASN1_OBJECT, FreedBy<ASN1_OBJECT_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, FreedBy<ASN1_OCTET_STRING_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using NamePtr = std::unique_ptr<X509_NAME, FreedBy<X509_NAME_free>>;

const unsigned char* bytesOf(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool setName(X509* certificate, const std::string& common_name) {
  const NamePtr name(X509_NAME_new());
  // V_ASN1_UTF8STRING fixes the type; MBSTRING_UTF8 would choose PrintableString (CERT-1).
  return name &&
         X509_NAME_add_entry_by_NID(name.get(), NID_commonName, V_ASN1_UTF8STRING,
                                    bytesOf(common_name), static_cast<int>(common_name.size()), -1,
                                    0) == 1 &&
         X509_set_subject_name(certificate, name.get()) == 1 &&
         X509_set_issuer_name(certificate, name.get()) == 1;
}

bool setTimes(X509* certificate, const CertificateSpec& spec) {
  const auto begin = std::chrono::system_clock::to_time_t(spec.not_before);
  const auto end = std::chrono::system_clock::to_time_t(spec.not_after);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), end) != nullptr;
}

bool addExtension(X509* certificate, const CertificateExtension& extension) {
  const ObjectPtr oid(OBJ_txt2obj(extension.oid.c_str(), 1));
  const OctetsPtr value(ASN1_OCTET_STRING_new());
  if (!oid || !value ||
      ASN1_OCTET_STRING_set(value.get(), bytesOf(extension.value),
                            static_cast<int>(extension.value.size())) != 1) {
    return false;
  }
  const ExtensionPtr built(
      X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), extension.critical ? 1 : 0, value.get()));
  return built && X509_add_ext(certificate, built.get(), -1) == 1;
}

Status fill(X509* certificate, const CertificateSpec& spec, EVP_PKEY* key) {
  if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), spec.serial) != 1 ||
      !setName(certificate, spec.common_name) || !setTimes(certificate, spec) ||
      X509_set_pubkey(certificate, key) != 1) {
    return opensslError("building a certificate");
  }
  for (const auto& extension : spec.extensions) {
    if (!addExtension(certificate, extension)) {
      return opensslError("adding certificate extension " + extension.oid);
    }
  }
  return {};
}

Result<std::string> toPem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return opensslError("encoding a certificate");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  if (size <= 0) return opensslError("encoding a certificate");
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

Result<std::string> makeSelfSignedCertificate(const CertificateSpec& spec, const RsaKey& key) {
  if (spec.common_name.empty() || !isUtf8(spec.common_name)) {
    return Error(ErrorKind::kInvalidInput,
                 "building a certificate: the common name is empty or not UTF-8");
  }
  ERR_clear_error();
  EVP_PKEY* pair = key.handle().key.get();
  const X509Ptr certificate(X509_new());
  if (!certificate) return opensslError("building a certificate");
  EFS_CHECK(fill(certificate.get(), spec, pair));
  if (X509_sign(certificate.get(), pair, EVP_sha256()) == 0) {
    return opensslError("signing a certificate");
  }
  if (X509_verify(certificate.get(), pair) != 1) {
    return opensslError("the new certificate does not verify, the private key is damaged");
  }
  return toPem(certificate.get());
}

}  // namespace efs::crypto
