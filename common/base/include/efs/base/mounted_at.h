// What is mounted at a path, by the kernel's mount table (/proc/self/mountinfo, proc(5)): neither
// the path nor what is mounted there is touched, so that a silent server keeps nobody waiting. Only
// for messages; whoever deletes must ask the kernel with the very call that deletes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace efs {

struct MountedThing {
  std::string where;   // absolute, without links
  std::string type;    // "nfs4"
  std::string source;  // "127.0.0.1:/", as the table writes it
};

// The topmost mount at exactly `path` in the text of a mountinfo; lines not understood are left
// out.
std::optional<MountedThing> mountedAt(std::string_view mountinfo, const std::string& path);
// The same at entry `name` of an open directory, from the kernel's table now.
std::optional<MountedThing> mountedAt(int directory, const std::string& name);

}  // namespace efs
