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
set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL 3.0 REQUIRED)
# The core of prometheus-cpp alone: its package would look for the libraries of its other parts.
find_path(PROMETHEUS_CPP_HEADERS prometheus/registry.h REQUIRED)
find_library(PROMETHEUS_CPP_CORE prometheus-cpp-core REQUIRED)
if(NOT TARGET prometheus-cpp::core)
  add_library(prometheus-cpp::core UNKNOWN IMPORTED)
  set_target_properties(prometheus-cpp::core PROPERTIES
    IMPORTED_LOCATION ${PROMETHEUS_CPP_CORE}
    INTERFACE_INCLUDE_DIRECTORIES ${PROMETHEUS_CPP_HEADERS})
endif()
