# Third-party libraries, all from Debian. Each is linked only by the library that wraps it.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
# EFS_FMT: fmt as the build wants it. Debian has no static archive of it, but its headers hold all of
# the code.
if(EFS_STATIC_RUNTIME)
  # No number of ours has thousands separators: fmt then needs no std::locale, whose set-up at the
  # start of each program is the most that is left of the C++ library.
  add_library(efs_fmt INTERFACE)
  target_link_libraries(efs_fmt INTERFACE fmt::fmt-header-only)
  target_compile_definitions(efs_fmt INTERFACE "FMT_STATIC_THOUSANDS_SEPARATOR=','")
  set(EFS_FMT efs_fmt)
else()
  set(EFS_FMT fmt::fmt)
endif()
find_package(nlohmann_json REQUIRED)
if(EFS_TESTS)
  find_package(GTest REQUIRED)
endif()
pkg_check_modules(MOUNT REQUIRED IMPORTED_TARGET mount)
# efs_small_library(VARIABLE MODULE ARCHIVE): a library that not every system has under one name. Released programs
# hold it (packaging/licences has its licence); elsewhere it is shared.
function(efs_small_library variable module archive)
  pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${module})
  set(EFS_${variable} PkgConfig::${variable} PARENT_SCOPE)
  if(NOT EFS_STATIC_RUNTIME)
    return()
  endif()
  find_library(${variable}_ARCHIVE ${archive} HINTS ${${variable}_LIBRARY_DIRS} REQUIRED)
  add_library(efs_${module} INTERFACE)
  target_include_directories(efs_${module} SYSTEM INTERFACE ${${variable}_INCLUDE_DIRS})
  target_link_libraries(efs_${module} INTERFACE ${${variable}_ARCHIVE})
  set(EFS_${variable} efs_${module} PARENT_SCOPE)
endfunction()
efs_small_library(INIH inih libinih.a)
efs_small_library(CARES libcares libcares.a)
find_path(TL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
