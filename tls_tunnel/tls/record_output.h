// The write side of a TLS connection: OpenSSL puts records into a ring, flush() sends them
// together. (OpenSSL's socket BIO makes one system call per record, and its memory BIO never
// shrinks. Records sent one by one straight from OpenSSL's buffer, with MSG_MORE, save the copy,
// and the calls cost as much CPU or more: README.md, "Numbers".) TlsTransport writes a record only
// where it has room.
#pragma once

#include <openssl/bio.h>

#include "efs/io/byte_ring.h"
#include "efs/io/readiness.h"
#include "efs/io/transport.h"

namespace efs::tls {

class RecordOutput {
 public:
  // Both must outlive the output; `fd` is non-blocking. `room`: how much may wait.
  RecordOutput(int fd, io::Readiness& readiness, std::size_t room)
      : fd_(fd), readiness_(readiness), ring_(room) {}

  std::size_t room() const { return ring_.capacity() - ring_.size(); }
  bool empty() const { return ring_.empty(); }
  // There is no memory for the ring.
  bool starved() { return ring_.writable().empty() && !ring_.full(); }
  void releaseMemory() { ring_.release(); }

  // kDone when nothing waits, kWouldBlock, or kFailed with the reason in errno.
  io::IoState flush();

 private:
  friend BIO* newOutputBio(RecordOutput& output);
  int fd_;
  io::Readiness& readiness_;
  io::ByteRing ring_;
};

// A BIO whose writes fill the ring of `output`, which must outlive it; a full ring is "retry
// later". nullptr when out of memory.
BIO* newOutputBio(RecordOutput& output);

}  // namespace efs::tls
