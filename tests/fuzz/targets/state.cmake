efs_fuzz_target(mount_state SOURCES mount_state_fuzz.cc LIBS state)
