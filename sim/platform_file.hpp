#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// The text of a SimGrid XML file. Errc::usage names the file: it can't be read, or is empty.
/// \param what  "platform" or "deployment", for the message.
Result<std::string> read_xml_file(const std::string& file, const std::string& what);

/// An actor of a deployment file. SimGrid aborts on one whose host is unknown, and throws at the
/// start time of one whose host is off then, so both are handled before.
struct PlannedActor {
    std::string host;
    std::string function;
    SwarmTime start{};
};

/// The actors of a file. \param text  their start times are replaced by blanks.
std::vector<PlannedActor> planned_actors(std::string& text);

/// A temporary file that SimGrid reads instead of the user's; removed by the destructor.
class SubstituteFile {
public:
    /// \param text  empty: the user's file itself is read.
    SubstituteFile(std::string file, const std::string& text);
    SubstituteFile(const SubstituteFile&) = delete;
    SubstituteFile& operator=(const SubstituteFile&) = delete;
    ~SubstituteFile();

    const std::string& path() const { return copy_.empty() ? original_ : copy_; }
    /// SimGrid's message `text` with the user's file name in place of the copy's.
    std::string with_original_name(std::string text) const;

private:
    std::string original_;
    std::string copy_;
};

}  // namespace starling
