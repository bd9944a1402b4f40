// Stops nodes through process descriptors (pidfd): a pid may be reused by another process at any
// time, while a descriptor always denotes the process that it was opened for.
#include "deploy/host/stop_swarm.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <poll.h>

#include "deploy/host/pid_file.hpp"
#include "deploy/host/workspace.hpp"
#include "deploy/process/process.hpp"
#include "transport/process/child_process.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kill_limit{5000};

struct RunningNode {
    std::string name;
    PidRecord record;
    Descriptor process;
    fs::path file;
};

/// The running nodes of `role`; pid files of others are removed.
std::vector<RunningNode> find_nodes(const fs::path& run_dir, Role role, StopReport& report) {
    std::vector<fs::path> files;
    std::error_code code;
    for (fs::directory_iterator entry(run_dir, code), end; !code && entry != end;
         entry.increment(code)) {
        if (entry->path().extension() == ".pid") {
            files.push_back(entry->path());
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<RunningNode> nodes;
    for (const fs::path& file : files) {
        const std::optional<PidRecord> record = read_pid_file(file);
        if (!record || record->role != role) {
            continue;
        }
        // The descriptor first, then the check of the start time: if it matches, the descriptor
        // denotes the process of the record.
        Descriptor process = open_process(record->pid);
        if (process && record->running()) {
            nodes.push_back({file.stem().string(), *record, std::move(process), file});
            continue;
        }
        fs::remove(file, code);
        report.lines.push_back("removed " + file.string() + ": process " +
                               std::to_string(record->pid) + " is gone");
    }
    return nodes;
}

bool ended_by(const Descriptor& process, Clock::time_point when) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(when - Clock::now()).count();
        pollfd polled{process.number(), POLLIN, 0};
        const int ready = ::poll(&polled, 1, static_cast<int>(std::max<long>(left, 0)));
        if (ready > 0) {
            return true;
        }
        if (ready == 0 && left <= 0) {
            return false;
        }
    }
}

void end_nodes(std::vector<RunningNode>& nodes, std::chrono::milliseconds limit,
               StopReport& report) {
    for (RunningNode& node : nodes) {
        if (!send_signal(node.process, SIGTERM) && errno != ESRCH) {
            report.lines.push_back(node.name + " can't be stopped: " + std::strerror(errno));
        }
    }
    const Clock::time_point deadline = Clock::now() + limit;
    for (RunningNode& node : nodes) {
        const std::string who = std::string(to_string(node.record.role)) + " " + node.name +
                                " (process " + std::to_string(node.record.pid) + ")";
        bool ended = ended_by(node.process, deadline);
        if (ended) {
            report.lines.push_back("stopped " + who);
        } else {
            send_signal(node.process, SIGKILL);
            ended = ended_by(node.process, Clock::now() + kill_limit);
            report.lines.push_back(ended ? "warning: killed " + who + ", it did not stop in time"
                                         : "warning: " + who + " does not end");
            report.all_ended = report.all_ended && ended;
        }
        if (ended) {
            std::error_code ignored;
            fs::remove(node.file, ignored);
        }
    }
}

}  // namespace

StopReport stop_swarm(const fs::path& workspace, const std::set<Role>& roles,
                      std::chrono::milliseconds limit) {
    StopReport report;
    const fs::path run_dir = Workspace(workspace).run_dir();
    bool any = false;
    for (const Role role : {Role::sl, Role::sn, Role::apls}) {
        if (!roles.contains(role)) {
            continue;
        }
        std::vector<RunningNode> nodes = find_nodes(run_dir, role, report);
        any = any || !nodes.empty();
        end_nodes(nodes, limit, report);
    }
    if (!any) {
        report.lines.push_back("nothing to stop: no node runs in " +
                               run_dir.parent_path().string());
    }
    return report;
}

}  // namespace starling
