#include "efs/tls_tunnel/upstream/partition_binding.h"

#include <algorithm>
#include <utility>

#include "efs/base/log.h"
#include "efs/base/random.h"

namespace efs::tls_tunnel {

// The watchdog's question needs one connection. Revocation is asked about once for a
// session; a further connection could bring another certificate.
bool PartitionBinding::allowed(const ConnectionMeter& meter) const {
  const ScaleState& scale = context_.scale;
  return scale.max_connections > 1 && !tried_ && !meter.question &&
         context_.revocation == nullptr && context_.now() >= scale.not_before;
}

void PartitionBinding::begin(io::Transport& transport, Done done) {
  done_ = std::move(done);
  tried_ = true;
  ScaleState& scale = context_.scale;
  // A further connection of the kernel's (nconnect) belongs to the life of the first.
  if (std::exchange(scale.used, true) && scale.bound == 0) ++scale.who.incarnation;
  deadline_ = context_.loop.after(context_.limits.bind, [this] {
    failed(Error(ErrorKind::kTimeout, "no answer"), context_.limits.scale_rest);
  });
  exchange_.emplace(transport, RandomSource()(), scale.who);
  step();
}

void PartitionBinding::step() {
  const auto answer = exchange_->step();
  if (!answer) return;
  deadline_.reset();
  if (!*answer) return failed(answer->error(), context_.limits.scale_rest);
  answered(**answer);
}

void PartitionBinding::answered(const BindAnswer& answer) {
  ScaleState& scale = context_.scale;
  terms_ = answer.terms;
  if (answer.kind == BindAnswer::Kind::kReady) {
    // There its sessions are unknown: NFS4ERR_BADSESSION.
    if (scale.bound != 0 && answer.partition != scale.partition)
      return failed(Error(ErrorKind::kBusy, "bound to another partition"), Duration{0});
    partition_ = scale.partition = answer.partition;
    ++scale.bound;
    log::debug("Connection {}: bound to a partition, up to {} connections", id_,
               std::min(terms_.max_connections, scale.max_connections));
  } else {
    log::info("Connection {}: one connection only, the server binds no further{}{}", id_,
              answer.text.empty() ? "" : ": ", answer.text);
  }
  exchange_.reset();
  done_({});
}

void PartitionBinding::failed(const Error& error, Duration rest) {
  log::info("Connection {}: one connection only, no partition: {}", id_, error.describe());
  context_.scale.not_before = context_.now() + rest;
  deadline_.reset();
  exchange_.reset();
  done_(error);
}

void PartitionBinding::leave() {
  deadline_.reset();
  exchange_.reset();
  if (!partition_.empty()) --context_.scale.bound;
  partition_.clear();
}

}  // namespace efs::tls_tunnel
