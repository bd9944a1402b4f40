// Splits a text into words as a POSIX shell does (2.2, quoting), without expansions. --ml-cmd is
// one string on HPE's command line, and the ML program is started without a shell.
#include "options/shell_words.hpp"

#include <optional>

namespace starling {
namespace {

constexpr std::string_view blanks = " \t\n";
constexpr std::string_view escaped_in_quotes = "\\\"$`";

/// Reads the quoted part that begins at text[at] into `word`.
/// \return  the position after the quoted part, or npos if the quote does not end.
std::size_t read_quoted(std::string_view text, std::size_t at, std::string& word) {
    const char quote = text[at];
    for (++at; at < text.size(); ++at) {
        if (text[at] == quote) {
            return at + 1;
        }
        const bool escape = quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
                            escaped_in_quotes.find(text[at + 1]) != std::string_view::npos;
        if (escape) {
            ++at;
        }
        word.push_back(text[at]);
    }
    return std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> shell_words(std::string_view text) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    std::size_t at = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (blanks.find(c) != std::string_view::npos) {
            if (word) {
                words.push_back(std::move(*word));
                word.reset();
            }
            ++at;
            continue;
        }
        if (!word) {
            word.emplace();
        }
        if (c == '\'' || c == '"') {
            at = read_quoted(text, at, *word);
            if (at == std::string_view::npos) {
                return Error{Errc::usage, std::string("a quote (") + c + ") is not closed"};
            }
        } else if (c == '\\') {
            if (at + 1 == text.size()) {
                return Error{Errc::usage, "the last character is a backslash"};
            }
            word->push_back(text[at + 1]);
            at += 2;
        } else {
            word->push_back(c);
            ++at;
        }
    }
    if (word) {
        words.push_back(std::move(*word));
    }
    return words;
}

}  // namespace starling
