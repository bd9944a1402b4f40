#include "core/board/page.hpp"

#include "core/base/invariant.hpp"

namespace starling {
namespace {

std::string_view page_file(std::string_view name) {
    for (const PageFile& file : page_files()) {
        if (file.name == name) {
            return file.text;
        }
    }
    STARLING_INVARIANT(false, "the page's own files are embedded");
    return {};
}

/// Puts `text` in place of `mark`. \pre the page has this mark
void put(std::string& page, std::string_view mark, std::string_view text) {
    const std::size_t at = page.find(mark);
    STARLING_INVARIANT(at != std::string::npos, "index.html has a place for each part");
    page.replace(at, mark.size(), text);
}

/// A module without its imports and the word export: the modules follow each other in one script,
/// where each name is defined once.
std::string without_modules(std::string_view script) {
    std::string text;
    while (!script.empty()) {
        std::size_t end = std::min(script.find('\n'), script.size() - 1) + 1;
        std::string_view line = script.substr(0, end);
        if (line.starts_with("import ")) {
            end = script.find(";\n") + 2;  // may have several lines
            line = {};
        } else if (line.starts_with("export ")) {
            line.remove_prefix(std::string_view("export ").size());
        }
        text += line;
        script.remove_prefix(end);
    }
    return text;
}

/// JSON that may stand inside <script>: no text in it can end that element.
std::string for_script(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (const char c : json) {
        if (c == '<') {
            text += "\\u003c";
        } else {
            text += c;
        }
    }
    return text;
}

}  // namespace

std::string served_page() {
    std::string page(page_file("index.html"));
    put(page, "<!--policy-->\n", "");
    put(page, "<!--style-->",
        "<link rel=\"stylesheet\" href=\"board.css\">\n<link id=\"dark\" rel=\"stylesheet\" "
        "href=\"dark.css\" media=\"(prefers-color-scheme: dark)\">");
    put(page, "<!--data-->", "");
    put(page, "<!--script-->", "<script type=\"module\" src=\"app.js\"></script>");
    return page;
}

std::string self_contained_page(std::string_view data, std::string_view nonce) {
    std::string page(page_file("index.html"));
    const std::string source = "'nonce-" + std::string(nonce) + "'";
    put(page, "<!--policy-->",
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src " +
            source + "; style-src " + source + "; base-uri 'none'; form-action 'none'\">");
    put(page, "<!--style-->",
        "<style nonce=\"" + std::string(nonce) + "\">\n" + std::string(page_file("board.css")) +
            "</style>\n<style id=\"dark\" media=\"(prefers-color-scheme: dark)\" nonce=\"" +
            std::string(nonce) + "\">\n" + std::string(page_file("dark.css")) + "</style>");
    std::string script = "<script type=\"module\" nonce=\"" + std::string(nonce) + "\">\n";
    for (const PageFile& file : page_files()) {
        if (file.name.ends_with(".js")) {
            script += without_modules(file.text);
        }
    }
    put(page, "<!--script-->", script + "</script>");
    put(page, "<!--data-->", for_script(data));  // last: nothing is looked for in it
    return page;
}

}  // namespace starling
