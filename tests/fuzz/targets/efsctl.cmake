efs_fuzz_target(fstab SOURCES fstab_fuzz.cc LIBS efsctl)
target_include_directories(fuzz_fstab PRIVATE ${CMAKE_SOURCE_DIR}/efsctl)
efs_fuzz_target(http_message SOURCES http_message_fuzz.cc LIBS efsctl)
target_include_directories(fuzz_http_message PRIVATE ${CMAKE_SOURCE_DIR}/efsctl)
