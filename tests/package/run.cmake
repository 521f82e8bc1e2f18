# One package test, from an empty folder: see CMakeLists.txt.
cmake_minimum_required(VERSION 3.25)

function(step)
  list(JOIN ARGN " " text)
  message(STATUS "${text}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(configure ${CMAKE_COMMAND} -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=Release)
file(REMOVE_RECURSE ${WORK})

if(CASE STREQUAL "installed")
  step(${configure} -S ${SOURCE} -B ${WORK}/strait
    -D STRAIT_BUILD_TESTS=OFF -D STRAIT_BUILD_EXAMPLES=OFF)
  step(${CMAKE_COMMAND} --build ${WORK}/strait)
  step(${CMAKE_COMMAND} --install ${WORK}/strait --prefix ${WORK}/first)
  # The installed tree must not know where it was installed to.
  file(RENAME ${WORK}/first ${WORK}/prefix)
  step(${configure} -S ${CMAKE_CURRENT_LIST_DIR}/installed -B ${WORK}/consumer
    -D CMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  step(${configure} -S ${CMAKE_CURRENT_LIST_DIR}/subdirectory -B ${WORK}/consumer
    -D STRAIT_SOURCE=${SOURCE})
endif()

step(${CMAKE_COMMAND} --build ${WORK}/consumer)
step(${WORK}/consumer/consumer)
if(CASE STREQUAL "installed")
  step(${WORK}/consumer/checked)
endif()

if(CASE STREQUAL "subdirectory")
  # The consumer installs nothing, so nothing of strait may be installed with it.
  step(${CMAKE_COMMAND} --install ${WORK}/consumer --prefix ${WORK}/prefix)
  file(GLOB_RECURSE installed ${WORK}/prefix/*)
  if(installed)
    message(FATAL_ERROR "add_subdirectory(strait) installs ${installed}")
  endif()
endif()
