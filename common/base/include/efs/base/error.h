// Error: what failed, on which object, why, and what the user can do about it.
//
// Every fallible function of the house returns Result<T> (result.h) whose error side is this class.
// An error is built where the failure is seen and gains context on its way up, outermost first:
//
//   mount.efs: fs-0123: reading /etc/amazon/efs/efs-utils.conf: line 3: key "x" appears twice
//
// Messages never contain secrets. They are one line, without a full stop.
#pragma once

#include <string>
#include <string_view>

namespace efs {

// What a caller may want to react to; everything else is told by the message alone.
enum class ErrorKind {
  kInvalidInput,  // options, config, state files, replies that break their grammar
  kNotFound,      // a file, host, file system, profile that does not exist
  kPermission,    // the kernel or a server says no
  kTimeout,       // a deadline passed
  kRefused,       // connection refused: nobody listens
  kUnreachable,   // no route, network or host down
  kReset,         // the peer closed or reset the connection
  kUntrusted,     // certificate chain or name not accepted
  kBusy,          // taken by somebody else: port, lock, mount point
  kUnsupported,   // the kernel or the platform lacks it
  kIo,            // read, write, disk full
  kProtocol,      // the peer broke the protocol
  kCancelled,     // interrupted by a signal
  kInternal,      // cannot happen; a defect of ours
};

class Error {
 public:
  Error(ErrorKind kind, std::string message);

  // Takes errno by value so that it is captured before anything else can change it:
  //   return Error::fromErrno(errno, "open /etc/x").
  // The message becomes "<what>: <text of err>", the kind follows from err.
  static Error fromErrno(int err, std::string_view what);

  ErrorKind kind() const { return kind_; }
  // errno of the failed system call, 0 where there was none.
  int osError() const { return os_error_; }
  // Context chain and reason, outermost first, joined by ": ".
  const std::string& message() const { return message_; }
  // What the user can do, a phrase without a full stop; empty where nothing useful is known.
  const std::string& hint() const { return hint_; }
  // "<message> (<hint>)", or the message alone: one line for logs.
  std::string describe() const;

  // Puts "<context>: " before the message.
  Error& addContext(std::string_view context);
  // Sets the hint unless a hint from nearer to the cause is already there.
  Error& addHint(std::string_view hint);
  Error& setKind(ErrorKind kind);

 private:
  ErrorKind kind_;
  int os_error_ = 0;
  std::string message_;
  std::string hint_;
};

// The kind that fits an errno value: ECONNREFUSED -> kRefused, EACCES -> kPermission ...
ErrorKind kindOfErrno(int err);

// Text of an errno value; thread-safe replacement of strerror().
std::string errnoText(int err);

}  // namespace efs
