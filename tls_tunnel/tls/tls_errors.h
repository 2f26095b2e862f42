// Words for what OpenSSL reports.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "efs/base/error.h"

namespace efs::tls {

// Text of the newest entry of OpenSSL's error queue, which is emptied; `fallback` when it is empty.
std::string takeReason(const char* fallback);

// What went wrong in a call on `ssl` that returned an SSL_ERROR_SSL or SSL_ERROR_SYSCALL;
// `os_error` is errno right after it. Empties the error queue.
Error connectionError(const SSL* ssl, int ssl_error, int os_error);

// For the verify callback: keeps which certificate was refused and why, for connectionError().
struct VerifyFailure {
  int code = X509_V_OK;
  std::string text;
};
// Index of the VerifyFailure* in an SSL's ex_data.
int verifyFailureIndex();
extern "C" int efsVerifyCallback(int ok, X509_STORE_CTX* store);

// RFC 2253 form, printable.
std::string nameText(const X509_NAME* name);

}  // namespace efs::tls
