#include "efs/crypto/rsa_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "efs/base/text.h"
#include "efs/crypto/digest.h"
#include "rsa_key_handle.h"

namespace efs::crypto {
namespace {

// Without a callback OpenSSL would ask for a pass phrase on the terminal and hang a mount at boot.
int notePassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

Result<std::string> publicKeyHash(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PublicKey(key, &bytes);  // PKCS#1 RSAPublicKey: what the BIT STRING holds
  if (size <= 0) return opensslError("encoding the public key");
  auto digest = sha1({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  OPENSSL_free(bytes);
  if (!digest) return digest;
  return hex(*digest);
}

RsaKey::RsaKey(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
RsaKey::RsaKey(RsaKey&&) noexcept = default;
RsaKey& RsaKey::operator=(RsaKey&&) noexcept = default;
RsaKey::~RsaKey() = default;

Result<RsaKey> RsaKey::generate(int bits) {
  ERR_clear_error();
  PkeyPtr key(bits < 0 ? nullptr : EVP_RSA_gen(static_cast<unsigned>(bits)));
  if (!key) return opensslError("generating an RSA key of " + std::to_string(bits) + " bits");
  EFS_TRY(hash, publicKeyHash(key.get()));
  return RsaKey(std::make_unique<Handle>(Handle{std::move(key), std::move(hash)}));
}

Result<RsaKey> RsaKey::fromPem(std::string_view pem) {
  ERR_clear_error();
  const BioPtr bio = textBio(pem);
  if (!bio) return opensslError("reading a private key");
  bool passphrase_asked = false;
  PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, notePassphrase, &passphrase_asked));
  if (passphrase_asked) {
    ERR_clear_error();
    return Error(ErrorKind::kInvalidInput, "the private key is protected by a pass phrase");
  }
  if (!key) return opensslError("not a private key in PEM form", ErrorKind::kInvalidInput);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return Error(ErrorKind::kInvalidInput, "the private key is not an RSA key");
  }
  EFS_TRY(hash, publicKeyHash(key.get()));
  return RsaKey(std::make_unique<Handle>(Handle{std::move(key), std::move(hash)}));
}

Result<Secret> RsaKey::toPem() const {
  ERR_clear_error();
  const BioPtr bio(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_->key.get(), nullptr, nullptr, 0,
                                            nullptr, nullptr) != 1) {
    return opensslError("encoding a private key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  if (size <= 0) return opensslError("encoding a private key");
  return Secret(std::string_view(text, static_cast<std::size_t>(size)));
}

const std::string& RsaKey::publicKeySha1() const { return handle_->public_key_sha1; }

}  // namespace efs::crypto
