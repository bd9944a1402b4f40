// A pid may be reused after a crash or a reboot, so a record counts only if a process with that pid
// was started at the recorded time (field 22 of /proc/PID/stat).
#include "deploy/host/pid_file.hpp"

#include <cerrno>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

Error failed(const std::filesystem::path& file, int number) {
    return {Errc::io, "pid file " + write_error(file, number).message};
}

Result<void> write_whole(const std::filesystem::path& file, const std::string& text) {
    const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) {
        return failed(file, errno);
    }
    errno = ENOSPC;  // what a short write means
    if (::write(out.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return failed(file, errno);
    }
    return {};
}

}  // namespace

bool PidRecord::running() const {
    const std::optional<std::uint64_t> ticks = process_start_ticks(pid);
    return ticks && *ticks == start_ticks;
}

std::optional<PidRecord> read_pid_file(const std::filesystem::path& file) {
    std::ifstream in(file);
    PidRecord record;
    std::string role;
    if (!(in >> record.pid >> role >> record.start_ticks) || record.pid <= 0) {
        return std::nullopt;
    }
    const Result<Role> parsed = parse_role(role);
    if (!parsed) {
        return std::nullopt;
    }
    record.role = *parsed;
    return record;
}

Result<PidFile> PidFile::claim(const std::filesystem::path& file, Role role) {
    // A lock makes checking and writing atomic: two nodes may start at the same moment.
    const std::filesystem::path lock_file = file.parent_path() / ".lock";
    const Descriptor lock(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock || ::flock(lock.number(), LOCK_EX) != 0) {
        return failed(lock_file, errno);
    }
    const std::optional<PidRecord> other = read_pid_file(file);
    if (other && other->running() && other->pid != getpid()) {
        return Error{Errc::io, "node " + file.stem().string() + " already runs as process " +
                                   std::to_string(other->pid) + " (" + file.string() +
                                   "): stop it with stop-swarm, or choose another --name"};
    }
    const std::optional<std::uint64_t> ticks = process_start_ticks(getpid());
    if (!ticks) {
        return Error{Errc::io, "/proc is not mounted: a node can't identify its processes"};
    }
    const std::filesystem::path part = file.string() + ".part";
    const std::string text = std::to_string(getpid()) + "\n" + std::string(to_string(role)) + "\n" +
                             std::to_string(*ticks) + "\n";
    if (auto ok = write_whole(part, text); !ok) {
        return ok.error();
    }
    if (::rename(part.c_str(), file.c_str()) != 0) {
        return failed(file, errno);
    }
    return PidFile(file);
}

PidFile::PidFile(PidFile&& other) noexcept : file_(std::exchange(other.file_, {})) {}

PidFile::~PidFile() {
    if (!file_.empty()) {
        std::error_code ignored;
        std::filesystem::remove(file_, ignored);
    }
}

}  // namespace starling
