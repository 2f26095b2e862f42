// A real HTTP/1.1 server on 127.0.0.1, port chosen by the kernel, one thread: each connection
// carries one request and gets the bytes that the handler returns, whatever they are.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "efs/base/unique_fd.h"

namespace efs::test {

// The whole request as it came: request line, headers, empty line, body.
using RawHandler = std::function<std::string(const std::string& request)>;

// What a handler returns to keep the connection open without a reply until the client goes away.
inline const std::string kNeverReply = "<never>";

// "HTTP/1.1 <status> X", Content-Length and the body.
std::string httpReply(int status, const std::string& body);

class LoopbackHttpServer {
 public:
  explicit LoopbackHttpServer(RawHandler handler);
  ~LoopbackHttpServer();
  LoopbackHttpServer(const LoopbackHttpServer&) = delete;
  LoopbackHttpServer& operator=(const LoopbackHttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  std::vector<std::string> requests() const;

 private:
  void serve();
  void serveOne(const UniqueFd& connection);
  // False when the client has gone or the server stops.
  bool waitReadable(const UniqueFd& connection) const;

  RawHandler handler_;
  UniqueFd listener_;
  Pipe stop_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace efs::test
