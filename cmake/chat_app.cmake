# The chat in a window (apps/chat): it uses the public API alone. What it does without a window is a static library of
# its own, so that the tests can link it.

if(NOT TARGET pumice_common)
  message(FATAL_ERROR "the chat in a window needs PUMICE_BUILD_APPS")
endif()
find_package(Qt6 6.4 QUIET COMPONENTS DBus Widgets)
pkg_check_modules(chat_sqlite QUIET IMPORTED_TARGET sqlite3)
if(NOT Qt6_FOUND OR NOT chat_sqlite_FOUND)
  # scripts/setup.sh shows lines that begin so.
  message(NOTICE "pumice: the chat in a window is left out: it needs Qt 6.4 (Widgets) and SQLite")
  return()
endif()

set(chat_dir ${PROJECT_SOURCE_DIR}/apps/chat)
file(GLOB chat_core_sources CONFIGURE_DEPENDS ${chat_dir}/core/*.cpp)
file(GLOB chat_window_sources CONFIGURE_DEPENDS ${chat_dir}/window/*.cpp ${chat_dir}/window/*.h)
add_library(pumice_chat_core STATIC ${chat_core_sources})
target_link_libraries(pumice_chat_core PUBLIC pumice_common pumice nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE PkgConfig::chat_sqlite)
add_library(pumice_chat_window STATIC ${chat_window_sources})
target_link_libraries(pumice_chat_window PUBLIC pumice_chat_core Qt6::DBus Qt6::Widgets)
add_executable(pumice_chat ${chat_dir}/main.cpp)
target_link_libraries(pumice_chat PRIVATE pumice_chat_window)
add_dependencies(pumice_chat pumice_cli)  # which the page of benchmarks starts
foreach(target IN ITEMS pumice_chat_core pumice_chat_window pumice_chat)
  pumice_compile_options(${target})
  # Nothing here is hot, and Qt's headers make the first build slow.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endforeach()
foreach(target IN ITEMS pumice_chat_window pumice_chat)
  target_compile_definitions(${target} PRIVATE QT_NO_KEYWORDS QT_NO_CAST_FROM_ASCII QT_USE_QSTRINGBUILDER)
endforeach()
set_target_properties(pumice_chat_window PROPERTIES AUTOMOC ON)
file(RELATIVE_PATH chat_models ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/pumice/models)
foreach(target IN ITEMS pumice_chat_window pumice_chat)
  target_compile_definitions(${target} PRIVATE
    PUMICE_MODELS_DIR="${PUMICE_MODELS_DIR}" PUMICE_INSTALLED_MODELS_DIR="${chat_models}")
endforeach()
file(RELATIVE_PATH chat_library_path ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(pumice_chat PROPERTIES OUTPUT_NAME pumice-chat INSTALL_RPATH "$ORIGIN/${chat_library_path}")

# Translations: .ts files are committed, .qm files are made of them and are a part of the program. Without Qt's tools
# the program speaks English.
find_package(Qt6 6.4 QUIET COMPONENTS LinguistTools)
file(GLOB chat_translations CONFIGURE_DEPENDS ${chat_dir}/translations/*.ts)
if(Qt6LinguistTools_FOUND AND chat_translations)
  qt_add_lrelease(pumice_chat_window TS_FILES ${chat_translations} QM_FILES_OUTPUT_VARIABLE chat_qm)
  qt_add_resources(pumice_chat_window pumice_chat_translations PREFIX /translations BASE ${PROJECT_BINARY_DIR}
    FILES ${chat_qm} OPTIONS --format-version 1)  # the later ones hold the files' times
  # lupdate takes a separator of digits for the beginning of a character: the window's sources have none.
  # After a change of texts: cmake --build build --target pumice_chat_lupdate
  add_custom_target(pumice_chat_lupdate COMMAND Qt6::lupdate -I apps -no-obsolete -locations none ${chat_dir}
    -ts ${chat_translations} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
endif()
if(PUMICE_INSTALL)
  set(PUMICE_LICENSE MIT)
  set(CHAT_RELEASE_DATE 2026-12-01)
  foreach(name IN ITEMS org.pumice.Chat.metainfo.xml pumice-chat.1)
    configure_file(${chat_dir}/desktop/${name}.in ${PROJECT_BINARY_DIR}/chat/${name} @ONLY)
  endforeach()
  install(TARGETS pumice_chat RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT chat)
  install(FILES ${chat_dir}/desktop/org.pumice.Chat.desktop DESTINATION ${CMAKE_INSTALL_DATADIR}/applications
    COMPONENT chat)
  install(FILES ${chat_dir}/desktop/org.pumice.Chat.svg
    DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps COMPONENT chat)
  install(FILES ${PROJECT_BINARY_DIR}/chat/org.pumice.Chat.metainfo.xml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo COMPONENT chat)
  install(FILES ${PROJECT_BINARY_DIR}/chat/pumice-chat.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT chat)
endif()
