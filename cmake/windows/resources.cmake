# pumice_windows_resources(TARGET FILE DESCRIPTION): what Windows shows of a file, and for programs that texts of the C
# library are UTF-8 and paths may be long (both from Windows 10 on).
function(pumice_windows_resources target file description)
  set(folder ${PROJECT_BINARY_DIR}/resources)
  string(REPLACE "." "," numbers ${PROJECT_VERSION})
  get_target_property(type ${target} TYPE)
  set(manifest "")
  set(kind VFT_DLL)
  if(type STREQUAL EXECUTABLE)
    set(kind VFT_APP)
    set(manifest "1 RT_MANIFEST \"${target}.manifest\"\n")
    file(CONFIGURE OUTPUT ${folder}/${target}.manifest CONTENT
"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>
<assembly xmlns=\"urn:schemas-microsoft-com:asm.v1\" manifestVersion=\"1.0\">
  <trustInfo xmlns=\"urn:schemas-microsoft-com:asm.v3\"><security><requestedPrivileges>
    <requestedExecutionLevel level=\"asInvoker\" uiAccess=\"false\"/>
  </requestedPrivileges></security></trustInfo>
  <application xmlns=\"urn:schemas-microsoft-com:asm.v3\"><windowsSettings>
    <activeCodePage xmlns=\"http://schemas.microsoft.com/SMI/2019/WindowsSettings\">UTF-8</activeCodePage>
    <longPathAware xmlns=\"http://schemas.microsoft.com/SMI/2016/WindowsSettings\">true</longPathAware>
  </windowsSettings></application>
</assembly>
")
  endif()
  file(CONFIGURE OUTPUT ${folder}/${target}.rc CONTENT
"#include <windows.h>
${manifest}1 VERSIONINFO
FILEVERSION ${numbers},0
PRODUCTVERSION ${numbers},0
FILEOS VOS_NT_WINDOWS32
FILETYPE ${kind}
BEGIN
  BLOCK \"StringFileInfo\" BEGIN
    BLOCK \"040904b0\" BEGIN
      VALUE \"FileDescription\", \"${description}\"
      VALUE \"FileVersion\", \"${PROJECT_VERSION}\"
      VALUE \"OriginalFilename\", \"${file}\"
      VALUE \"ProductName\", \"Pumice\"
      VALUE \"ProductVersion\", \"${PROJECT_VERSION}\"
    END
  END
  BLOCK \"VarFileInfo\" BEGIN
    VALUE \"Translation\", 0x409, 1200
  END
END
")
  target_sources(${target} PRIVATE ${folder}/${target}.rc)
endfunction()
