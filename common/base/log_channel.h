// LogChannel: the sending end of a program's log. Lines go to the writer of the host
// (efs-log-writer) and wait in a bounded ring for as long as it does not take them; nothing here
// opens, writes or waits for a file. Private to the library.
//
// Lines stay in the ring until the writer says that it is done with them: when it dies, what it had
// not written is sent to the next one. When the ring is full, lines are counted instead of kept,
// and their number is told once there is room again.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/log_wire.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::log {

class LogChannel {
 public:
  // kWhenNeeded: for lines of ours. kAlways: also when a pump() finds that it has ended.
  enum class Start { kWhenNeeded, kNever, kAlways };

  // `program`: the writer to start where none listens.
  LogChannel(LogPlace place, std::string state_dir, std::string program);

  // For the lines that follow.
  void setPlace(LogPlace place) { place_ = std::move(place); }
  const std::string& stateDirectory() const { return state_dir_; }

  void start(Start start) { start_ = start; }

  // Waits until a writer listens, at most this long: for who has no loop to pump in while it waits
  // for other things. One that is stuck listens, too.
  void awaitWriter(Duration patience);
  // Never waits. `line` with its newline.
  void push(std::string_view line);
  // In a forked child: lets go of what is the parent's.
  void checkOwner();
  // Does what can be done without waiting, and makes no system call where there is nothing: the
  // tunnel's loop asks before each wait. When to call again, nullopt when nothing is left to do.
  std::optional<Duration> pump();
  // Waits until the writer is done with all lines. Where there is no writer in all that time, a
  // child writes them, and is left alone if that takes long. The error is why lines were not
  // written.
  Status finish(Duration patience);

 private:
  void add(std::string_view line);
  bool isFull() const;
  void tellLoss();
  void work(MonoTime now);
  void leaveParent();
  void connect(MonoTime now);
  void startWriter(MonoTime now);
  bool writerIsOurs() const { return writer_ > 0; }
  void reapWriter();
  std::optional<Duration> pumpIdle();
  void settleWriter(Duration patience);
  void disconnect();
  void receiveAcks();
  bool takeAck(std::string_view bytes);
  void sendWaiting();
  void waitForWriter(Duration patience);
  void writeInChild();

  LogPlace place_;
  std::string state_dir_, program_;
  pid_t writer_ = 0;              // our child, not yet reaped
  pid_t peer_ = 0;                // who listens at the other end of socket_
  pid_t owner_;                   // lines made before a fork are the parent's
  std::deque<std::string> ring_;  // encoded; the first in_flight_ of them have been sent
  std::size_t bytes_ = 0, in_flight_ = 0, lost_ = 0;
  std::uint64_t handled_ = 0;  // on this connection
  UniqueFd socket_;
  Start start_ = Start::kWhenNeeded;
  bool ever_connected_ = false, progress_ = false, acked_ = false;
  std::string failure_;  // why the last line was not written
  Duration pause_;
  MonoTime next_pump_{}, next_connect_{}, next_start_{}, next_reap_{}, next_keep_{};
};

}  // namespace efs::log
