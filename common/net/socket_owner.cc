#include "efs/net/socket_owner.h"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "efs/base/byte_cursor.h"
#include "efs/net/socket.h"
#include "efs/procfs/tcp_table.h"

namespace efs::net {
namespace {

using procfs::parseTcpRow;
using procfs::tcpConnected;
using procfs::TcpRow;

// An answer is about 300 bytes; longer ones are cut and then refused by the parser.
constexpr std::size_t kMaxDatagram = 4096;
// Answers to earlier questions that nobody took, at most so many in a row.
constexpr int kMaxStale = 8;

struct Question {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

Result<TcpRow::End> ipv4End(const Endpoint& endpoint) {
  if (endpoint.family() != AF_INET)
    return Error(ErrorKind::kInvalidInput, "owner of " + endpoint.text() + ": not an IPv4 address");
  sockaddr_in address{};
  std::memcpy(&address, endpoint.address(), sizeof address);
  return TcpRow::End{address.sin_addr.s_addr, endpoint.port()};
}

Question makeQuestion(std::uint32_t sequence, const TcpRow::End& local, const TcpRow::End& remote) {
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.header.nlmsg_seq = sequence;
  question.request.sdiag_family = AF_INET;
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = ~0U;
  question.request.id.idiag_sport = htons(local.port);
  question.request.id.idiag_dport = htons(remote.port);
  question.request.id.idiag_src[0] = local.ip;
  question.request.id.idiag_dst[0] = remote.ip;
  question.request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  question.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return question;
}

// A structure of the kernel, in its own byte order, from the front of the message.
template <typename Structure>
std::optional<Structure> take(ByteCursor& cursor) {
  const auto bytes = cursor.readBytes(sizeof(Structure));
  if (!bytes) return std::nullopt;
  Structure value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

Error notUnderstood() { return {ErrorKind::kProtocol, "sock_diag: answer not understood"}; }

Result<FoundOwner> kernelRefusal(ByteCursor& cursor) {
  const auto refusal = take<nlmsgerr>(cursor);
  if (!refusal || refusal->error > 0 || refusal->error == INT32_MIN) return notUnderstood();
  // Also what a kernel without the tcp_diag module says, see prepare().
  if (refusal->error == -ENOENT) return FoundOwner();
  return Error::fromErrno(-refusal->error, "sock_diag");
}

SocketOwner ownerOf(const inet_diag_msg& answer) {
  return {answer.idiag_uid, answer.idiag_inode, tcpConnected(answer.idiag_state)};
}

// Walks the lines of a file that may be longer than memory should be.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  // nullopt at the end; a line longer than the buffer is an error.
  Result<std::optional<std::string_view>> next() {
    for (;;) {
      const std::string_view waiting(buffer_.data() + begin_, end_ - begin_);
      const auto newline = waiting.find('\n');
      if (newline != std::string_view::npos) {
        begin_ += newline + 1;
        return std::optional(waiting.substr(0, newline));
      }
      EFS_TRY(more, fill());
      if (!more) return std::optional<std::string_view>();
    }
  }

 private:
  Result<bool> fill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == buffer_.size() || total_ > procfs::kMaxTcpTable)
      return Error(ErrorKind::kProtocol, "table of sockets: too long");
    ssize_t got = 0;
    do {
      got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::fromErrno(errno, "table of sockets");
    end_ += static_cast<std::size_t>(got);
    total_ += static_cast<std::size_t>(got);
    return got > 0;
  }

  int fd_;
  std::array<char, 16384> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

Result<FoundOwner> parseSockDiagReply(std::string_view datagram, std::uint32_t sequence,
                                      const Endpoint& local, const Endpoint& remote) {
  EFS_TRY(own, ipv4End(local));
  EFS_TRY(peer, ipv4End(remote));
  ByteCursor whole(datagram);
  const auto header = take<nlmsghdr>(whole);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size())
    return notUnderstood();
  if (header->nlmsg_seq != sequence) return Error(ErrorKind::kBusy, "sock_diag: stale answer");
  ByteCursor body(datagram.substr(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr)));
  if (header->nlmsg_type == NLMSG_ERROR) return kernelRefusal(body);
  const auto answer = take<inet_diag_msg>(body);
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || !answer || answer->idiag_family != AF_INET)
    return notUnderstood();
  const TcpRow::End found_own{answer->id.idiag_src[0], ntohs(answer->id.idiag_sport)};
  const TcpRow::End found_peer{answer->id.idiag_dst[0], ntohs(answer->id.idiag_dport)};
  // Where no such connection exists the kernel falls back to a listener on that port.
  if (found_own != own || found_peer != peer) return FoundOwner();
  return FoundOwner(ownerOf(*answer));
}

