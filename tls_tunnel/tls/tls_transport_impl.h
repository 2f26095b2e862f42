// What TlsClientContext puts into a TlsTransport.
#pragma once

#include "efs/base/error.h"
#include "efs/base/unique_fd.h"
#include "efs/io/byte_ring.h"
#include "efs/tls/tls_transport.h"
#include "openssl_pointers.h"
#include "tls_errors.h"

namespace efs::tls {

// Room for several records, so that one send(2) carries them all.
inline constexpr std::size_t kOutputBuffer = std::size_t{128} << 10U;

struct TlsTransport::Impl {
  UniqueFd fd;
  io::ByteRing output{kOutputBuffer};
  VerifyFailure verify_failure;
  Error error{ErrorKind::kInternal, "no error"};
  bool close_notify_sent = false;
  SslPtr ssl;  // last: it dies before what it points to
};

}  // namespace efs::tls
