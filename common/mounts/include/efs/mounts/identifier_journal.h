// What the kernel's client identifier was before we changed it, on disk for as long as it is
// changed: a mount helper that is killed meanwhile leaves its name to all other NFS mounts of the
// host, and only this knows the former one.
#pragma once

#include <optional>
#include <string>

#include "efs/base/result.h"

namespace efs::mounts {

// Text of a journal: one "key=value" a line. For the value of an identifier see
// kernel_identifier.h; it has no line break.
struct IdentifierChange {
  std::string boot;     // of which boot; the kernel's values die with it
  std::string network;  // of which network namespace
  std::string former;   // empty: none was set

  std::string serialize() const;
  // nullopt: not whole, or not of ours.
  static std::optional<IdentifierChange> parse(std::string_view text);
};

class IdentifierJournal {
 public:
  // Beside `lock_path`, one for each network namespace; of the calling thread's.
  explicit IdentifierJournal(const std::string& lock_path);

  bool exists() const;
  // The former value, where a change of this boot and this network namespace was not undone.
  std::optional<std::string> unfinished() const;
  Status begin(const std::string& former) const;
  void finish() const;

 private:
  std::string boot_;
  std::string network_;
  std::string path_;
};

}  // namespace efs::mounts
