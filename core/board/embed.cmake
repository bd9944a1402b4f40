# cmake -D OUT=FILE -D FOLDER=DIR -D NAMES=a;b -P embed.cmake: the files of the page as string literals.
set(text "// Made from core/board/page by core/board/embed.cmake.\n#include \"core/board/page.hpp\"\n\nnamespace starling {\n
std::span<const PageFile> page_files() {\n    static constexpr PageFile files[] = {\n")
foreach(name ${NAMES})
    file(READ ${FOLDER}/${name} content)
    string(REGEX MATCH "[a-z]+$" kind ${name})
    string(REPLACE "js" "text/javascript" type ${kind})
    string(REPLACE "css" "text/css" type ${type})
    string(REPLACE "html" "text/html" type ${type})
    string(APPEND text "        {\"${name}\", \"${type}; charset=utf-8\", R\"~page~(${content})~page~\"},\n")
endforeach()
string(APPEND text "    };\n    return files;\n}\n\n}  // namespace starling\n")
file(WRITE ${OUT} "${text}")
