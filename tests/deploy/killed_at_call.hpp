#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include "tests/deploy/child_process.hpp"

namespace starling {

constexpr int killed_calls_max = 5000;

/// Whether the system lets a process trace its child: known after the first killed_at_call().
inline bool tracing_allowed = true;

/// Runs `body` in a child that is killed as it begins its system call number `call`. \return
/// whether it was killed; false if it made fewer calls.
template <typename Body>
bool killed_at_call(int call, Body body) {
    ChildProcess child([&](const auto& ready) {
        tracing_allowed = ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0;
        ready();
        if (tracing_allowed) {
            ::raise(SIGSTOP);
            body();
        }
        _exit(tracing_allowed ? 0 : 1);
    });
    int status = 0;
    ::waitpid(child.pid(), &status, 0);
    if (!WIFSTOPPED(status)) {
        tracing_allowed = false;
        return false;
    }
    for (int stops = 0; stops < 2 * killed_calls_max; ++stops) {
        // Each call stops the child twice: on entry and on exit.
        ::ptrace(PTRACE_SYSCALL, child.pid(), nullptr, nullptr);
        ::waitpid(child.pid(), &status, 0);
        if (!WIFSTOPPED(status)) {
            return false;
        }
        if (stops == 2 * call) {
            return true;  // the child is killed, and the call is not executed
        }
    }
    ADD_FAILURE() << "it does not end";
    return false;
}

}  // namespace starling
