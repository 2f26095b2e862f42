// Who starts the writer of the logs (log.h) where there is none. By itself each program does that
// has a line to say.
#pragma once

namespace efs::log {

// A confined program can start no other: its lines wait until somebody else has. Also after a
// later open().
void startNoWriter();
// For the watchdog, in whose place the confined wait: a writer that has ended is started anew
// within seconds, whoever has something to say.
void keepWriter();

}  // namespace efs::log
