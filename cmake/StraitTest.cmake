# strait_add_test(<name> SOURCES a.cpp ... [LABELS l ...] [TIMEOUT seconds] [LIBS target ...])
#
# Builds one test program with strait's warnings as errors and registers it with CTest as one test,
# whatever the number of its cases. A source with its own main() takes the place of GoogleTest's.
# `cmake --compile-no-warning-as-error` makes the warnings warnings again.

set(strait_test_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

function(strait_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LABELS;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "strait_add_test(${name} SOURCES ... [LABELS ...] [TIMEOUT n] [LIBS ...])")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()

  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE strait::strait GTest::gtest_main ${arg_LIBS})
  target_compile_options(${name} PRIVATE ${strait_test_warnings})
  set_target_properties(${name} PROPERTIES COMPILE_WARNING_AS_ERROR ON CXX_EXTENSIONS OFF)

  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if("stress" IN_LIST arg_LABELS)
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()
