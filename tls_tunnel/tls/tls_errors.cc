#include "tls_errors.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <string_view>
#include <vector>

#include "efs/base/text.h"
#include "openssl_pointers.h"

namespace efs::tls {
namespace {

constexpr std::size_t kMaxNamesShown = 10;

std::string asn1Text(const ASN1_STRING* text) {
  return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                    static_cast<std::size_t>(ASN1_STRING_length(text))});
}

// The DNS names and addresses of a certificate, or its common name where it has none.
std::string namesOf(const X509* certificate) {
  using Names = std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>>;
  const Names all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) names.push_back(asn1Text(name->d.dNSName));
    // The server's certificate decides how many there are; this is one line of a log.
    if (names.size() == kMaxNamesShown) break;
  }
  if (names.empty()) return nameText(X509_get_subject_name(certificate));
  return join(names, ", ");
}

// RFC 8446 section 6.2: the alerts with which a server says that it dislikes our certificate.
bool isCertificateAlert(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Error alertError(int alert) {
  const char* name = SSL_alert_desc_string_long(alert);
  const std::string text = "TLS alert " + std::to_string(alert) + " (" + name + ")";
  if (!isCertificateAlert(alert)) return {ErrorKind::kProtocol, "server sent " + text};
  return {ErrorKind::kPermission, "server refused the client certificate: " + text};
}

Error trustError(const SSL* ssl) {
  const auto* failure =
      static_cast<const VerifyFailure*>(SSL_get_ex_data(ssl, verifyFailureIndex()));
  if (failure != nullptr && failure->code != X509_V_OK) {
    Error error(ErrorKind::kUntrusted, failure->text);
    error.addHint(failure->code == X509_V_ERR_HOSTNAME_MISMATCH
                      ? "check the file system's DNS name and the checkHost setting"
                      : "check the certificate authority file and the clock of this machine");
    return error;
  }
  return {ErrorKind::kUntrusted, "server certificate refused"};
}

}  // namespace

std::string takeReason(const char* fallback) {
  const unsigned long code = ERR_peek_last_error();
  std::string text = fallback;
  if (code != 0) {
    const char* reason = ERR_reason_error_string(code);
    text = reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
  }
  ERR_clear_error();
  return text;
}

Error connectionError(const SSL* ssl, int ssl_error, int os_error) {
  // The first in the queue is the cause; later ones say which layers it went through.
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  // errno is the caller's copy: OpenSSL may have made other calls since.
  if (ssl_error == SSL_ERROR_SYSCALL && code == 0) {
    if (os_error != 0) return Error::fromErrno(os_error, "TLS connection");
    return {ErrorKind::kReset, "server closed the connection without a TLS close"};
  }
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      ERR_clear_error();
      return {ErrorKind::kReset, "server closed the connection without a TLS close"};
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      ERR_clear_error();
      return trustError(ssl);
    }
    // Reasons from here on are "the peer sent alert <reason - offset>".
    if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
      ERR_clear_error();
      return alertError(reason - SSL_AD_REASON_OFFSET);
    }
  }
  return {ErrorKind::kProtocol, "TLS: " + takeReason("unknown failure")};
}

int verifyFailureIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string nameText(const X509_NAME* name) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return "?";
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  if (length <= 0) return "(no name)";
  return printable({text, static_cast<std::size_t>(length)});
}

// The first refusal is kept: OpenSSL may report later ones that only follow from it.
extern "C" int efsVerifyCallback(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* failure = static_cast<VerifyFailure*>(SSL_get_ex_data(ssl, verifyFailureIndex()));
  if (failure == nullptr || failure->code != X509_V_OK) return 0;
  failure->code = X509_STORE_CTX_get_error(store);
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const std::string why = X509_verify_cert_error_string(failure->code);
  if (certificate == nullptr) {
    failure->text = "server certificate not trusted: " + why;
  } else if (failure->code == X509_V_ERR_HOSTNAME_MISMATCH) {
    const char* wanted = X509_VERIFY_PARAM_get0_host(X509_STORE_CTX_get0_param(store), 0);
    failure->text = std::string("server certificate is not for \"") +
                    (wanted != nullptr ? wanted : "?") + "\" but for: " + namesOf(certificate);
  } else {
    failure->text = "server certificate not trusted: " + why + " (subject \"" +
                    nameText(X509_get_subject_name(certificate)) + "\", issuer \"" +
                    nameText(X509_get_issuer_name(certificate)) + "\")";
  }
  return 0;
}

}  // namespace efs::tls
