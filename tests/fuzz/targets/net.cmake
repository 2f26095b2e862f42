efs_fuzz_target(sock_diag SOURCES sock_diag_fuzz.cc LIBS net)
efs_fuzz_target(tcp_table SOURCES tcp_table_fuzz.cc LIBS net)
efs_fuzz_target(hosts_file SOURCES hosts_file_fuzz.cc LIBS net)
