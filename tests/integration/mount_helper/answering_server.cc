#include "answering_server.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "efs/base/files.h"
#include "efs/net/address.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"

namespace efs::testing {
namespace {

// nfs_opnum4, RFC 8881 section 16.2.3.
constexpr std::uint32_t kGetAttr = 9;
constexpr std::uint32_t kPutRootFh = 24;
constexpr std::uint32_t kExchangeId = 42;
constexpr std::uint32_t kCreateSession = 43;
constexpr std::uint32_t kSequence = 53;

std::string exchangeIdBody() {
  rpc::XdrWriter out;
  out.u64(1);  // client id
  out.u32(1);  // sequence
  out.u32(0);  // flags
  out.u32(0);  // SP4_NONE
  out.u64(0);
  out.opaque("owner");
  out.opaque("scope");
  out.u32(0);
  return out.bytes();
}

std::string createSessionBody() {
  rpc::XdrWriter out;
  out.fixed("0123456789abcdef");
  out.u32(1);
  out.u32(0);
  return out.bytes();
}

// The rest of SEQUENCE, then PUTROOTFH and GETATTR, which say that the root is a directory.
std::string rootBody() {
  rpc::XdrWriter out;
  out.fixed("0123456789abcdef");
  for (int i = 0; i < 5; ++i) out.u32(0);
  for (const std::uint32_t word : {kPutRootFh, 0U, kGetAttr, 0U, 1U, 2U}) out.u32(word);
  rpc::XdrWriter type;
  type.u32(2);
  out.opaque(type.bytes());
  return out.bytes();
}

std::string bodyOf(std::uint32_t operation) {
  if (operation == kExchangeId) return exchangeIdBody();
  if (operation == kCreateSession) return createSessionBody();
  return operation == kSequence ? rootBody() : std::string();
}

std::string answerTo(std::string_view call) {
  rpc::XdrReader in(call);
  const auto header = rpc::readCall(in);
  rpc::XdrWriter out;
  for (const std::uint32_t word : {header.xid, 1U, 0U, 0U, 0U, 0U}) out.u32(word);
  if (header.procedure == 0) return rpc::wrapRecord(out.bytes());
  in.opaque(1024);  // tag
  in.u32();         // minor version
  in.u32();         // number of operations
  const std::uint32_t operation = in.u32();
  out.u32(0);
  out.opaque("");
  out.u32(operation == kSequence ? 3 : 1);
  out.u32(operation);
  out.u32(0);
  return rpc::wrapRecord(out.bytes() + bodyOf(operation));
}

struct Connection {
  explicit Connection(UniqueFd connected) : fd(std::move(connected)) {}
  UniqueFd fd;
  rpc::RecordReader calls;
};

// False at the connection's end.
bool serve(Connection& connection) {
  std::array<char, 8192> buffer{};
  const ssize_t got = ::read(connection.fd.get(), buffer.data(), buffer.size());
  if (got <= 0) return false;
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  while (!bytes.empty()) {
    const auto taken = connection.calls.feed(bytes);
    if (!taken) return false;
    bytes.remove_prefix(*taken);
    if (!connection.calls.complete()) continue;
    if (!writeAll(connection.fd.get(), answerTo(connection.calls.record()), "answer")) return false;
  }
  return true;
}

[[noreturn]] void serveForEver(const UniqueFd& listener) {
  std::vector<Connection> connections;
  while (true) {
    std::vector<pollfd> entries{{listener.get(), POLLIN, 0}};
    for (const auto& one : connections) entries.push_back({one.fd.get(), POLLIN, 0});
    if (::poll(entries.data(), entries.size(), -1) < 0) std::abort();
    for (std::size_t i = connections.size(); i > 0; --i) {
      const auto at = connections.begin() + static_cast<std::ptrdiff_t>(i - 1);
      if (entries[i].revents != 0 && !serve(*at)) connections.erase(at);
    }
    if (entries[0].revents == 0) continue;
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) connections.emplace_back(std::move(fd));
  }
}

}  // namespace

AnsweringServer::AnsweringServer() {
  const auto pid = static_cast<unsigned>(::getpid());
  address_ = fmt::format("127.{}.{}.{}", 100 + pid % 100, pid / 100 % 250, 1 + pid / 25000 % 250);
  const auto endpoint = net::Endpoint::fromLiteral(address_, 2049).value();
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener.get(), endpoint.address(), endpoint.length()) != 0 ||
      ::listen(listener.get(), 16) != 0) {
    std::abort();  // nothing could be tested
  }
  process_ = Subprocess::fork([&]() -> int {
               ::prctl(PR_SET_PDEATHSIG, SIGKILL);
               ::signal(SIGPIPE, SIG_IGN);
               serveForEver(listener);
             }).value();
}

AnsweringServer::~AnsweringServer() { process_->killAndReap(); }

}  // namespace efs::testing
