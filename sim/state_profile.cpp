// Profiles of a platform file: which hosts and links fail and recover. SimGrid applies them itself,
// but does not tell whether a host will come back, can't apply some of them, and aborts on others.
// So they are read here, too, and what SimGrid can't handle is blanked out in its copy of the file.
#include "sim/state_profile.hpp"

#include <algorithm>
#include <filesystem>
#include <locale>
#include <map>
#include <set>
#include <sstream>

#include "core/files/read_file.hpp"
#include "sim/xml_scan.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

std::optional<double> number_in(const std::string& word) {
    std::istringstream stream(word);
    stream.imbue(std::locale::classic());
    double value = 0.0;
    const bool read = (stream >> value) && stream.peek() == std::istringstream::traits_type::eof();
    return read && value >= 0.0 && value <= 1e9 ? std::optional(value) : std::nullopt;
}

/// Checks a bandwidth, latency or speed profile: SimGrid accepts negative values, and 0, silently.
Result<void> check_values(const std::string& text, bool may_be_0) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        words.imbue(std::locale::classic());
        double date = 0.0;
        double value = 0.0;
        if ((words >> date >> value) && (value < 0.0 || (value == 0.0 && !may_be_0))) {
            return Error{Errc::usage,
                         "'" + line + "': the value must be " +
                             (may_be_0 ? "at least 0" : "above 0 (a state_file takes it down)")};
        }
    }
    return {};
}

/// Where SimGrid would find it: in the working directory, or beside the platform file.
std::string found_file(const std::string& platform_file, const std::string& file) {
    const fs::path beside = fs::path(platform_file).parent_path() / file;
    std::error_code ignored;
    return fs::path(file).is_absolute() || fs::exists(file, ignored) ? file : beside.string();
}

/// Collects the profiles in the elements of one platform file.
class ProfileReader {
public:
    ProfileReader(const std::string& platform_file, const std::string& text, bool with_profiles)
        : platform_file_(platform_file),
          text_(text),
          blanked_(text),
          with_profiles_(with_profiles) {}

    Result<void> read(const XmlElement& element) {
        if (element.name == "trace") {
            traces_[element.value("id")] =
                text_.substr(element.end, text_.find('<', element.end) - element.end);
        } else if (element.name == "trace_connect" && element.value("kind") == "HOST_AVAIL") {
            return add(element.value("element"), traces_[element.value("trace")], failing_.hosts);
        }
        if (element.name == "route" && element.value("src") == element.value("dst")) {
            make_one_way(element);
        }
        for (const XmlElement::Attribute& attribute : element.attributes) {
            const bool profile = attribute.name.ends_with("_file") && !attribute.value.empty();
            if (!profile) {
                continue;
            }
            if (!with_profiles_) {
                blank(attribute);
            } else if (const Result<void> read = read_profile(element, attribute); !read) {
                return read.error();
            }
        }
        return {};
    }
    FailingResources take() {
        // From the back, so that earlier positions stay valid.
        for (auto place = one_way_.rbegin(); place != one_way_.rend(); ++place) {
            blanked_.insert(*place, "symmetrical=\"NO\" ");
        }
        if (blanked_ != text_) {
            failing_.text = std::move(blanked_);
        }
        return std::move(failing_);
    }

private:
    Result<void> read_profile(const XmlElement& element, const XmlElement::Attribute& attribute) {
        if (!used_.insert(attribute.value).second) {
            return Error{
                Errc::usage,
                "the profile " + attribute.value +
                    " is used twice, which SimGrid refuses: use a separate file for each host "
                    "and link"};
        }
        const std::string file = found_file(platform_file_, attribute.value);
        const std::string what =
            element.name + " " + element.value("id") + ": " + attribute.name + ": ";
        const Result<std::string> text = read_whole_file(file);
        if (!text) {
            return Error{Errc::usage, what + text.error().message};
        }
        if (text->find("STOCHASTIC") != std::string::npos) {
            return Error{Errc::usage,
                         what + file +
                             ": it is stochastic, so that no run could be repeated by its --seed: "
                             "platforms/generate --churn --seed writes random dates"};
        }
        if (attribute.name != "state_file") {
            const Result<void> checked = check_values(*text, attribute.name == "latency_file");
            return checked ? Result<void>()
                           : Error{Errc::usage, what + file + ": " + checked.error().message};
        }
        if (element.name == "host" || element.name == "peer") {
            return add(element.value("id"), *text, failing_.hosts);
        }
        if (element.name == "link" && element.value("sharing_policy") == "SPLITDUPLEX") {
            blank(attribute);
            return add(element.value("id"), *text, failing_.split_links);
        }
        return {};
    }
    static Result<void> add(const std::string& name, const std::string& text,
                            std::vector<FailingResources::Host>& to) {
        Result<StateProfile> profile = StateProfile::parse(text);
        if (!profile) {
            return Error{Errc::usage,
                         "the state profile of " + name + ": " + profile.error().message};
        }
        to.push_back({name, std::move(*profile)});
        return {};
    }
    /// Routes are symmetrical by default. For one from a host to itself SimGrid 3.32 then adds two
    /// routes, and ends the process because one exists already (Floyd), or crashes (Dijkstra).
    void make_one_way(const XmlElement& route) {
        const XmlElement::Attribute* symmetrical = route.find("symmetrical");
        const XmlElement::Attribute* from = route.find("src");
        if (from == nullptr || (symmetrical != nullptr && symmetrical->value == "NO")) {
            return;
        }
        if (symmetrical != nullptr) {
            blank(*symmetrical);
        }
        one_way_.push_back(from->begin);
    }
    void blank(const XmlElement::Attribute& attribute) {
        const std::size_t size = attribute.end - attribute.begin;
        blanked_.replace(attribute.begin, size, size, ' ');
    }

