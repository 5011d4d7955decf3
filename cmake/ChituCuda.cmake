# Decides whether CUDA is built: sets CHITU_WITH_CUDA, and finds the toolkit if so.
#
# A toolkit alone is no reason to build for GPUs: it takes minutes and helps nobody on a machine
# without one. AUTO asks for both; ON insists, for building on one machine and running on another.

set(CHITU_WITH_CUDA OFF)
if(CHITU_CUDA STREQUAL "ON")
  find_package(CUDAToolkit QUIET)
  if(NOT CUDAToolkit_FOUND)
    message(FATAL_ERROR "CHITU_CUDA is ON, but no CUDA toolkit was found. Install one, put its nvcc "
      "on PATH, or name its folder with -DCUDAToolkit_ROOT=...")
  endif()
  set(CHITU_WITH_CUDA ON)
elseif(CHITU_CUDA STREQUAL "AUTO")
  # Under WSL there is no /dev/nvidia0, but nvidia-smi knows the GPU.
  execute_process(COMMAND nvidia-smi -L RESULT_VARIABLE no_gpu OUTPUT_QUIET ERROR_QUIET)
  if(EXISTS /dev/nvidia0 OR NOT no_gpu)
    find_package(CUDAToolkit QUIET)
    set(CHITU_WITH_CUDA ${CUDAToolkit_FOUND})
  endif()
elseif(NOT CHITU_CUDA STREQUAL "OFF")
  message(FATAL_ERROR "CHITU_CUDA is '${CHITU_CUDA}': expected AUTO, ON or OFF")
endif()
message(STATUS "CUDA: ${CHITU_WITH_CUDA} (CHITU_CUDA=${CHITU_CUDA})")

if(CHITU_WITH_CUDA)
  # Each costs minutes. Without 90a-real, Hopper's own instructions are missing; PTX (90-virtual) is
  # what a driver compiles for chips that come later.
  set(CHITU_CUDA_ARCHITECTURES "90a-real" CACHE STRING
    "GPU architectures; all: 75-real;80-real;86-real;89-real;90a-real;90-virtual")
  set(CMAKE_CUDA_ARCHITECTURES ${CHITU_CUDA_ARCHITECTURES})
  # As the C++ compiler, so that a kernel is compiled once whichever branch is built.
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  # nvcc takes a host compiler of its own choice otherwise.
  set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
  endif()
  enable_language(CUDA)
  # CMake 3.25.1 does not know that nvcc has C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
endif()
