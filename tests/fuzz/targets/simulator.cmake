efs_fuzz_target(client_certificate SOURCES client_certificate_fuzz.cc LIBS simulator)
efs_fuzz_target(simulator_dns SOURCES simulator_dns_fuzz.cc LIBS simulator)
efs_fuzz_target(nfs_denial SOURCES nfs_denial_fuzz.cc LIBS simulator)
