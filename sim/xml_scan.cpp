// A scanner for start tags and attributes with their positions in the text. No full parser: SimGrid
// parses the same text and reports errors; this finds what must be checked or replaced before.
#include "sim/xml_scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace starling {
namespace {

constexpr std::string_view blanks = " \t\r\n";

void append_utf8(std::string& text, std::uint32_t code) {
    const auto byte = [&text](std::uint32_t value) { text.push_back(static_cast<char>(value)); };
    if (code < 0x80U) {
        byte(code);
    } else if (code < 0x800U) {
        byte(0xC0U | code >> 6U);
        byte(0x80U | (code & 0x3FU));
    } else if (code < 0x10000U) {
        byte(0xE0U | code >> 12U);
        byte(0x80U | (code >> 6U & 0x3FU));
        byte(0x80U | (code & 0x3FU));
    } else {
        byte(0xF0U | code >> 18U);
        byte(0x80U | (code >> 12U & 0x3FU));
        byte(0x80U | (code >> 6U & 0x3FU));
        byte(0x80U | (code & 0x3FU));
    }
}

/// Appends the character of `&name;` or `&#number;` to `text`. False: the name is unknown.
bool append_entity(std::string& text, std::string_view name) {
    constexpr std::pair<std::string_view, char> named[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [known, character] : named) {
        if (name == known) {
            text.push_back(character);
            return true;
        }
    }
    const bool hexadecimal = name.starts_with("#x");
    if (!name.starts_with('#')) {
        return false;
    }
    const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
    std::uint32_t code = 0;
    const auto [rest, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
    if (failed != std::errc{} || rest != digits.data() + digits.size() || code > 0x10FFFFU) {
        return false;
    }
    append_utf8(text, code);
    return true;
}

/// An attribute's value with entities such as `&apos;` replaced.
std::string decoded(std::string_view value) {
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
        const std::size_t end = value[at] == '&' ? value.find(';', at) : std::string_view::npos;
        if (end != std::string_view::npos &&
            append_entity(text, value.substr(at + 1, end - at - 1))) {
            at = end;
        } else {
            text.push_back(value[at]);
        }
    }
    return text;
}

/// Reads the attributes of a tag from `at` to its `>`. \return  the position behind it.
std::size_t scan_attributes(std::string_view text, std::size_t at, XmlElement& element) {
    while (at < text.size()) {
        at = text.find_first_not_of(blanks, at);
        if (at == std::string_view::npos || text[at] == '>') {
            break;
        }
        const std::size_t name_end = text.find_first_of(" \t\r\n=/>", at);
        const std::size_t quote =
            text.find_first_not_of(" \t\r\n=", std::min(name_end, text.size()));
        if (name_end == at || quote == std::string_view::npos ||
            (text[quote] != '"' && text[quote] != '\'')) {
            ++at;  // the slash of an empty element, or malformed text
            continue;
        }
        const std::size_t value_end = text.find(text[quote], quote + 1);
        if (value_end == std::string_view::npos) {
            return text.size();
        }
        element.attributes.push_back({std::string(text.substr(at, name_end - at)),
                                      decoded(text.substr(quote + 1, value_end - quote - 1)), at,
                                      value_end + 1});
        at = value_end + 1;
    }
    return at == std::string_view::npos ? text.size() : std::min(at + 1, text.size());
}

}  // namespace

const XmlElement::Attribute* XmlElement::find(std::string_view attribute) const {
    const auto found =
        std::find_if(attributes.begin(), attributes.end(),
                     [attribute](const Attribute& one) { return one.name == attribute; });
    return found == attributes.end() ? nullptr : &*found;
}

std::string XmlElement::value(std::string_view attribute) const {
    const Attribute* found = find(attribute);
    return found == nullptr ? "" : found->value;
}

std::vector<XmlElement> scan_xml(std::string_view text) {
    std::vector<XmlElement> elements;
    std::size_t at = 0;
    while ((at = text.find('<', at)) != std::string_view::npos) {
        if (text.substr(at, 4) == "<!--") {
            const std::size_t end = text.find("-->", at + 4);
            at = end == std::string_view::npos ? text.size() : end + 3;
            continue;
        }
        const std::size_t name_end = std::min(text.find_first_of(" \t\r\n/>", at + 1), text.size());
        XmlElement element;
        element.name = text.substr(at + 1, name_end - at - 1);
        if (element.name.empty() || element.name[0] == '!' || element.name[0] == '?') {
            ++at;  // an end tag, a declaration
            continue;
        }
        element.end = scan_attributes(text, name_end, element);
        at = element.end;
        elements.push_back(std::move(element));
    }
    return elements;
}

}  // namespace starling
