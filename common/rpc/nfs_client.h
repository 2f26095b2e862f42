// NfsClient: one call at a time over a connected socket, each with what is left of one deadline.
// Only for probes: nothing here is fast.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"

namespace efs::rpc {

class NfsClient {
 public:
  // `machine`: name in the AUTH_SYS credential.
  NfsClient(int fd, Deadline deadline, std::uint32_t first_xid, std::string machine)
      : fd_(fd), deadline_(deadline), xid_(first_xid), machine_(std::move(machine)) {}

  // NFSPROC4_NULL, without credential.
  Status null();
  // One COMPOUND of minor version 1: `operations` holds `count` encoded operations, the first of
  // them `first_operation`. The text returned holds the result array's content, behind
  // status, tag and count; it is valid until the next call. A status that is not NFS4_OK is an
  // error (see nfs_probe.h) worded with the server's number.
  Result<XdrReader> compound(std::string_view operations, std::uint32_t count);

 private:
  Result<XdrReader> exchange(const XdrWriter& call);
  Status send(std::string_view bytes);
  // The next reply; messages in the other direction (backchannel) are passed over.
  Status receive();
  Status receiveRecord();
  Status waitFor(short events);

  int fd_;
  Deadline deadline_;
  std::uint32_t xid_;
  std::string machine_;
  RecordReader reader_{RecordLimits{65536, 65536}};
  std::string input_;      // received, not yet given to the reader
  bool any_byte_ = false;  // of any answer on this connection
};

// kPermission for the NFS4ERR codes of a denial, and so on (RFC 8881 section 15).
Error nfsStatusError(std::uint32_t status);

}  // namespace efs::rpc
