#include "authorities.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "openssl_pointers.h"
#include "tls_errors.h"

namespace efs::tls {

namespace {

using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;

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
  loaded_ = stamp();
  if (loaded_ == Stamp())
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

bool Authorities::changed() const { return stamp() != loaded_; }

Authorities::Stamp Authorities::stamp() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return {};
  return {info.st_dev,          info.st_ino,         info.st_size,        info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

}  // namespace efs::tls
