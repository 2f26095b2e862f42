efs_fuzz_target(rpc_record SOURCES rpc_record_fuzz.cc LIBS rpc)
efs_fuzz_target(nfs_probe SOURCES nfs_probe_fuzz.cc LIBS rpc)
