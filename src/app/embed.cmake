# cmake -DROOT=dir -DFILES="a.yaml|b.py" -DOUTPUT=embedded_files.cc -P embed.cmake
# Writes a C++ file that holds the texts of FILES, paths relative to ROOT. See embedded.h.
string(REPLACE "|" ";" files "${FILES}")
set(rows "")
foreach(file ${files})
  file(READ "${ROOT}/${file}" text)
  string(APPEND rows "    {\"${file}\", R\"__(${text})__\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Written by embed.cmake.

#include \"app/embedded.h\"

namespace chitu::app {

std::span<const EmbeddedFile> embedded_files() {
  static constexpr EmbeddedFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace chitu::app
")
