# Compiler flags of all presets. CMakePresets.json chooses, this file explains.
option(EFS_WERROR "Treat warnings as errors" OFF)
option(EFS_HARDENING "Hardening flags for released programs" OFF)
option(EFS_LIBFUZZER "Link fuzz targets with libFuzzer instead of the plain corpus runner" OFF)
option(EFS_UNITY "Compile several files of a library at once: a quarter of the time for a whole build" OFF)
option(EFS_STATIC_RUNTIME "Link the C++ library, fmt, c-ares and inih into the programs" OFF)
set(EFS_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
# -g1 keeps line numbers in back traces and halves the time and size of a debug build.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

# Names in anonymous namespaces must then differ within a library: mostly it was the same idea twice.
if(EFS_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  if(EFS_WERROR)
    add_compile_options(-Wno-subobject-linkage)  # takes every file of a batch but the batch itself for a header
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla -Wnon-virtual-dtor
                    -Woverloaded-virtual)
add_compile_definitions(_GNU_SOURCE)
if(EFS_WERROR)
  add_compile_options(-Werror)
endif()

if(EFS_HARDENING)
  # -D_GLIBCXX_ASSERTIONS turns silent out-of-bounds access into an abort that the watchdog repairs.
  add_compile_options(-fstack-protector-strong -fstack-clash-protection
                      -ffunction-sections -fdata-sections -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                      -D_GLIBCXX_ASSERTIONS)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-fcf-protection)
  elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed -pie)
endif()

# For programs that start at each mount: without shared C++ libraries the loader has half the work and
# the peak of memory is lower, and one binary runs where the C++ library is older than the compiler.
if(EFS_STATIC_RUNTIME)
  # --wrap: common/base/wrapped_ceil.cc, dl_find_object.cc; the unwinder comes last, so that its need must be known
  # when our libraries are searched.
  add_link_options(-static-libstdc++ -static-libgcc -Wl,--wrap=ceil
                   -Wl,--wrap=_dl_find_object,--undefined=__wrap__dl_find_object)
endif()

if(EFS_SANITIZE)
  add_compile_options(-fsanitize=${EFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1)
  add_link_options(-fsanitize=${EFS_SANITIZE})
  # UBSan's vptr check looks at an object's memory through a pipe: a program without free descriptors takes each
  # object for a broken one and dies. Tests take the descriptors away from every program, so it is off in all.
  if(EFS_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
if(EFS_SANITIZE STREQUAL "thread")
  set(EFS_TSAN_REPORTS ${CMAKE_BINARY_DIR}/reports)
  add_library(efs_tsan_options OBJECT ${CMAKE_SOURCE_DIR}/tests/support/tsan_options.cc)
  target_compile_definitions(efs_tsan_options PRIVATE EFS_TSAN_REPORTS="${EFS_TSAN_REPORTS}"
    EFS_TSAN_SUPPRESSIONS="${CMAKE_SOURCE_DIR}/tests/tsan.supp")
  link_libraries($<TARGET_OBJECTS:efs_tsan_options>)
endif()
if(EFS_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
