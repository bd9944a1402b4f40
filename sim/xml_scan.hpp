#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace starling {

/// An element's start tag.
struct XmlElement {
    struct Attribute {
        std::string name;
        std::string value;      ///< with its entities (`&apos;`) resolved
        std::size_t begin = 0;  ///< of `name="value"` in the text
        std::size_t end = 0;
    };
    std::string name;
    std::vector<Attribute> attributes;
    std::size_t end = 0;  ///< position in the text behind its `>`

    const Attribute* find(std::string_view attribute) const;
    /// Empty if there is no such attribute.
    std::string value(std::string_view attribute) const;
};

/// The start tags of an XML text in its order, without those in comments. Malformed parts are
/// skipped: SimGrid's parser reads the same text and reports them.
std::vector<XmlElement> scan_xml(std::string_view text);

}  // namespace starling
