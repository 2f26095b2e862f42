efs_fuzz_target(tunnel_command_line SOURCES tunnel_command_line_fuzz.cc LIBS tls_tunnel)
efs_fuzz_target(bind_answer SOURCES bind_answer_fuzz.cc LIBS tls_tunnel)
efs_fuzz_target(call_tracker SOURCES call_tracker_fuzz.cc LIBS tls_tunnel)
efs_fuzz_target(ocsp_exchange SOURCES ocsp_exchange_fuzz.cc LIBS tls)
