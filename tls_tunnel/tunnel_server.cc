#include "efs/tls_tunnel/tunnel_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "efs/base/log.h"
#include "efs/net/address.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {

Status TunnelServer::start() {
  // Level-triggered: what one turn leaves in the backlog is reported again.
  EFS_TRY(watch,
          context_.loop.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { acceptSome(); }));
  watch_ = std::move(watch);
  return {};
}

void TunnelServer::acceptSome() {
  for (int i = 0; i < context_.limits.accepts_per_turn; ++i) {
    if (!acceptOne()) return;
  }
}

bool TunnelServer::acceptOne() {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  UniqueFd client(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client.valid()) {
    const auto peer = net::Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length);
    open(std::move(client), peer ? peer->text() : "?");
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pauseAccepting(errno);
      return false;
    default:
      // accept(2): errors of the new connection itself; the next one may be good.
      return true;
  }
}

// The connection stays in the backlog and the descriptor readable: without a pause that would spin.
void TunnelServer::pauseAccepting(int err) {
  log::error("Cannot accept a connection: {}; trying again in {} ms", errnoText(err),
             context_.limits.accept_pause.count());
  watch_.reset();
  pause_ = context_.loop.after(context_.limits.accept_pause, [this] {
    if (auto started = start(); !started) pauseAccepting(started.error().osError());
  });
}

void TunnelServer::open(UniqueFd client, const std::string& peer) {
  if (sessions_.size() >= context_.limits.sessions && !makeRoom()) {
    log::warning("Connection from {} refused: {} connections are open already", peer,
                 sessions_.size());
    io::resetOnClose(client.get());
    return;
  }
  (void)net::setNoDelay(client.get());
  const std::uint64_t id = next_id_++;
  auto session = std::make_unique<TunnelSession>(context_, id, std::move(client), peer,
                                                 [this, id] { ended(id); });
  TunnelSession& started = *session;
  sessions_.emplace(id, std::move(session));
  if (auto status = started.start(); !status) started.drop(status.error().message());
}

// Strangers that connected and said nothing must not keep the kernel out.
bool TunnelServer::makeRoom() {
  const auto silent = std::find_if(sessions_.begin(), sessions_.end(),
                                   [](const auto& entry) { return entry.second->silent(); });
  if (silent == sessions_.end()) return false;
  silent->second->drop("silent for longest while the limit of connections is reached");
  return true;
}

void TunnelServer::ended(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  dead_.push_back(std::move(found->second));
  sessions_.erase(found);
  if (!burial_.armed()) burial_ = context_.loop.after(Duration{0}, [this] { dead_.clear(); });
}

}  // namespace efs::tls_tunnel
