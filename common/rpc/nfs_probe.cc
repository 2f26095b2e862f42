#include "efs/rpc/nfs_probe.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "efs/base/text.h"
#include "efs/rpc/message.h"
#include "nfs_client.h"

namespace efs::rpc {
namespace {

// nfs_opnum4, RFC 8881 section 16.2.3.
enum Operation : std::uint32_t {
  kGetAttr = 9,
  kLookup = 15,
  kPutRootFh = 24,
  kExchangeId = 42,
  kCreateSession = 43,
  kDestroySession = 44,
  kSequence = 53,
  kDestroyClientId = 57,
};

constexpr std::size_t kSessionIdSize = 16;
constexpr std::size_t kVerifierSize = 8;
constexpr std::size_t kMaxOpaque = 1024;  // NFS4_OPAQUE_LIMIT
constexpr std::size_t kMaxMachineName = 255;
// What the Linux client sends: referrals understood, state bound to the principal.
constexpr std::uint32_t kExchangeFlags = 0x00000101;
constexpr std::uint32_t kStateProtectNone = 0;
constexpr std::uint32_t kCallbackProgram = 0x40000000;
constexpr std::uint32_t kRpcAuthSys = 1;
constexpr std::uint32_t kTypeBit = 1U << 1U;  // FATTR4_TYPE
constexpr std::uint32_t kDirectory = 2;       // NF4DIR
constexpr std::size_t kMaxAttributeWords = 8;

struct Client {
  std::uint64_t id = 0;
  std::uint32_t sequence = 0;
  std::string owner;
};
using SessionId = std::string;

Error malformed() { return Error(ErrorKind::kProtocol, "malformed reply"); }

// Each result repeats its operation's number and status; the reader is then at the body.
Status expectResult(XdrReader& in, std::uint32_t operation) {
  const auto number = in.u32();
  const auto status = in.u32();
  if (!in.ok() || number != operation) return malformed();
  if (status != 0) return nfsStatusError(status);
  return {};
}

Result<Client> exchangeId(NfsClient& nfs, const ProbeIdentity& identity) {
  XdrWriter out;
  out.u32(kExchangeId);
  out.fixed(identity.verifier);
  out.opaque(identity.client_owner);
  out.u32(kExchangeFlags);
  out.u32(kStateProtectNone);
  out.u32(0);  // no implementation id
  EFS_TRY(in, nfs.compound(out.bytes(), 1));
  EFS_CHECK(expectResult(in, kExchangeId));
  Client client;
  client.id = in.u64();
  client.sequence = in.u32();
  in.u32();  // flags
  // We asked for no state protection, and a server may not choose more than was asked for.
  if (in.u32() != kStateProtectNone) in.fail();
  in.u64();  // so_minor_id
  client.owner = printable(in.opaque(kMaxOpaque), kMaxOpaque);
  if (!in.ok()) return malformed();
  return client;
}

void writeChannel(XdrWriter& out) {
  out.u32(0);      // header padding
  out.u32(65536);  // largest request
  out.u32(65536);  // largest response
  out.u32(4096);   // largest response kept for replay
  out.u32(8);      // operations in a request
  out.u32(1);      // slots
  out.u32(0);      // no RDMA
}

Result<SessionId> createSession(NfsClient& nfs, const Client& client,
                                const ProbeIdentity& identity) {
  XdrWriter out;
  out.u32(kCreateSession);
  out.u64(client.id);
  out.u32(client.sequence);
  out.u32(0);  // neither persistent nor with a backchannel
  writeChannel(out);
  writeChannel(out);
  out.u32(kCallbackProgram);
  out.u32(1);  // one way to authenticate callbacks
  out.u32(kRpcAuthSys);
  writeAuthSysRoot(out, identity.machine);
  EFS_TRY(in, nfs.compound(out.bytes(), 1));
  EFS_CHECK(expectResult(in, kCreateSession));
  SessionId session(in.fixed(kSessionIdSize));
  if (!in.ok()) return malformed();
  return session;
}

// The type of a file object out of fattr4, where only the type was asked for.
bool readsAsDirectory(XdrReader& in) {
  const auto words = in.u32();
  if (words > kMaxAttributeWords) in.fail();
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; in.ok() && i < words; ++i) {
    const auto word = in.u32();
    if (i == 0) first = word;
  }
  XdrReader values(in.opaque(kMaxOpaque));
  return in.ok() && first == kTypeBit && values.u32() == kDirectory && values.ok();
}

// The names of a path, as many as fit into one request.
std::vector<std::string> namesOf(const std::string& path) {
  std::vector<std::string> names = split(path, '/');
  std::erase(names, "");
  if (names.size() > kProbedNames) names.resize(kProbedNames);
  return names;
}

Status lookAtDirectory(NfsClient& nfs, const SessionId& session,
                       const std::vector<std::string>& names) {
  XdrWriter out;
  out.u32(kSequence);
  out.fixed(session);
  out.u32(1);  // the slot's first request
  out.u32(0);  // slot
  out.u32(0);  // highest slot
  out.boolean(false);
  out.u32(kPutRootFh);
  for (const auto& name : names) {
    out.u32(kLookup);
    out.opaque(name);
  }
  out.u32(kGetAttr);
  out.u32(1);
  out.u32(kTypeBit);
  EFS_TRY(in, nfs.compound(out.bytes(), 3 + static_cast<std::uint32_t>(names.size())));
  EFS_CHECK(expectResult(in, kSequence));
  in.fixed(kSessionIdSize);
  for (int word = 0; word < 5; ++word) in.u32();  // sequence, slots, status flags
  EFS_CHECK(expectResult(in, kPutRootFh));
  for (std::size_t i = 0; i < names.size(); ++i) EFS_CHECK(expectResult(in, kLookup));
  EFS_CHECK(expectResult(in, kGetAttr));
  if (readsAsDirectory(in)) return {};
  if (in.ok() && !names.empty()) return Error(ErrorKind::kInvalidInput, "it is no directory");
  return malformed();
}

Status destroySession(NfsClient& nfs, const SessionId& session) {
  XdrWriter out;
  out.u32(kDestroySession);
  out.fixed(session);
  EFS_CHECK(nfs.compound(out.bytes(), 1));
  return {};
}

Status destroyClient(NfsClient& nfs, const Client& client) {
  XdrWriter out;
  out.u32(kDestroyClientId);
  out.u64(client.id);
  EFS_CHECK(nfs.compound(out.bytes(), 1));
  return {};
}

// With a client id: the verdict. The session is destroyed whatever the verdict is; that this may
// fail does not change it, the server's lease ends what is left.
Status judgeAccess(NfsClient& nfs, const Client& client, const ProbeIdentity& identity,
                   const std::vector<std::string>& names) {
  auto session = createSession(nfs, client, identity);
  if (!session) return std::move(session.error().addContext("CREATE_SESSION"));
  auto verdict = lookAtDirectory(nfs, *session, names);
  (void)destroySession(nfs, *session);
  return std::move(verdict).withContext(names.empty() ? "reading the root directory"
                                                      : "looking for the directory");
}

Result<std::string> randomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(count)) return bytes;
  return Error::fromErrno(errno, "getting random bytes");
}

