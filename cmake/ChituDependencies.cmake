# The third-party libraries behind libchitu. The build and the installed package both read this, so
# that a program which links chitu::chitu finds what the archive refers to.
#
# Static archives where Debian ships them: the program then runs on machines without these packages.

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})

set(Boost_USE_STATIC_LIBS ON)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(PCRE2 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
