// efs-log-writer <state directory>: the one process of a host that writes log files for all other
// programs (log_wire.h), so that none of them can be held up by one. Started by whoever finds none;
// ends by itself when nobody has been connected for a while - but stays where its end would leave a
// zombie, under a container's process 1 that may reap nobody.
//
// It may block in a write for as long as a file system is frozen; it holds nothing then that
// anybody waits for.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/file_lock.h"
#include "efs/base/log_file.h"
#include "efs/base/log_wire.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::log_writer {

class LogWriter {
 public:
  // kBusy when the directory has a writer.
  static Result<LogWriter> create(const std::string& state_dir, const Clock& clock);

  // Until nobody has been connected for `patience` and somebody reaps us.
  Status run(Duration patience);

 private:
  LogWriter(std::string state_dir, const Clock& clock, FileLock lock, UniqueFd epoll);

  struct Client {
    UniqueFd socket;
    std::uint64_t handled = 0;
  };

  Status listen();
  Status watch(int fd) const;
  Result<int> turn(Duration patience);
  Duration wait(MonoTime leave) const;
  void rest();
  void closeFiles();
  bool socketIsThere() const;
  bool socketIsOurs() const;
  void acceptAgain();
  void acceptClients();
  void serve(int fd);
  bool receiveLine(Client& client);
  std::string writeLine(const log::LineMessage& message);

  std::string state_dir_;
  const Clock* clock_;
  FileLock lock_;
  UniqueFd epoll_, listener_;
  ino_t socket_inode_ = 0;  // of our name in the state directory
  std::size_t max_clients_;
  bool deaf_ = false;  // no descriptor was left for who wants to connect
  std::map<int, Client> clients_;
  std::map<std::string, log::LogFile> files_;
  bool busy_ = false;  // lines were written since the last rest()
};

// main(). Exit code 0 also when another writer is there.
int runLogWriter(const std::vector<std::string>& arguments);

}  // namespace efs::log_writer
