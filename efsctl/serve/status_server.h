// StatusServer: metrics and status over HTTP, for scrapers and for who is not root. A process of
// its own (`efsctl metrics --listen`), so that no stranger's connection is any of the watchdog's
// work.
//
// What a stranger can cost is bounded: so many connections of each listener at a time, a few
// seconds for each, one request of a few KiB; the facts are gathered, and the numbers put into
// words, at most once a second, whoever asks how often. Who comes when all places are taken gets
// that of the one that has been there longest: a scraper needs a moment, and who fills the places
// says nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/efsctl/status.h"
#include "efs/loop/event_loop.h"
#include "serve/http_message.h"

namespace efs::efsctl {

class StatusServer {
 public:
  StatusServer(loop::EventLoop& loop, StatusOptions options)
      : loop_(loop), options_(std::move(options)) {}
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  // `status`: not only /metrics but also /status and /status.json: for a socket whose mode says who
  // may ask.
  Status listen(UniqueFd listener, bool status);

 private:
  struct Listener {
    UniqueFd fd;
    bool status = false;
    loop::EventLoop::Watch watch;
  };
  struct Connection {
    UniqueFd fd;
    std::size_t listener = 0;
    std::uint64_t number = 0;  // in the order of their coming
    std::string received;
    std::string head;                         // of the answer; empty: there is none yet
    std::shared_ptr<const std::string> body;  // shared with all who ask at this moment
    std::size_t sent = 0;                     // of head and body
    loop::EventLoop::Watch watch;
    loop::EventLoop::Timer deadline;
  };
  struct Known {
    StatusReport report;
    std::shared_ptr<const std::string> metrics;
  };

  Status watchListener(std::size_t index);
  void accept(std::size_t index);
  void makeRoom(std::size_t index);
  void serve(int fd);
  void read(int fd, Connection& connection);
  bool send(Connection& connection);
  void answer(Connection& connection);
  HttpAnswer answerTo(const HttpRequest& request, bool status);
  HttpAnswer statusAnswer(const HttpRequest& request);
  Result<const Known*> known();

  loop::EventLoop& loop_;
  StatusOptions options_;
  std::vector<Listener> listeners_;
  std::map<int, Connection> connections_;
  std::uint64_t accepted_ = 0;
  std::vector<loop::EventLoop::Timer> pauses_;
  std::optional<Known> known_;
  MonoTime known_at_;
};

// The client side: GET `target` ("/status?wide=1") of a local socket.
Result<HttpAnswer> askStatusServer(const std::string& socket_path, const std::string& target,
                                   Duration patience);

}  // namespace efs::efsctl
