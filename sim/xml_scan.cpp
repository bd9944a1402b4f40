#include "sim/xml_scan.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Reads the attributes of a tag that begins before `at`, up to its `>`.
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
            ++at;  // the slash of an empty element, or nothing that we know
            continue;
        }
        const std::size_t value_end = text.find(text[quote], quote + 1);
        if (value_end == std::string_view::npos) {
            return text.size();
        }
        element.attributes.push_back({std::string(text.substr(at, name_end - at)),
                                      std::string(text.substr(quote + 1, value_end - quote - 1)),
                                      at, value_end + 1});
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
