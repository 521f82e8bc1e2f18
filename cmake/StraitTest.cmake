# strait_add_test(<name> SOURCES a.cpp ... [LABELS l ...] [TIMEOUT seconds] [LIBS target ...]
#                 [NO_PRECOMPILED_HEADERS])
#
# Builds one test program with strait's warnings as errors and registers it with CTest as one test,
# whatever the number of its cases. A source with its own main() takes the place of GoogleTest's.
# `cmake --compile-no-warning-as-error` makes the warnings warnings again.
#
# The headers that every test begins with are compiled once for all of them; a test whose
# definitions change what is in them says NO_PRECOMPILED_HEADERS.

set(strait_test_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

# GCC collects the garbage of its own heap again and again while it instantiates; these programs are the better
# part of a test run, and with a gigabyte (less than the largest of them need) they compile in seven eighths of
# the time.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(strait_test_compiler_heap --param=ggc-min-heapsize=1000000)  # KiB
endif()

function(strait_test_target name)
  target_link_libraries(${name} PRIVATE strait::strait GTest::gtest)
  target_compile_options(${name} PRIVATE ${strait_test_warnings} ${strait_test_compiler_heap})
  set_target_properties(${name} PROPERTIES COMPILE_WARNING_AS_ERROR ON CXX_EXTENSIONS OFF)
endfunction()

# Precompiles the headers for the tests that are compiled with these options besides the usual ones.
function(strait_precompile_test_headers name)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp "")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  strait_test_target(${name})
  target_compile_options(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE
    <gtest/gtest.h> <algorithm> <array> <atomic> <chrono> <deque> <functional> <map> <memory>
    <optional> <random> <ranges> <sstream> <stop_token> <string> <thread> <vector>
    <strait/strait.hpp>)
endfunction()

# For the tests of this folder. A fact does not depend on how hard the compiler tries, and most of the time
# of a test run goes into compiling: a release build does not optimise them.
set(strait_unoptimised -O0)
macro(strait_unoptimised_tests)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(${strait_unoptimised})
    set(strait_precompiled_headers strait_unoptimised_headers)
  endif()
endmacro()

function(strait_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_PRECOMPILED_HEADERS" "TIMEOUT" "SOURCES;LABELS;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "strait_add_test(${name} SOURCES ... [LABELS ...] [TIMEOUT n] [LIBS ...]"
            " [NO_PRECOMPILED_HEADERS])")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()

  add_executable(${name} ${arg_SOURCES})
  strait_test_target(${name})
  target_link_libraries(${name} PRIVATE GTest::gtest_main ${arg_LIBS})
  if(NOT arg_NO_PRECOMPILED_HEADERS)
    target_precompile_headers(${name} REUSE_FROM ${strait_precompiled_headers})
  endif()

  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if("stress" IN_LIST arg_LABELS)
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()
