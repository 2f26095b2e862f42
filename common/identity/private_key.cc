#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/identity/client_certificate.h"

namespace efs::identity {
namespace {

constexpr int kKeyBits = 3072;  // CERT-1
// Generating takes up to some seconds on a small instance, far longer beside fifty mounts at boot.
// A holder that dies holds nothing.
constexpr Duration kLockPatience{120000};
constexpr std::size_t kMaxKeyFile = 65536;

void warnWhenExposed(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log::warning("private key {} is accessible to other users (mode {:04o}), run: chmod 400 {}",
                 path, info.st_mode & 07777U, path);
  }
}

// nullopt when there is no key yet: no file, or one without content (CERT-9).
Result<std::optional<crypto::RsaKey>> load(const std::string& path) {
  auto text = readFile(path, kMaxKeyFile);
  if (!text && text.error().kind() == ErrorKind::kNotFound) return std::optional<crypto::RsaKey>();
  if (!text) return unexpected(std::move(text.error().addContext("reading the private key")));
  const Secret pem(std::move(*text));
  if (pem.empty()) return std::optional<crypto::RsaKey>();
  auto key = crypto::RsaKey::fromPem(pem.reveal());
  if (!key) {
    key.error().addContext("private key " + path);
    key.error().addHint(
        "restore the file, or, when no file system is mounted with TLS, remove it and a new key is "
        "made");
    return unexpected(std::move(key.error()));
  }
  warnWhenExposed(path);
  return std::optional<crypto::RsaKey>(std::move(*key));
}

Result<crypto::RsaKey> create(const std::string& path) {
  EFS_TRY(key, crypto::RsaKey::generate(kKeyBits));
  EFS_TRY(pem, key.toPem());
  const auto slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    EFS_CHECK(makeDirectories(path.substr(0, slash), 0755));
  }
  // Durable: certificates made from this key outlive a crash of the machine only with the key. Only
  // new: whoever has another state directory (a container) shares no lock with us.
  WriteOptions options{.mode = 0400, .durable = true, .only_new = true};
  Status written = writeFileAtomic(path, pem.reveal(), options);
  if (!written && written.error().osError() == EEXIST) {
    EFS_TRY(theirs, load(path));
    if (theirs) return std::move(*theirs);
    options.only_new = false;  // a file without content
    written = writeFileAtomic(path, pem.reveal(), options);
  }
  if (!written) return written.error();
  log::info("made a new private key {}", path);
  return key;
}

}  // namespace

Result<crypto::RsaKey> loadOrCreatePrivateKey(const std::string& path, const std::string& lock_path,
                                              const Clock& clock) {
  // The file appears by rename, whole: reading it needs no lock.
  EFS_TRY(present, load(path));
  if (present) return std::move(*present);
  EFS_TRY(lock, FileLock::acquire(lock_path, clock, kLockPatience));
  EFS_TRY(made_meanwhile, load(path));
  if (made_meanwhile) return std::move(*made_meanwhile);
  return create(path).withContext("making the private key " + path);
}

}  // namespace efs::identity
