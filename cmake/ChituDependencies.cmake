# The third-party libraries behind libchitu. The build and the installed package both read this, so
# that a program which links chitu::chitu finds what the archive refers to.
#
# Static archives where Debian ships them: the program then runs on machines without these packages.

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})

set(Boost_USE_STATIC_LIBS ON)

find_package(Threads REQUIRED)
if(CHITU_BACKENDS_ONLY)
  # Their one library as headers, for processors that this machine has no libraries for.
  find_path(CHITU_FMT_HEADERS fmt/format.h REQUIRED)
  add_library(fmt::fmt INTERFACE IMPORTED)
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)
  target_include_directories(fmt::fmt INTERFACE ${CHITU_FMT_HEADERS})
  return()
endif()
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(PCRE2 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
