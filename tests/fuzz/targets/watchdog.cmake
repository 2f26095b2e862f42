efs_fuzz_target(socket_table SOURCES socket_table_fuzz.cc LIBS watchdog)
target_include_directories(fuzz_socket_table PRIVATE ${CMAKE_SOURCE_DIR}/watchdog)
