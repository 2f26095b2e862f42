efs_fuzz_target(device SOURCES device_fuzz.cc LIBS request)
efs_fuzz_target(mount_targets SOURCES mount_targets_fuzz.cc LIBS aws)
target_include_directories(fuzz_mount_targets PRIVATE ${CMAKE_SOURCE_DIR}/common/aws)
