# The game (apps/game): it uses the public API alone, and draws with a Vulkan renderer of its own.

if(NOT TARGET pumice_common)
  message(FATAL_ERROR "the game needs PUMICE_BUILD_APPS")
endif()
find_package(Vulkan QUIET)
pkg_check_modules(sdl2 QUIET IMPORTED_TARGET sdl2>=2.0.22)
pkg_check_modules(imgui QUIET IMPORTED_TARGET imgui>=1.86)
pkg_check_modules(game_png QUIET IMPORTED_TARGET libpng)
if(NOT Vulkan_FOUND OR NOT sdl2_FOUND OR NOT imgui_FOUND OR NOT game_png_FOUND)
  # scripts/setup.sh shows lines that begin so.
  message(NOTICE "pumice: the game is left out: it needs Vulkan's loader, SDL2, Dear ImGui and libpng")
  return()
endif()

# Each shader as a header: overlay.vert is kOverlayVert in game_shaders/overlay.vert.h.
set(game_shader_dir ${PROJECT_BINARY_DIR}/game/game_shaders)
file(MAKE_DIRECTORY ${game_shader_dir})
file(GLOB game_shaders CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/apps/game/shaders/*.vert ${PROJECT_SOURCE_DIR}/apps/game/shaders/*.frag)
set(game_headers)
foreach(source IN LISTS game_shaders)
  get_filename_component(name ${source} NAME)
  string(REGEX MATCH "^(.)([^.]*)[.](.)(.*)$" parts ${name})
  string(TOUPPER ${CMAKE_MATCH_1} first)
  string(TOUPPER ${CMAKE_MATCH_3} second)
  set(variable k${first}${CMAKE_MATCH_2}${second}${CMAKE_MATCH_4})
  set(stage ${CMAKE_MATCH_3}${CMAKE_MATCH_4})
  set(output ${game_shader_dir}/${name})
  add_custom_command(OUTPUT ${output}.h
    COMMAND ${CMAKE_COMMAND} -DGLSLANG=${shader_compiler} -DSPIRV_VAL=${PUMICE_SPIRV_VAL} -DSPIRV_OPT=${optimizer}
      -DTARGET_ENV=vulkan1.2 -DSTAGE=${stage} -DSOURCE=${source} -DOUTPUT=${output}.spv -DHEADER=${output}.h
      -DVARIABLE=${variable} -P ${PROJECT_SOURCE_DIR}/cmake/compile_shader.cmake
    DEPENDS ${source} ${PROJECT_SOURCE_DIR}/cmake/compile_shader.cmake ${shader_compiler_target}
    COMMENT "Shader ${name}" VERBATIM)
  list(APPEND game_headers ${output}.h)
endforeach()

file(GLOB game_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/game/*.cpp)
add_executable(pumice_game ${game_sources} ${game_headers})
pumice_compile_options(pumice_game)
target_include_directories(pumice_game PRIVATE ${PROJECT_BINARY_DIR}/game)
target_compile_definitions(pumice_game PRIVATE PUMICE_MODELS_DIR="${PUMICE_MODELS_DIR}")
target_link_libraries(pumice_game PRIVATE pumice_common pumice Vulkan::Vulkan PkgConfig::imgui PkgConfig::sdl2
  PkgConfig::game_png CLI11::CLI11 nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)
set_target_properties(pumice_game PROPERTIES OUTPUT_NAME pumice-game)
