// The instance metadata service, version 2: tokens, identity document, availability zone, role
// credentials. Without a valid token every read is answered 401, as on an instance that demands
// IMDSv2.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "network.h"
#include "world.h"

namespace efs::simulator {

struct HttpRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::string more_headers = {};  // whole lines with their CRLF
};

class ImdsServer {
 public:
  static Result<std::unique_ptr<ImdsServer>> start(const World& world);
  ImdsServer(const ImdsServer&) = delete;
  ImdsServer& operator=(const ImdsServer&) = delete;
  ~ImdsServer();

 private:
  ImdsServer(const World& world, std::unique_ptr<StopSignal> stop)
      : world_(world), stop_(std::move(stop)) {}
  void serve(UniqueFd connection);
  HttpReply answer(const HttpRequest& request);
  HttpReply issueToken(const HttpRequest& request);
  bool tokenIsValid(const HttpRequest& request);
  HttpReply metadata(std::string_view path) const;
  HttpReply identityDocument() const;
  HttpReply credentials(std::string_view role) const;

  const World& world_;
  std::unique_ptr<StopSignal> stop_;
  std::mutex mutex_;
  std::map<std::string, MonoTime> tokens_;  // token -> when it ends; guarded by mutex_
  ThreadCrew crew_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> listener_v6_;
};

}  // namespace efs::simulator
