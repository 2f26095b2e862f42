efs_fuzz_target(log_wire SOURCES log_wire_fuzz.cc LIBS base)
