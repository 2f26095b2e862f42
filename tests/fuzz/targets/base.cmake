efs_fuzz_target(mounted_at SOURCES mounted_at_fuzz.cc LIBS base)
