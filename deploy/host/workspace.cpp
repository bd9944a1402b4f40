#include "deploy/host/workspace.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/stat.h>

namespace starling {

namespace fs = std::filesystem;

Workspace::Workspace(const fs::path& root) {
    std::error_code code;
    const fs::path absolute = fs::absolute(root, code);
    root_ = (code ? root : absolute).lexically_normal();
}

fs::path Workspace::pid_file(const std::string& name) const { return run_dir() / (name + ".pid"); }
fs::path Workspace::state_file(const std::string& name) const {
    return run_dir() / (name + ".state");
}
fs::path Workspace::socket(const std::string& name) const { return run_dir() / (name + ".sock"); }
fs::path Workspace::log_file(const std::string& name) const {
    return root_ / "log" / (name + ".log");
}
fs::path Workspace::trace_file(const std::string& name) const {
    return root_ / "trace" / (name + ".trace");
}
fs::path Workspace::data_dir(const std::string& name) const { return root_ / "data" / name; }

Result<void> Workspace::prepare(const std::string& name) const {
    for (const fs::path& directory :
         {run_dir(), log_file(name).parent_path(), trace_file(name).parent_path(),
          data_dir(name).parent_path(), data_dir(name)}) {
        if (auto ok = make_private_directory(directory); !ok) {
            return ok;
        }
    }
    return {};
}

Result<void> make_private_directory(const fs::path& directory) {
    std::error_code code;
    if (directory.has_parent_path()) {
        fs::create_directories(directory.parent_path(), code);
    }
    if (!code && ::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        code = std::error_code(errno, std::generic_category());
    }
    if (!code && !fs::is_directory(directory, code) && !code) {
        code = std::make_error_code(std::errc::not_a_directory);
    }
    if (code) {
        return Error{Errc::io,
                     "directory " + directory.string() + " can't be created: " + code.message()};
    }
    return {};
}

Result<SocketPlace> SocketPlace::make(const Workspace& workspace, const std::string& name) {
    fs::path path = workspace.socket(name);
    if (path.native().size() < path_max) {
        std::error_code ignored;
        fs::remove(path, ignored);  // left by a node that was killed, as the pid file shows
        return SocketPlace(std::move(path), {});
    }
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string file = name + ".sock";
    for (const std::string& parent :
         {std::string(runtime == nullptr ? "" : runtime), std::string("/tmp")}) {
        std::string directory = parent + "/starling-XXXXXX";
        if (parent.empty() || directory.size() + 1 + file.size() >= path_max ||
            ::mkdtemp(directory.data()) == nullptr) {
            continue;
        }
        return SocketPlace(fs::path(directory) / file, directory);
    }
    return Error{Errc::io,
                 "no directory for the Unix socket of " + name +
                     ": the path of --workspace is too long, and no directory can be created in "
                     "XDG_RUNTIME_DIR or /tmp"};
}

SocketPlace::SocketPlace(SocketPlace&& other) noexcept
    : path_(std::exchange(other.path_, {})), directory_(std::exchange(other.directory_, {})) {}

SocketPlace::~SocketPlace() {
    std::error_code ignored;
    if (!path_.empty()) {
        fs::remove(path_, ignored);
    }
    if (!directory_.empty()) {
        fs::remove(directory_, ignored);
    }
}

}  // namespace starling
