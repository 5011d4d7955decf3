# bin/chitu, lib/libchitu.a, the headers, and a CMake package:
#
#   find_package(chitu REQUIRED)
#   target_link_libraries(program PRIVATE chitu::chitu)

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/chitu)

chitu_library()
install(TARGETS chitu RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS chitu_library EXPORT chituTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT chituTargets NAMESPACE chitu:: DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/chitu
  FILES_MATCHING PATTERN "*.h"
  PATTERN "*_testing.h" EXCLUDE
  PATTERN "app" EXCLUDE
  PATTERN "loadgen" EXCLUDE
  PATTERN "server" EXCLUDE
  PATTERN "kernels" EXCLUDE)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/chituConfig.cmake.in
  ${PROJECT_BINARY_DIR}/chituConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/chituConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/chituConfig.cmake
  ${PROJECT_BINARY_DIR}/chituConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/ChituDependencies.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindPCRE2.cmake
  DESTINATION ${package_dir})

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
