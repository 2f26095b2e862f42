# Configures a two-library project in which base depends on net: efs_library() must stop it.
set(source ${CMAKE_CURRENT_LIST_DIR}/../..)
set(work /tmp/efs-layer-order-test)
string(RANDOM LENGTH 8 suffix)
set(work ${work}-${suffix})
file(WRITE ${work}/a.cc "int a;\n")
file(WRITE ${work}/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)\nproject(bad CXX)\n"
     "include(${source}/cmake/Layers.cmake)\n"
     "efs_library(net SOURCES a.cc)\nefs_library(base SOURCES a.cc DEPENDS net)\n")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${work} -B ${work}/build RESULT_VARIABLE code
                OUTPUT_QUIET ERROR_VARIABLE err)
file(REMOVE_RECURSE ${work})
if(code EQUAL 0)
  message(FATAL_ERROR "an upward dependency was accepted")
endif()
if(NOT err MATCHES "layer order: 'base'")
  message(FATAL_ERROR "refused for another reason: ${err}")
endif()