Result<FoundOwner> findInTcpTable(const std::string& path, const Endpoint& local,
                                  const Endpoint& remote) {
  EFS_TRY(own, ipv4End(local));
  EFS_TRY(peer, ipv4End(remote));
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, path);
  LineReader lines(fd.get());
  for (;;) {
    EFS_TRY(line, lines.next());
    if (!line) return FoundOwner();
    const auto row = parseTcpRow(*line);
    if (row && row->local == own && row->remote == peer)
      return FoundOwner(SocketOwner{row->uid, row->inode, tcpConnected(row->state)});
  }
}

void SocketOwners::prepare() {
  prepared_ = true;
  if (auto works = tryKernel(); !works) {
    netlink_.reset();
    why_table_ = works.error().message();
  }
}

Status SocketOwners::tryKernel() {
  netlink_.reset(
      ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!netlink_.valid()) return Error::fromErrno(errno, "sock_diag");
  // Bound and closed is known to nobody; listening is known to the kernel's tables.
  EFS_TRY(listener, listenLoopback(0, 1));
  const auto here = Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(listener.port));
  const auto nobody = Endpoint::fromLiteral("0.0.0.0", 0);
  EFS_TRY(found, askKernel(*here, *nobody));
  if (found) return {};
  return Error(ErrorKind::kUnsupported, "sock_diag: this kernel does not know TCP sockets");
}

Result<FoundOwner> SocketOwners::askKernel(const Endpoint& local, const Endpoint& remote) {
  EFS_TRY(own, ipv4End(local));
  EFS_TRY(peer, ipv4End(remote));
  const Question question = makeQuestion(++sequence_, own, peer);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(netlink_.get(), &question, sizeof question, 0,
               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0)
    return Error::fromErrno(errno, "sock_diag");
  // The answer is there when sendto() returns (netlink_rcv_skb() runs within it).
  for (int i = 0; i < kMaxStale; ++i) {
    std::array<char, kMaxDatagram> answer{};
    const ssize_t got = ::recv(netlink_.get(), answer.data(), answer.size(), 0);
    if (got < 0) return Error::fromErrno(errno, "sock_diag");
    auto found = parseSockDiagReply({answer.data(), static_cast<std::size_t>(got)}, sequence_,
                                    local, remote);
    if (found || found.error().kind() != ErrorKind::kBusy) return found;
  }
  return notUnderstood();
}

void SocketOwners::readTable() {
  rows_.reset();
  if (!prepared_) prepare();
  const UniqueFd fd(netlink_.valid() ? -1 : ::open(tcp_table_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return;  // find() says why
  std::map<Ends, SocketOwner> rows;
  LineReader lines(fd.get());
  for (;;) {
    const auto line = lines.next();
    if (!line) return;
    if (!*line) break;
    if (const auto row = parseTcpRow(**line)) {
      rows[{row->local.ip, row->local.port, row->remote.ip, row->remote.port}] = {
          row->uid, row->inode, tcpConnected(row->state)};
    }
  }
  rows_ = std::move(rows);
}

Result<FoundOwner> SocketOwners::find(const Endpoint& local, const Endpoint& remote) {
  if (!prepared_) prepare();
  if (rows_) {
    EFS_TRY(own, ipv4End(local));
    EFS_TRY(peer, ipv4End(remote));
    const auto row = rows_->find({own.ip, own.port, peer.ip, peer.port});
    return row == rows_->end() ? FoundOwner() : FoundOwner(row->second);
  }
  std::string why = why_table_;
  if (netlink_.valid()) {
    auto found = askKernel(local, remote);
    if (found) return found;
    why = found.error().message();
  }
  return findInTcpTable(tcp_table_, local, remote).withContext(why);
}

}  // namespace efs::net
