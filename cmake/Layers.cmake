# The layer order of the house, forced at configure time: a library may depend only on libraries of a
# lower layer. A new library is added to this table first; a dependency upwards or sideways stops CMake.
set(EFS_LAYER_base 0)
foreach(lib confine loop procfs)
  set(EFS_LAYER_${lib} 1)
endforeach()
foreach(lib settings crypto http net mounts state rpc)
  set(EFS_LAYER_${lib} 2)
endforeach()
foreach(lib aws tunnel_control io)
  set(EFS_LAYER_${lib} 3)
endforeach()
foreach(lib identity tls)
  set(EFS_LAYER_${lib} 4)
endforeach()
# Rooms of programs that are libraries: another program may use them, never the program itself.
set(EFS_LAYER_judge 3)
set(EFS_LAYER_request 5)
set(EFS_LAYER_facts 6)
set(EFS_LAYER_plan 7)
set(EFS_LAYER_trial 8)
foreach(lib log_writer mount_helper tls_tunnel watchdog efsctl)
  set(EFS_LAYER_${lib} 9)
endforeach()
foreach(lib simulator test_support)
  set(EFS_LAYER_${lib} 10)
endforeach()

set(EFS_FAST_LIBRARIES loop rpc io tls tls_tunnel)

# efs_library(NAME SOURCES a.cc ... [DEPENDS base net ...] [LINK third::party ...])
# Creates static library efs_NAME with public headers in ./include/efs/NAME. DEPENDS are ours (checked
# against the layers, public), LINK are third-party (private: their headers stay inside).
function(efs_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  if(NOT DEFINED EFS_LAYER_${name})
    message(FATAL_ERROR "library '${name}' has no layer; add it to cmake/Layers.cmake")
  endif()
  add_library(efs_${name} STATIC ${ARG_SOURCES})
  target_include_directories(efs_${name} PUBLIC include PRIVATE .)
  foreach(dep ${ARG_DEPENDS})
    if(NOT EFS_LAYER_${dep} LESS EFS_LAYER_${name})
      message(FATAL_ERROR "layer order: '${name}' (layer ${EFS_LAYER_${name}}) must not depend on "
                          "'${dep}' (layer ${EFS_LAYER_${dep}})")
    endif()
    target_link_libraries(efs_${name} PUBLIC efs_${dep})
  endforeach()
  target_link_libraries(efs_${name} PRIVATE ${ARG_LINK})
  # Released programs run once per mount or once per host and are mapped into memory as a whole: small
  # is quick. What moves the data of a mount is not among them.
  if(NOT name IN_LIST EFS_FAST_LIBRARIES)
    target_compile_options(efs_${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-Os>)
  endif()
endfunction()

# efs_room(NAME ...): the same for a folder of a program that is a library of its own. Its headers stand
# beside its sources and are named with the room: "request/device.h".
function(efs_room name)
  efs_library(${name} ${ARGN})
  target_include_directories(efs_${name} PUBLIC ..)
endfunction()

# Target `programs` builds what is installed, and nothing of the tests.
add_custom_target(programs)

# efs_helper_name(NAME PROGRAM): another name of a helper of mount(8), which looks at the name it is called by.
function(efs_helper_name name program)
  add_custom_command(TARGET ${program} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E create_symlink ${program} $<TARGET_FILE_DIR:${program}>/${name})
  install(PROGRAMS $<TARGET_FILE_DIR:${program}>/${name} DESTINATION /sbin COMPONENT programs)
endfunction()

# efs_program(EXECUTABLE LIBRARY): main.cc of the current folder, ten lines over the library. What is no
# test is installed (`cmake --install BUILD --component programs`): the one list of programs, which the
# package and run.sh take. mount(8) and umount(8) look for their helpers in /sbin.
function(efs_program executable library)
  add_executable(${executable} main.cc)
  target_link_libraries(${executable} PRIVATE efs_${library})
  string(FIND ${CMAKE_CURRENT_SOURCE_DIR}/ ${CMAKE_SOURCE_DIR}/tests/ below_tests)
  if(below_tests EQUAL 0)
    return()
  endif()
  add_dependencies(programs ${executable})
  if(executable MATCHES "^u?mount\\.")
    install(TARGETS ${executable} RUNTIME DESTINATION /sbin COMPONENT programs)
  else()
    install(TARGETS ${executable} RUNTIME DESTINATION /usr/bin COMPONENT programs)
  endif()
endfunction()
