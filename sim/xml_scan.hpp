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
    std::size_t end = 0;  ///< in the text, behind its `>`

    const Attribute* find(std::string_view attribute) const;
    /// Empty without such an attribute.
    std::string value(std::string_view attribute) const;
};

/// The start tags of an XML text in its order, without those in comments. What is not well-formed
/// is left out: SimGrid's parser, which reads the same text, says where and why.
std::vector<XmlElement> scan_xml(std::string_view text);

}  // namespace starling
