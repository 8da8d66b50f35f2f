# Small hosts (apps/examples), built and run with the tests where what they need is there.

pkg_check_modules(sdl2 QUIET IMPORTED_TARGET sdl2)
find_package(Vulkan QUIET)
find_package(Qt6 QUIET COMPONENTS Gui Qml Quick)

# What is installed as an example; the test of the packages builds and runs it there.
add_executable(example_complete ${PROJECT_SOURCE_DIR}/apps/examples/complete/complete.c)
pumice_compile_options(example_complete)
target_link_libraries(example_complete PRIVATE pumice)

# A model's text in a window, for at most so many frames.
function(pumice_example name source)
  add_executable(example_${name} ${PROJECT_SOURCE_DIR}/apps/examples/${source})
  pumice_compile_options(example_${name})
  target_link_libraries(example_${name} PRIVATE pumice ${ARGN})
  add_test(NAME example.${name} COMMAND ${tests_dir}/examples/on_a_screen.sh $<TARGET_FILE:example_${name}>
    ${PROJECT_SOURCE_DIR}/models/storyteller-5m-Q4_K_M.gguf 3000)
  set_tests_properties(example.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()

if(sdl2_FOUND AND Vulkan_FOUND)
  pumice_example(sdl2_host sdl2_host.c PkgConfig::sdl2 Vulkan::Vulkan m)
else()
  message(STATUS "SDL2 or Vulkan's loader not found: the example sdl2_host is left out")
endif()
if(Qt6_FOUND AND Vulkan_FOUND)
  pumice_example(qt_quick_host qt_quick_host.cpp Qt6::Gui Qt6::Qml Qt6::Quick Vulkan::Vulkan)
else()
  message(STATUS "Qt Quick not found: the example qt_quick_host is left out")
endif()