Result<ProbeResult> probePath(int fd, const Clock& clock, Duration patience,
                              const ProbeIdentity& identity,
                              const std::vector<std::string>& names) {
  NfsClient nfs(fd, Deadline(clock, patience), identity.first_xid, identity.machine);
  EFS_CHECK(nfs.null().withContext("NULL"));
  auto client = exchangeId(nfs, identity);
  if (!client) return std::move(client.error().addContext("EXCHANGE_ID"));
  auto verdict = judgeAccess(nfs, *client, identity, names);
  (void)destroyClient(nfs, *client);
  if (!verdict) return verdict.error();
  return ProbeResult{client->owner};
}

}  // namespace

Result<ProbeIdentity> ProbeIdentity::random() {
  ProbeIdentity identity;
  EFS_TRY(bytes, randomBytes(4 + kVerifierSize + 16));
  XdrReader in(bytes);
  identity.first_xid = in.u32();
  identity.verifier = in.fixed(kVerifierSize);
  identity.client_owner = "efsmount probe " + hex(in.fixed(16));
  std::array<char, kMaxMachineName + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) identity.machine = name.data();
  return identity;
}

Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience) {
  EFS_TRY(identity, ProbeIdentity::random());
  return probeNfs(fd, clock, patience, identity);
}

Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience,
                             const ProbeIdentity& identity) {
  return probePath(fd, clock, patience, identity, {});
}

Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience,
                             const std::string& path) {
  EFS_TRY(identity, ProbeIdentity::random());
  return probePath(fd, clock, patience, identity, namesOf(path));
}

Status pingNfs(int fd, const Clock& clock, Duration patience) {
  NfsClient nfs(fd, Deadline(clock, patience), kQuestionXid, std::string());
  return nfs.null().withContext("NULL");
}

}  // namespace efs::rpc
