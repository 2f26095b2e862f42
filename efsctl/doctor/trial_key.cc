#include "doctor/trial_key.h"

#include <chrono>

#include "efs/base/files.h"
#include "efs/crypto/rsa_key.h"

namespace efs::efsctl {
namespace {

constexpr int kKeyBits = 3072;
// The doctor ends before, and kills us.
constexpr Duration kForEver = std::chrono::minutes(5);

Status save(const crypto::RsaKey& key, const std::string& path) {
  EFS_TRY(pem, key.toPem());
  return writeFileAtomic(path, pem.reveal(), {.mode = 0600});
}

Status make(const std::string& path) {
  EFS_TRY(key, crypto::RsaKey::generate(kKeyBits));
  return save(key, path);
}

bool hasKey(const std::string& path) {
  const auto pem = readFile(path);
  return pem && !pem->empty();
}

}  // namespace

TrialKey::~TrialKey() {
  if (maker_) maker_->killAndReap();
}

void TrialKey::prepare() {
  if (maker_ || hasKey(host_key_)) return;
  const std::string path = path_;
  auto maker = ChildWork::start([path](int) { return make(path) ? 0 : 1; });
  if (maker) maker_.emplace(std::move(*maker));
}

Status TrialKey::take() {
  if (maker_) {
    EFS_TRY(ended, maker_->wait(kForEver));
    maker_.reset();
    if (ended && ended->code == 0) return {};
    return Error(ErrorKind::kInternal, "no private key could be made for the trial");
  }
  if (!hasKey(host_key_)) return make(path_);
  EFS_TRY(pem, readFile(host_key_));
  auto key = crypto::RsaKey::fromPem(pem);
  if (!key) return Error(key.error()).addContext(host_key_);
  return save(*key, path_);
}

}  // namespace efs::efsctl
