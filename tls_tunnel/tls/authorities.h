// Authorities: the file of trusted certificates, and whether it has changed since it was read.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "efs/base/file_stamp.h"
#include "efs/base/result.h"
#include "openssl_pointers.h"

namespace efs::tls {

class Authorities {
 public:
  explicit Authorities(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // Whether the file system of the file answers at all, asked by a child: once, before load(), by a
  // program that can still be without the answer. kTimeout: it does not.
  Status askFileSystem() const;
  // Reads the file for connections of `context` made from now on. On any error (kNotFound,
  // kInvalidInput: also a file of which only a part can be read, kIo: no descriptor or memory to
  // read it with) what was trusted stays trusted.
  Status load(SSL_CTX* context);
  // The file is another one than at the last load(), also at one that failed, but for kIo. Never
  // where the look itself might wait for ever: readOnce().
  bool changed() const;
  bool readOnce() const;

 private:
  Result<StorePtr> read() const;

  std::string path_;
  FileStamp loaded_;
  bool far_ = false;
};

}  // namespace efs::tls
