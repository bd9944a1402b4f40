#include "deploy/ml/volume_links.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

/// Makes one link. \return  false: it is not needed.
Result<bool> link_volume(const fs::path& directory, const fs::path& link) {
    std::error_code failure;
    if (directory == link ||
        (fs::exists(link, failure) && fs::equivalent(directory, link, failure))) {
        return false;
    }
    const std::string volume = "--ml-v=" + directory.string() + ":" + link.string();
    if (!fs::is_directory(directory, failure)) {
        return Error{Errc::io,
                     volume + ": " + directory.string() + " is no directory of this host"};
    }
    if (fs::exists(fs::symlink_status(link, failure))) {
        return Error{Errc::io, volume + ": " + link.string() +
                                   " exists already and is something else. Without a container it "
                                   "has to become a link: remove it, or specify another PATH"};
    }
    fs::create_directories(link.parent_path(), failure);
    fs::create_directory_symlink(directory, link, failure);
    if (failure) {
        return Error{Errc::io,
                     volume + ": " + link.string() + " can't be made a link: " + failure.message()};
    }
    return true;
}

}  // namespace

Result<std::vector<std::string>> link_volumes(const std::vector<std::string>& volumes,
                                              const fs::path& base) {
    std::vector<std::string> made;
    for (const std::string& volume : volumes) {
        const std::size_t colon = volume.find(':');
        const std::size_t end = colon == std::string::npos ? colon : volume.find(':', colon + 1);
        const fs::path directory = (base / volume.substr(0, colon)).lexically_normal();
        const fs::path link =
            colon == std::string::npos
                ? fs::path()
                : fs::path(
                      volume.substr(colon + 1, end == std::string::npos ? end : end - colon - 1));
        if (!link.is_absolute()) {
            return Error{Errc::usage,
                         "--ml-v=" + volume + " must be DIR:PATH, with an absolute PATH"};
        }
        fs::path place = link.lexically_normal();
        if (!place.has_filename()) {  // "/tmp/test/"
            place = place.parent_path();
        }
        const Result<bool> linked = link_volume(directory, place);
        if (!linked) {
            return linked.error();
        }
        if (*linked) {
            made.push_back(place.string() + " -> " + directory.string());
        }
    }
    return made;
}

}  // namespace starling
