// OptionTable: the mount options of both kinds of file systems, one row each. Parsing, what goes
// together, the guess of mistyped words, --help and the test of the manual page read it; a new
// option is a row here, a field of MountRequest and a paragraph of mount.efs(8).
//
// Every other word belongs to mount(8) or nfs(5) and passes through.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "efs/base/result.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

enum class ValueKind {
  kNone,     // a flag; a value that is given all the same counts only if it says no: refused
  kText,     // must not be empty
  kInteger,  // from `lowest` to `highest`
  kUrlPath,  // begins with "/"
};

enum class Service {
  kServed,
  kAccepted,  // for fstab lines written for efs-utils: without effect, and not for the kernel
  // Dropping one silently could mount with a weaker identity or in the wrong place.
  kRefused,
};

// Another option, and the error when it is missing (`needs`) or there (`excludes`).
struct OtherOption {
  std::string_view name = {};  // empty: no such rule
  std::string_view error = {};
  std::string_view hint = {};
};

struct OptionRow {
  std::string_view name = {};
  ValueKind kind = ValueKind::kNone;
  std::string_view value = {};         // what --help shows behind "="
  std::string_view help = {};          // a phrase
  Service service = Service::kServed;  // by mount.efs
  Service s3files = Service::kServed;  // by mount.s3files
  int lowest = 0, highest = 0;
  OtherOption needs = {};
  OtherOption excludes = {};           // of a pair that excludes each other, one row says so
  std::string_view refusal_hint = {};  // what to do where it is refused
  // Puts the value, whose kind is right, into the request; the error: its form is wrong. Null where
  // there is nothing to put.
  Status (*put)(MountRequest& request, const std::string& value) = nullptr;

  Service serviceFor(FileSystemKind file_system) const {
    return file_system == FileSystemKind::kEfs ? service : s3files;
  }
};

// In the order in which rules are checked and --help lists them.
std::span<const OptionRow> optionTable();
// Null for a word that is no option of ours.
const OptionRow* findOption(std::string_view name);

// "verify=<0-4>", as --help writes it.
std::string optionSyntax(const OptionRow& row);

// Whether they may stand together, and none is refused: kInvalidInput with the text of the first
// broken rule. Values are not looked at.
Status checkOptions(const mounts::OptionList& options, FileSystemKind kind);
// After checkOptions(): takes all options of ours out of request.nfs_options and puts them into the
// request.
Status takeOptions(MountRequest& request);

}  // namespace efs::mount_helper
