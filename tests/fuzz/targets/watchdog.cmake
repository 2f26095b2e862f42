foreach(target kernel_files target_switch)
  efs_fuzz_target(${target} SOURCES ${target}_fuzz.cc LIBS watchdog)
  target_include_directories(fuzz_${target} PRIVATE ${CMAKE_SOURCE_DIR}/watchdog)
endforeach()
