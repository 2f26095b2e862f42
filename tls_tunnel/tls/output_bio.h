// The write side of a TLS connection: OpenSSL puts records into a ring, flush() sends them
// together. (OpenSSL's socket BIO makes one system call per record, and its memory BIO never
// shrinks.) TlsTransport writes a record only where it has room.
#pragma once

#include <openssl/bio.h>

#include "efs/io/byte_ring.h"

namespace efs::tls {

// A BIO whose writes fill `ring`, which must outlive it; a full ring is "retry later". nullptr when
// out of memory.
BIO* newOutputBio(io::ByteRing& ring);

}  // namespace efs::tls
