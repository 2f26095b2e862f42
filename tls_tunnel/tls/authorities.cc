#include "authorities.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "efs/base/ask_child.h"
#include "efs/base/regular_file.h"
#include "tls_errors.h"

namespace efs::tls {

namespace {

// The bundles of large enterprises have a few megabytes.
constexpr std::size_t kMostBundle = std::size_t{16} << 20U;
// Of a file system behind a network. mount.efs waits longer for its tunnel; a watchdog takes one
// that has lived for 10 s for a stable one, which is started again at once.
constexpr Duration kAnswer{8000};

Error loadError(const std::string& what) {
  const unsigned long first = ERR_peek_error();
  const int reason = ERR_GET_REASON(first);
  const std::string text = takeReason("no certificate in it");
  return {reason == ERR_R_MALLOC_FAILURE ? ErrorKind::kIo : ErrorKind::kInvalidInput,
          what + ": " + text};
}

// As X509_STORE_load_file(), which would wait for a pipe and read a device without an end.
bool addAll(X509_STORE* store, const std::string& text) {
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) return false;
  const InfosPtr infos(PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  int added = 0;
  for (int i = 0; infos && i < sk_X509_INFO_num(infos.get()); ++i) {
    const X509_INFO* info = sk_X509_INFO_value(infos.get(), i);
    if (info->x509 != nullptr && X509_STORE_add_cert(store, info->x509) != 1) return false;
    if (info->crl != nullptr && X509_STORE_add_crl(store, info->crl) != 1) return false;
    added += info->x509 != nullptr || info->crl != nullptr ? 1 : 0;
  }
  return added > 0;
}

}  // namespace

Status Authorities::askFileSystem() const {
  const auto look = [this](int /*out*/) {
    if (mayNotAnswer(path_)) (void)readRegularFile(path_, kMostBundle);
    return 0;
  };
  // No child can be had: the file is read without having been asked for.
  const auto answer = askChild(kAnswer, look);
  if (!answer || answer->end != ChildAnswer::End::kTimedOut) return {};
  return Error(ErrorKind::kTimeout,
               "reading certificate authority file " + path_ + ": its file system does not answer")
      .addHint("let it name a file of this host, whose file system needs no server");
}

Status Authorities::load(SSL_CTX* context) {
  if (path_.empty())
    return Error(ErrorKind::kInvalidInput, "no certificate authority file, but verify is on");
  // Before the file is read: a change in between is seen as one later.
  loaded_ = FileStamp::of(path_);
  far_ = mayNotAnswer(path_);
  if (!loaded_.exists())
    return Error(ErrorKind::kNotFound, "certificate authority file " + path_ + " does not exist");
  auto store = read();
  if (!store) {
    // A lack of our own: the file is as unread as before.
    if (store.error().kind() == ErrorKind::kIo) loaded_ = {};
    return std::move(store.error().addContext("reading certificate authority file"));
  }
  SSL_CTX_set_cert_store(context, store->release());
  return {};
}

Result<StorePtr> Authorities::read() const {
  EFS_TRY(text, readRegularFile(path_, kMostBundle));
  ERR_clear_error();
  StorePtr store(X509_STORE_new());
  if (!store || !addAll(store.get(), text)) return loadError(path_);
  return store;
}

bool Authorities::changed() const { return !far_ && !loaded_.untouched(FileStamp::of(path_)); }

bool Authorities::readOnce() const { return far_; }

}  // namespace efs::tls
