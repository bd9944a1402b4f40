#include "sim/xml_scan.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

std::string id_in(const std::string& text) {
    const auto elements = scan_xml(text);
    return elements.size() == 1 ? elements[0].value("id") : "not one element";
}

TEST(XmlScan, ResolvesEntitiesAsSimGridDoes) {
    EXPECT_EQ(id_in("<host id='a&amp;b &lt;x&gt; &apos;q&apos; &quot;d&quot;'/>"),
              "a&b <x> 'q' \"d\"");
    EXPECT_EQ(id_in("<host id=\"Peter&#39;s &#x3b1;\"/>"), "Peter's \xCE\xB1");
    EXPECT_EQ(id_in("<host id=\"Peter's\"/>"), "Peter's");
}

TEST(XmlScan, KeepsWhatIsNoEntity) {
    for (const std::string value : {"a & b; c", "&none;", "&#xzz;", "&#99999999;", "&", "&;"}) {
        EXPECT_EQ(id_in("<host id=\"" + value + "\"/>"), value);
    }
}

TEST(XmlScan, KnowsThePositionOfAnAttribute) {
    const std::string text = "<host id='&amp;' speed=\"1Gf\"/>";
    const auto elements = scan_xml(text);
    const auto* speed = elements.at(0).find("speed");
    EXPECT_EQ(text.substr(speed->begin, speed->end - speed->begin), "speed=\"1Gf\"");
}

}  // namespace
}  // namespace starling
