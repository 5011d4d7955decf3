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
