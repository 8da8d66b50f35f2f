# Windows x64 by MinGW-w64 (Debian's g++-mingw-w64-x86-64). Its posix threads: with the win32 ones GCC 12 has no
# std::mutex.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(triple x86_64-w64-mingw32)
find_program(mingw_cxx NAMES ${triple}-g++-posix ${triple}-g++ NO_CACHE REQUIRED)
string(REPLACE g++ gcc mingw_c ${mingw_cxx})
set(CMAKE_C_COMPILER ${mingw_c})
set(CMAKE_CXX_COMPILER ${mingw_cxx})
set(CMAKE_RC_COMPILER ${triple}-windres)
set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind IN ITEMS LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
# The compiler's libraries go into the files, so that one file is all there is to ship. The C++ one brings its own
# printf family, which knows %zu. Without symbols: they are a sixth of the size.
foreach(kind IN ITEMS EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-static -s")
endforeach()
