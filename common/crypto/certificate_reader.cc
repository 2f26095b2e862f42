#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>

#include "efs/base/text.h"
#include "efs/crypto/certificate.h"
#include "rsa_key_handle.h"

namespace efs::crypto {
namespace {

using BignumPtr = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;

Error unreadable(const char* part) {
  return opensslError(std::string("reading a certificate's ") + part, ErrorKind::kInvalidInput);
}

// Without a callback OpenSSL would ask for a pass phrase on the terminal.
int refusePassphrase(char*, int, int, void*) { return -1; }

Result<X509Ptr> parse(std::string_view pem, const std::string& name) {
  ERR_clear_error();
  const BioPtr bio = textBio(pem);
  X509Ptr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, refusePassphrase, nullptr)
                          : nullptr);
  if (!certificate) {
    return opensslError(name + ": not a certificate in PEM form", ErrorKind::kInvalidInput);
  }
  return certificate;
}

Result<WallTime> toWallTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return unreadable("time");
  // WallTime counts nanoseconds and ends in 2262; certificates may say 9999 (RFC 5280, 4.1.2.5).
  constexpr int kLastYear = 2200 - 1900;
  constexpr int kFirstYear = 1900 - 1900;
  if (parts.tm_year > kLastYear) return WallTime::max();
  if (parts.tm_year < kFirstYear) return WallTime::min();
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

Result<std::string> nameText(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE) < 0) {
    return unreadable("name");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0U);
}

Result<std::string> nameDer(const X509_NAME* name) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_NAME(name, &bytes);
  if (size < 0) return unreadable("name");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

Result<std::string> serialText(const X509* certificate) {
  const BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number) return unreadable("serial number");
  char* digits = BN_bn2hex(number.get());
  if (digits == nullptr) return unreadable("serial number");
  std::string text = digits;
  OPENSSL_free(digits);
  return text.size() < 2 ? "0" + text : text;
}

Result<CertificateExtension> readExtension(X509_EXTENSION* extension) {
  std::array<char, 128> oid{};
  const int size = OBJ_obj2txt(oid.data(), oid.size(), X509_EXTENSION_get_object(extension), 1);
  if (size <= 0 || static_cast<std::size_t>(size) >= oid.size()) return unreadable("extension");
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  return CertificateExtension{
      oid.data(),
      std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                  static_cast<std::size_t>(ASN1_STRING_length(value))),
      X509_EXTENSION_get_critical(extension) != 0};
}

Status readNames(const X509* certificate, CertificateFacts& facts) {
  EFS_TRY(subject, nameText(X509_get_subject_name(certificate)));
  EFS_TRY(issuer, nameText(X509_get_issuer_name(certificate)));
  EFS_TRY(der, nameDer(X509_get_subject_name(certificate)));
  EFS_TRY(serial, serialText(certificate));
  facts.subject = std::move(subject);
  facts.issuer = std::move(issuer);
  facts.subject_der = std::move(der);
  facts.serial = std::move(serial);
  return {};
}

Status readKeyAndSignature(X509* certificate, CertificateFacts& facts) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return unreadable("public key");
  EFS_TRY(hash, publicKeyHash(key));
  facts.public_key_sha1 = std::move(hash);
  const char* algorithm = OBJ_nid2sn(X509_get_signature_nid(certificate));
  facts.signature_algorithm = algorithm != nullptr ? algorithm : "unknown";
  facts.self_signature_valid = X509_verify(certificate, key) == 1;
  ERR_clear_error();  // a signature that does not verify is an answer, not an error
  return {};
}

}  // namespace

Result<CertificateFacts> readCertificate(std::string_view pem, const std::string& name) {
  EFS_TRY(certificate, parse(pem, name));
  CertificateFacts facts;
  facts.version = static_cast<int>(X509_get_version(certificate.get())) + 1;
  EFS_CHECK(readNames(certificate.get(), facts));
  EFS_TRY(not_before, toWallTime(X509_get0_notBefore(certificate.get())));
  EFS_TRY(not_after, toWallTime(X509_get0_notAfter(certificate.get())));
  facts.not_before = not_before;
  facts.not_after = not_after;
  EFS_CHECK(readKeyAndSignature(certificate.get(), facts));
  for (int i = 0; i < X509_get_ext_count(certificate.get()); ++i) {
    EFS_TRY(extension, readExtension(X509_get_ext(certificate.get(), i)));
    facts.extensions.push_back(std::move(extension));
  }
  return facts;
}

Result<WallTime> certificateNotAfter(std::string_view pem, const std::string& name) {
  EFS_TRY(certificate, parse(pem, name));
  return toWallTime(X509_get0_notAfter(certificate.get())).withContext(name);
}

}  // namespace efs::crypto
