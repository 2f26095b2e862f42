#include "authorities.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "openssl_pointers.h"
#include "tls_errors.h"

namespace efs::tls {

namespace {

Error loadError(const std::string& what) {
  const unsigned long first = ERR_peek_error();
  const int reason = ERR_GET_REASON(first);
  const std::string text = takeReason("unknown failure");
  if (ERR_SYSTEM_ERROR(first)) return Error::fromErrno(reason, what);
  return {reason == ERR_R_MALLOC_FAILURE ? ErrorKind::kIo : ErrorKind::kInvalidInput,
          what + ": " + text};
}

}  // namespace

Status Authorities::load(SSL_CTX* context) {
  if (path_.empty())
    return Error(ErrorKind::kInvalidInput, "no certificate authority file, but verify is on");
  // Before the file is read: a change in between is seen as one later.
  loaded_ = FileStamp::of(path_);
  if (!loaded_.exists())
    return Error(ErrorKind::kNotFound, "certificate authority file " + path_ + " does not exist");
  StorePtr store(X509_STORE_new());
  if (!store || X509_STORE_load_file(store.get(), path_.c_str()) != 1) {
    Error error = loadError("reading certificate authority file " + path_);
    // A lack of our own: the file is as unread as before.
    if (error.kind() == ErrorKind::kIo) loaded_ = {};
    return error;
  }
  SSL_CTX_set_cert_store(context, store.release());
  return {};
}

bool Authorities::changed() const { return !loaded_.untouched(FileStamp::of(path_)); }

}  // namespace efs::tls
