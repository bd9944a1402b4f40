// What has to be done to a platform or deployment file before SimGrid reads it: SimGrid aborts on
// some inputs that are to be reported as errors, or handled otherwise. It then reads a changed copy
// with the same lines, so that line numbers in its messages are those of the user's file.
#include "sim/platform_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <locale>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

#include "core/files/read_file.hpp"
#include "sim/xml_scan.hpp"

namespace starling {

Result<std::string> read_xml_file(const std::string& file, const std::string& what) {
    Result<std::string> text = read_whole_file(file);
    if (!text) {
        return Error{Errc::usage, what + " file " + text.error().message};
    }
    if (text->empty()) {
        return Error{Errc::usage,
                     what + " file " + file + " is empty: give the path of a SimGrid XML file"};
    }
    return text;
}

std::vector<PlannedActor> planned_actors(std::string& text) {
    std::vector<PlannedActor> actors;
    for (const XmlElement& element : scan_xml(text)) {
        if (element.name != "actor" && element.name != "process") {
            continue;
        }
        PlannedActor actor{element.value("host"), element.value("function"), {}};
        if (const auto* start = element.find("start_time")) {
            std::istringstream stream(start->value);
            stream.imbue(std::locale::classic());
            double seconds = 0.0;
            if ((stream >> seconds) && seconds > 0.0 && seconds <= 1e9) {
                actor.start = SwarmTime{from_seconds(seconds)};
                text.replace(start->begin, start->end - start->begin, start->end - start->begin,
                             ' ');
            }
        }
        actors.push_back(std::move(actor));
    }
    return actors;
}

SubstituteFile::SubstituteFile(std::string file, const std::string& text)
    : original_(std::move(file)) {
    if (text.empty()) {
        return;
    }
    copy_ = (std::filesystem::temp_directory_path() / "starling-XXXXXX.xml").string();
    const int opened = ::mkstemps(copy_.data(), 4);
    if (opened >= 0) {
        ::close(opened);
    }
    if (opened < 0 || !(std::ofstream(copy_) << text)) {
        throw std::runtime_error("can't write " + copy_);
    }
}

SubstituteFile::~SubstituteFile() {
    std::error_code ignored;
    if (!copy_.empty()) {
        std::filesystem::remove(copy_, ignored);
    }
}

std::string SubstituteFile::with_original_name(std::string text) const {
    const std::size_t at = copy_.empty() ? std::string::npos : text.find(copy_);
    return at == std::string::npos ? text : text.replace(at, copy_.size(), original_);
}

}  // namespace starling
