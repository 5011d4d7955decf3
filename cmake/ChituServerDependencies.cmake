# What the HTTP server needs beside ChituDependencies.cmake. It is no part of the library, so a program that
# links chitu::chitu needs none of this.

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
