# What strait needs from outside: threads, and tl::expected for C++20 programs. Used by strait's own
# build and, installed beside strait-config.cmake, by find_package(strait).
#
# Sets strait_MISSING to the name of what was not found.

set(strait_MISSING "")

find_package(Threads QUIET)
if(NOT Threads_FOUND)
  set(strait_MISSING "Threads")
endif()

# Debian's libexpected-dev installs a CMake package; a bare copy of the header will do as well.
find_package(tl-expected CONFIG QUIET)
if(NOT TARGET tl::expected)
  find_path(STRAIT_TL_EXPECTED_INCLUDE_DIR tl/expected.hpp
    DOC "The folder that holds tl/expected.hpp")
  mark_as_advanced(STRAIT_TL_EXPECTED_INCLUDE_DIR)
  if(STRAIT_TL_EXPECTED_INCLUDE_DIR)
    add_library(tl::expected INTERFACE IMPORTED)
    set_target_properties(tl::expected PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${STRAIT_TL_EXPECTED_INCLUDE_DIR}")
  else()
    set(strait_MISSING "tl/expected.hpp (Debian: libexpected-dev)")
  endif()
endif()
