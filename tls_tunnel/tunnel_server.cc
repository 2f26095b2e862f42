#include "efs/tls_tunnel/tunnel_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "efs/base/log.h"
#include "efs/net/address.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {
namespace {

// The other end is open and waits for an answer.
bool hasSentAndStays(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
         ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED;
}

}  // namespace

Status TunnelServer::start() {
  // Level-triggered: what one turn leaves in the backlog is reported again.
  EFS_TRY(watch, context_.loop.watch(listener_.fd.get(), EPOLLIN,
                                     [this](std::uint32_t) { acceptSome(); }));
  watch_ = std::move(watch);
  return {};
}

// All are taken first and looked up then, together where that costs (ClientGate::beginRound()):
// root's connection does not wait for the looks at those of strangers before it.
void TunnelServer::acceptSome() {
  std::vector<Arrival> arrivals;
  for (int i = 0; i < context_.limits.accepts_per_turn; ++i) {
    if (!acceptOne(arrivals)) break;
  }
  if (arrivals.empty()) return;
  gate_.beginRound();
  for (auto& arrival : arrivals) greet(std::move(arrival.fd), arrival.peer);
  const Duration pause = gate_.endRound();
  if (pause > Duration(0) && !pause_.armed()) pauseAccepting(pause);
}

bool TunnelServer::acceptOne(std::vector<Arrival>& arrivals) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  UniqueFd client(::accept4(listener_.fd.get(), reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client.valid()) {
    const auto peer = net::Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length);
    arrivals.push_back({std::move(client), peer.value_or(net::Endpoint())});
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      failedToAccept(errno);
      return false;
    default:
      // accept(2): errors of the new connection itself; the next one may be good.
      return true;
  }
}

void TunnelServer::failedToAccept(int err) {
  log::error("Cannot accept a connection: {}; trying again in {} ms", errnoText(err),
             context_.limits.accept_pause.count());
  pauseAccepting(context_.limits.accept_pause);
}

// The connection stays in the backlog and the descriptor readable: without a pause that would spin.
void TunnelServer::pauseAccepting(Duration pause) {
  watch_.reset();
  pause_ = context_.loop.after(pause, [this] {
    if (auto started = start(); !started) failedToAccept(started.error().osError());
  });
}

void TunnelServer::greet(UniqueFd client, const net::Endpoint& peer) {
  switch (gate_.judge(peer, listener_.address)) {
    case ClientGate::Verdict::kWelcome:
      return open(std::move(client), peer.text());
    case ClientGate::Verdict::kGone:
      if (hasSentAndStays(client.get())) gate_.tellUnseen(peer);
      return log::debug("Client {} was gone before it was served (port probe)", peer.text());
    case ClientGate::Verdict::kStranger:
      context_.meter.setStrangers(gate_.refused());
      context_.meter.publish();
      io::resetOnClose(client.get());
      return;
  }
}

void TunnelServer::open(UniqueFd client, const std::string& peer) {
  if (sessions_.size() >= context_.limits.sessions) makeRoom();
  // The kernel waits for each reply; Nagle's algorithm would hold the last piece back.
  (void)net::setNoDelay(client.get());
  const std::uint64_t id = next_id_++;
  auto session = std::make_unique<TunnelSession>(context_, id, std::move(client), peer,
                                                 [this, id] { ended(id); });
  TunnelSession& started = *session;
  sessions_.emplace(id, std::move(session));
  if (auto status = started.start(); !status)
    started.drop(log::Level::kWarning, status.error().message());
}

void TunnelServer::makeRoom() {
  const auto rank = [](const TunnelSession& session) {
    return std::tuple(!session.silent(), session.busy(), session.lastHeard());
  };
  const auto victim = std::min_element(
      sessions_.begin(), sessions_.end(),
      [&](const auto& a, const auto& b) { return rank(*a.second) < rank(*b.second); });
  victim->second->drop(log::Level::kWarning, "made room for a new one at the limit of connections");
}

void TunnelServer::reconnect() {
  context_.pacer.reset();
  // A copy: drop() takes the session out of the map.
  std::vector<TunnelSession*> open;
  for (const auto& [id, session] : sessions_) {
    if (!session->silent()) open.push_back(session.get());
  }
  log::info("Reconnecting on request: {} connection(s) dropped", open.size());
  for (TunnelSession* session : open) session->drop(log::Level::kInfo, "reconnect requested");
}

void TunnelServer::stop() {
  // First: whoever connects now waits in the backlog for the next tunnel on this listener.
  watch_.reset();
  pause_.reset();
  std::vector<TunnelSession*> all;
  all.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  for (TunnelSession* session : all) session->stop();
}

void TunnelServer::ended(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  dead_.push_back(std::move(found->second));
  sessions_.erase(found);
  // In the next turn: the session that ends is still on the stack.
  if (!burial_.armed()) burial_ = context_.loop.after(Duration{0}, [this] { dead_.clear(); });
}

}  // namespace efs::tls_tunnel
