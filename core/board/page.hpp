#pragma once

#include <span>
#include <string>
#include <string_view>

namespace starling {

/// A file of the page, see core/board/page.
struct PageFile {
    std::string_view name;
    std::string_view type;  ///< for Content-Type
    std::string_view text;
};

/// index.html, the style, and the scripts: a module is imported by later ones only.
std::span<const PageFile> page_files();

/// index.html for a server, which serves the other files beside it.
std::string served_page();

/// One file with everything in it, which loads nothing: style, scripts and data.
/// \param data   JSON: see core/board/FORMAT.md
/// \param nonce  letters and digits that nobody can foresee: only scripts with it are executed
std::string self_contained_page(std::string_view data, std::string_view nonce);

}  // namespace starling
