efs_fuzz_target(mount_request SOURCES mount_request_fuzz.cc LIBS request)
