# One static library per folder of src/, its unit tests beside the sources.

add_library(chitu_options INTERFACE)
target_include_directories(chitu_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# fmt 9 takes half of its functions' constexpr away from nvcc, which then refuses the other half.
target_compile_definitions(chitu_options INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
# nvcc hands its host compiler what stands behind -Xcompiler. It makes code of its own from what it
# reads, so most warnings would be about that.
target_compile_options(chitu_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
  $<$<COMPILE_LANGUAGE:CXX>:-Wshadow>
  $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall>
  # Lets the linker drop what a program does not use.
  $<$<COMPILE_LANGUAGE:CXX>:-ffunction-sections>
  $<$<COMPILE_LANGUAGE:CXX>:-fdata-sections>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-ffunction-sections,-fdata-sections>)
target_link_options(chitu_options INTERFACE -Wl,--gc-sections)
if(CHITU_WERROR)
  target_compile_options(chitu_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(CHITU_BUILD_FUZZERS)
  target_compile_options(chitu_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link>)
endif()
if(CHITU_SANITIZE)
  # Host code of .cu files is left out: compute-sanitizer watches the kernels.
  target_compile_options(chitu_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${CHITU_SANITIZE}>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  target_link_options(chitu_options INTERFACE -fsanitize=${CHITU_SANITIZE})
endif()
if(CHITU_SANITIZE MATCHES thread)
  # The thread sanitizer knows no fences; Asio's guard what its mutexes guard as well.
  target_compile_definitions(chitu_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

# chitu_module(io SOURCES a.cc b.cc DEPS tensor LIBS fmt::fmt PRIVATE_LIBS simdjson::simdjson)
# DEPS are other modules, by folder name with '/' written as '_'. LIBS are third-party libraries that
# the module's headers need, PRIVATE_LIBS those that only its sources need.
function(chitu_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(chitu_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(chitu_${name} PUBLIC chitu_options ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(chitu_${name} PUBLIC chitu_${dep})
  endforeach()
  if(name MATCHES "^(app|loadgen|server)$")
    return()  # the program, its server and the client of its benchmark are no part of the library
  endif()
  set_property(GLOBAL APPEND PROPERTY CHITU_MODULES chitu_${name})
  set_property(GLOBAL APPEND PROPERTY CHITU_LIBS ${ARG_LIBS})
  set_property(GLOBAL APPEND PROPERTY CHITU_PRIVATE_LIBS ${ARG_PRIVATE_LIBS})
endfunction()

function(chitu_add_to_group group target)
  if(NOT TARGET ${group})
    add_custom_target(${group})
  endif()
  add_dependencies(${group} ${target})
endfunction()

# chitu_test(io SOURCES a_test.cc DEPS io LABELS threads): one test program, io_test, which is one
# CTest test. Labels: `threads` runs under the thread sanitizer too; `slow` not under the sanitizers.
function(chitu_test name)
  if(NOT CHITU_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE chitu_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(${name}_test PRIVATE chitu_${dep})
  endforeach()
  target_compile_definitions(${name}_test PRIVATE CHITU_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}")
  # The target `tests` builds every test program, `tests_threads` those with that label.
  chitu_add_to_group(tests ${name}_test)
  foreach(label ${ARG_LABELS})
    chitu_add_to_group(tests_${label} ${name}_test)
  endforeach()
endfunction()

# chitu_library(): the library chitu::chitu, libchitu.a: the modules of CHITU_MODULES defined so far, in one
# archive. Programs of others link it; ChituInstall.cmake installs it.
function(chitu_library)
  get_property(modules GLOBAL PROPERTY CHITU_MODULES)
  get_property(libs GLOBAL PROPERTY CHITU_LIBS)
  get_property(private_libs GLOBAL PROPERTY CHITU_PRIVATE_LIBS)
  list(REMOVE_DUPLICATES libs)
  list(REMOVE_DUPLICATES private_libs)
  add_library(chitu_library STATIC)
  foreach(module ${modules})
    target_sources(chitu_library PRIVATE $<TARGET_OBJECTS:${module}>)
  endforeach()
  set_target_properties(chitu_library PROPERTIES
    OUTPUT_NAME chitu EXPORT_NAME chitu LINKER_LANGUAGE CXX)
  target_compile_features(chitu_library PUBLIC cxx_std_20)
  target_include_directories(chitu_library PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include/chitu>)
  target_link_libraries(chitu_library PUBLIC ${libs} PRIVATE ${private_libs})
endfunction()
