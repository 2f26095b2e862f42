// OptionTable: the mount options of efs, one row each. Parsing, what goes together, the guess of
// mistyped words, --help and the test of the manual page read it; a new option is a row here, a
// field of MountRequest and a paragraph of mount.efs(8).
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

// The kind of file system that an option is about.
enum class FileSystemKind { kEfs, kS3Files };

// Another option, and the error when it is missing (`needs`) or there (`excludes`).
struct OtherOption {
  std::string_view name = {};  // empty: no such rule
  std::string_view error = {};
  std::string_view hint = {};
};

struct OptionRow {
  std::string_view name = {};
  ValueKind kind = ValueKind::kNone;
  std::string_view value = {};  // what --help shows behind "="
  std::string_view help = {};   // a phrase
  Service service = Service::kServed;
  FileSystemKind about = FileSystemKind::kEfs;
  int lowest = 0, highest = 0;
  OtherOption needs = {};
  OtherOption excludes = {};  // of a pair that excludes each other, one row says so
  std::string_view refusal = {}, refusal_hint = {};
  // Puts the value, whose kind is right, into the request; the error: its form is wrong. Null where
  // there is nothing to put.
  Status (*put)(MountRequest& request, const std::string& value) = nullptr;
};

// In the order in which rules are checked and --help lists them.
std::span<const OptionRow> optionTable();
// Null for a word that is no option of efs.
const OptionRow* findOption(std::string_view name);

// "verify=<0-4>", as --help writes it.
std::string optionSyntax(const OptionRow& row);

// Whether they may stand together, and none is refused: kInvalidInput with the text of the first
// broken rule. Values are not looked at.
Status checkOptions(const mounts::OptionList& options);
// After checkOptions(): takes all options of efs out of request.nfs_options and puts them into the
// request.
Status takeOptions(MountRequest& request);

}  // namespace efs::mount_helper
