// What ThreadSanitizer asks every program built with it (Toolchain.cmake). Compiled in: many
// programs here are started with an environment of their own, and a daemon's standard error is
// nobody's to read. Each finding becomes a file below EFS_TSAN_REPORTS, and the test tsan.check
// fails.
extern "C" const char* __tsan_default_options();  // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "log_path=" EFS_TSAN_REPORTS
         "/report:log_exe_name=1:print_suppressions=0:suppressions=" EFS_TSAN_SUPPRESSIONS;
}
