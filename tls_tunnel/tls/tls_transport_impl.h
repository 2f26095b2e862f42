// What TlsClientContext puts into a TlsTransport.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "efs/base/error.h"
#include "efs/base/unique_fd.h"
#include "efs/tls/tls_transport.h"
#include "openssl_pointers.h"
#include "record_input.h"
#include "record_output.h"
#include "tls_errors.h"

namespace efs::tls {

// RFC 8446 section 5.1; what is written at once becomes one record.
inline constexpr std::size_t kRecordText = std::size_t{16} << 10U;
// A record is written only where all of it has room, so that OpenSSL never holds a part of one: a
// KeyUpdate that it had to answer then would end the connection. Behind that, room for answers.
inline constexpr std::size_t kRecordRoom = kRecordText + 1024;
inline constexpr std::size_t kAnswerRoom = std::size_t{16} << 10U;
// Besides, room for several records, so that one send(2) carries them all.
inline constexpr std::size_t kOutputBuffer = (std::size_t{128} << 10U) + kRecordRoom + kAnswerRoom;
// Less than that is left only to who asks for hundreds of answers and reads none.
inline constexpr std::size_t kLeastRoom = 512;

struct TlsTransport::Impl {
  UniqueFd fd;
  io::Readiness readiness;
  std::optional<RecordInput> input;
  std::optional<RecordOutput> output;
  VerifyFailure verify_failure;
  Error error{ErrorKind::kInternal, "no error"};
  bool close_notify_sent = false;
  std::uint64_t records_per_key = 0;
  std::uint64_t records = 0;  // under the present key of ours

  void use(UniqueFd socket) {
    fd = std::move(socket);
    input.emplace(fd.get(), readiness);
    output.emplace(fd.get(), readiness, kOutputBuffer);
  }
  bool changeKey();
  SslPtr ssl;  // last: it dies before what it points to
};

}  // namespace efs::tls
