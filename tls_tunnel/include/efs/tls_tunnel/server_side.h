// ServerSide: a session's side towards the mount target: the way there, the connection once it
// stands, and what its success or failure tells about the address.
//
//   pause -> resolving, connecting, securing (TLS) -> [checking (OCSP)] -> [binding] -> ready
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "efs/io/transport.h"
#include "efs/tls/tls_transport.h"
#include "efs/tls_tunnel/revocation_session.h"
#include "efs/tls_tunnel/session_context.h"
#include "efs/tls_tunnel/upstream/partition_binding.h"
#include "efs/tls_tunnel/upstream_connector.h"

namespace efs::tls_tunnel {

class ServerSide {
 public:
  // None is called from inside begin(), but for `ready` never. They may call stop(), and must not
  // destroy the side.
  struct Events {
    std::function<void()> ready;  // NFS may pass; once
    std::function<void(tunnel_control::Stage tried, const Error& error)> failed;
    std::function<void()> moved;  // bytes can be read or written, or could before `ready`
  };

  // All must outlive the side. `id` names the connection in the log.
  ServerSide(SessionContext& context, std::uint64_t id, ConnectionMeter& meter, Events events)
      : context_(context),
        id_(id),
        meter_(meter),
        events_(std::move(events)),
        binding_(context, id) {}

  // As soon as the pacer allows.
  void begin();
  // Nothing more begins; the connection stays until the side dies.
  void stop();

  bool connected() const { return transport_ != nullptr; }
  // Only when connected.
  io::Transport& transport() { return *transport_; }
  const io::Transport& transport() const { return *transport_; }
  const PartitionBinding& binding() const { return binding_; }
  // The server sees a reset when the side dies, if there is a connection.
  void reset();

  // The server's first byte has come: it takes us.
  void served();
  // It took the connection and never said a byte, though somebody waited.
  void blameAddress();
  // Tells status, meter and pacer; what to write in the log.
  std::string recordFailure(tunnel_control::Stage tried, const Error& error);
  // Why the server ended before its first byte: with TLS 1.3 that is how it refuses a certificate.
  Error refusal(const Error& error) const;

 private:
  void startConnector();
  // TCP is there; of several addresses each that is reached.
  void reached(const net::Endpoint& peer);
  void arrived(Result<ConnectedUpstream> result);
  Status adopt(ConnectedUpstream upstream);
  void event(std::uint32_t events);
  // Contract MODE-1: `OCSPaia`.
  void checkRevocation();
  void secured();
  void bindOrReady();
  // Milliseconds since step_started_, which begins anew.
  std::int64_t stepDone();

  SessionContext& context_;
  std::uint64_t id_;
  ConnectionMeter& meter_;
  Events events_;
  std::unique_ptr<io::Transport> transport_;
  tls::TlsTransport* tls_ = nullptr;  // transport_, where it is TLS
  std::string name_;
  std::optional<net::Endpoint> peer_;
  bool served_ = false;
  MonoTime step_started_;
  std::unique_ptr<UpstreamConnector> connector_;
  std::optional<RevocationSession> revocation_;
  PartitionBinding binding_;
  // After the transport: a watch ends before its descriptor is closed.
  loop::EventLoop::Watch watch_;
  loop::EventLoop::Timer pause_;
};

}  // namespace efs::tls_tunnel
