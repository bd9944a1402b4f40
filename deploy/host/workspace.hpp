#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// The directory that the nodes of a host share, and the paths in it:
///
///     run/NAME.pid   run/NAME.state   run/NAME.sock   log/NAME.log   trace/NAME.trace
///     data/NAME/ledger.sqlite   data/NAME/ledger.head
///
/// Everything in it is private to its user (0700, 0600).
class Workspace {
public:
    /// Makes the path absolute; does not create anything.
    explicit Workspace(const std::filesystem::path& root);

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path run_dir() const { return root_ / "run"; }
    std::filesystem::path pid_file(const std::string& name) const;
    std::filesystem::path state_file(const std::string& name) const;
    std::filesystem::path socket(const std::string& name) const;
    std::filesystem::path log_file(const std::string& name) const;
    std::filesystem::path trace_file(const std::string& name) const;
    std::filesystem::path data_dir(const std::string& name) const;
    /// Of the SL `name`: state of its ML program.
    std::filesystem::path program_dir(const std::string& name) const {
        return data_dir(name) / "program";
    }

    /// Creates the directories of a node. Errc::io names the directory.
    Result<void> prepare(const std::string& name) const;

private:
    std::filesystem::path root_;
};

/// Creates `directory`, its parents, and makes it private if it was created. Errc::io names it.
Result<void> make_private_directory(const std::filesystem::path& directory);

/// The path of an SL's Unix socket: in the workspace or, if that path is too long (a socket's path
/// has at most 107 bytes), in a private directory under XDG_RUNTIME_DIR or /tmp. The destructor
/// removes socket and directory.
class SocketPlace {
public:
    static constexpr std::size_t path_max = 100;

    static Result<SocketPlace> make(const Workspace& workspace, const std::string& name);
    SocketPlace(SocketPlace&& other) noexcept;
    SocketPlace& operator=(SocketPlace&&) = delete;
    ~SocketPlace();

    const std::filesystem::path& path() const { return path_; }

private:
    SocketPlace(std::filesystem::path path, std::filesystem::path directory)
        : path_(std::move(path)), directory_(std::move(directory)) {}

    std::filesystem::path path_;
    std::filesystem::path directory_;  ///< to be removed, too; empty: none
};

}  // namespace starling
