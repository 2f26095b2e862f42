efs_fuzz_target(mounted_at SOURCES mounted_at_fuzz.cc LIBS base)
efs_fuzz_target(flock_holders SOURCES flock_holders_fuzz.cc LIBS base)
