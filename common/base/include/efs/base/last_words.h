// What a program says that cannot go on: no memory, or an exception that nobody expected.
//
// The C++ library's own words go to standard error, which is /dev/null in a daemon: a tunnel would
// be gone, and no log would tell why.
#pragma once

namespace efs {

enum class LastAct {
  kAbort,  // SIGABRT, and with it a core dump where the host keeps them
  // Exit code 2, mount(8)'s for "system error", where memory was short; else SIGABRT.
  kExit,
};

// From now on whatever ends this program by std::terminate() is told in its log, as critical, and
// on standard error. Keeps a little address space (untouched, so no memory) to be able to say it.
void haveLastWords(LastAct act);

}  // namespace efs
