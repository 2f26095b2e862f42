// Files whose place the user chooses (home directory, certificate authorities, tokens, a
// configuration): their file system may be a silent NFS server, a FUSE daemon that was stopped or
// an automount. Each look at a path can wait there killably and for ever, and a signal that has a
// handler does not end such a wait. So they are read and written by a child with a deadline
// (ask_child.h); who is interrupted meanwhile gets kCancelled.
//
// A directory that has not answered is not asked again for half a minute: whoever needs three files
// of a dead home does not wait three times.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/regular_file.h"

namespace efs {

// A file system that answers at all has answered by then.
inline constexpr Duration kUsersFilePatience{10000};

// As readRegularFile(); kTimeout: no answer. Where no child can be made it is read here.
Result<std::string> readUsersFile(const std::string& path, std::size_t limit = kMaxFileSize,
                                  Duration patience = kUsersFilePatience);
// As writeFileAtomic(). kTimeout: nobody knows whether it is written.
Status writeUsersFile(const std::string& path, std::string_view content, WriteOptions options,
                      Duration patience = kUsersFilePatience);
// Is there anything at this path that we may see? Only a lack of an answer is an error.
Result<bool> usersPathExists(const std::string& path, Duration patience = kUsersFilePatience);
// Success also where there is nothing.
Status usersPathAnswers(const std::string& path, Duration patience = kUsersFilePatience);

}  // namespace efs
