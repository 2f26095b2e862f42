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
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
find_path(TL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
