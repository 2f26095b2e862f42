// What a program inherits from whoever started it, and must not depend on.
//
// mount(8) is called by shells, cron, container runtimes, orchestrators. Each leaves something:
// SIGCHLD ignored (then no child can be waited for: a mount that was made looks like one that
// failed), a signal mask, closed descriptors 0 to 2 (then a state file becomes descriptor 2, and
// the next error message goes into it), limits that were meant for something else.
#pragma once

namespace efs {

enum class ProcessKind {
  kTool,    // ends by itself; whoever started it decides about its signals and its CPU time
  kDaemon,  // lives on when whoever started it is gone
};

// Call it first in main(), before a thread or a descriptor is made. Nothing here can fail in a way
// that would be a reason not to start.
//
// Descriptors 0 to 2 are open; no signal is blocked; SIGCHLD is not ignored; SIGXFSZ is, so that a
// write beyond a limit fails and does not kill. The limits of file size and of memory are lifted as
// far as our rights allow, and there are at least 1024 descriptors. A daemon lifts that of CPU time
// too, takes no ignored signal over but SIGHUP (its launcher ignores that until it is served), and
// no lower rank than others have: nice, idle scheduling, idle I/O, a raised oom_score_adj. What
// ends the program against its will is told (last_words.h).
void settleProcess(ProcessKind kind);

}  // namespace efs