    const std::string& platform_file_;
    const std::string& text_;
    std::string blanked_;
    bool with_profiles_;
    std::vector<std::size_t> one_way_;           ///< where symmetrical="NO" is to be inserted
    std::set<std::string> used_;                 ///< profile files
    std::map<std::string, std::string> traces_;  ///< profiles within the file, by ID
    FailingResources failing_;
};

}  // namespace

Result<StateProfile> StateProfile::parse(const std::string& text) {
    StateProfile profile;
    std::optional<double> loop_after;
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        std::istringstream words(line);
        std::string first;
        std::string second;
        words >> first >> second;
        if (first.empty() || first[0] == '#' || first[0] == '%') {
            continue;
        }
        const bool loop = first == "LOOPAFTER" || first == "PERIODICITY";
        const std::optional<double> date = number_in(loop ? second : first);
        const std::optional<double> value = number_in(second);
        if (!date || !value ||
            (!profile.changes_.empty() && !loop &&
             from_seconds(*date) < profile.changes_.back().at)) {
            return Error{Errc::malformed, "line " + std::to_string(number) + " is '" + line +
                                              "', it must be a date in seconds, not before the "
                                              "last one, and a value, or LOOPAFTER and seconds"};
        }
        if (loop) {
            loop_after = *date;
        } else {
            profile.changes_.push_back({from_seconds(*date), *value > 0.0});
        }
    }
    if (loop_after && !profile.changes_.empty()) {
        profile.period_ = profile.changes_.back().at + from_seconds(*loop_after);
        if (*profile.period_ <= SwarmDuration{0}) {
            return Error{Errc::malformed, "it repeats immediately, forever"};
        }
    }
    return profile;
}

bool StateProfile::turns_on_after(SwarmTime now) const {
    return std::any_of(changes_.begin(), changes_.end(), [&](const Change& change) {
        return change.on && (period_ || SwarmTime{change.at} > now);
    });
}

Result<FailingResources> read_failing_resources(const std::string& platform_file,
                                                const std::string& text, bool with_profiles) {
    ProfileReader reader(platform_file, text, with_profiles);
    for (const XmlElement& element : scan_xml(text)) {
        if (const Result<void> read = reader.read(element); !read) {
            return Error{Errc::usage,
                         "platform file " + platform_file + ": " + read.error().message};
        }
    }
    return reader.take();
}

}  // namespace starling
