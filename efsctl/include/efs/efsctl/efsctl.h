// efsctl as a function: main() and tests call it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::efsctl {

// Exit codes of every subcommand.
inline constexpr int kHealthy = 0;
inline constexpr int kDegraded = 1;
inline constexpr int kFailed = 2;  // usage, rights, or nothing could be found out

int runEfsctl(const std::vector<std::string>& argv);

// Writes all of `text` to standard output. stdio would tell only at the end, to nobody, that the
// disk is full or the reader gone. True: it is there; else why not stands on standard error.
bool printOut(const std::string& text);

// Standard output is a terminal, and $NO_COLOR does not forbid colours.
bool onTerminal();

// The subcommand a mistyped word most likely means; empty when none is near.
std::string nearestCommand(std::string_view word);

// The value of -t: efs or s3files.
Result<FileSystemKind> parseType(const std::string& word);

}  // namespace efs::efsctl
