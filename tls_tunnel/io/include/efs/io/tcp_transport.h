// TcpTransport: a connected, non-blocking TCP socket as it is.
#pragma once

#include "efs/base/unique_fd.h"
#include "efs/io/readiness.h"
#include "efs/io/transport.h"

namespace efs::io {

class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(UniqueFd fd) : fd_(std::move(fd)) {}

  void ready(std::uint32_t events) override { readiness_.told(events); }
  IoResult read(std::span<std::byte> into) override;
  IoResult write(std::span<const std::byte> from) override;
  IoResult flush() override { return {}; }
  IoResult finishWriting() override;
  void releaseMemory() override {}
  const Error& error() const override { return error_; }
  int fd() const override { return fd_.get(); }

 private:
  IoResult fail(int err, const char* what);

  UniqueFd fd_;
  Readiness readiness_;
  Error error_{ErrorKind::kInternal, "no error"};
};

}  // namespace efs::io
