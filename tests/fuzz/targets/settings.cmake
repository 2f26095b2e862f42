efs_fuzz_target(ini_file SOURCES ini_file_fuzz.cc LIBS settings)
