#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/ml/swarm.hpp"
#include "core/node/node.hpp"
#include "deploy/ml/ml_program.hpp"

namespace starling {

/// An ML node that runs beside a Python interpreter: one thread drives the node, another is its
/// training program. The program does what the thread that holds this object hands it, one step at
/// a time. Nothing here knows Python, and no thread of it ever needs the interpreter's lock: what
/// only Python can do is asked of the thread that waits for the step.
class NodeThread {
public:
    /// Runs in the program's thread, where the hooks of SwarmCallback must be called.
    using Step = std::function<void(SwarmSession&)>;
    using Question = std::function<void()>;

    /// Starts the node with this process's environment (run-sl sets it) and waits until its program
    /// runs. SwarmError: neither an SL nor SWARM_LOOPBACK, or a log or state can't be opened.
    explicit NodeThread(std::vector<std::string> arguments);
    NodeThread(const NodeThread&) = delete;
    NodeThread& operator=(const NodeThread&) = delete;
    ~NodeThread();

    // For the thread that holds this object.

    /// \pre  no step is under way. SwarmError: the node has ended.
    void start(Step step);
    struct Progress {
        bool over = false;  ///< the step has returned or thrown
        Question question;  ///< to be called, and then answered
    };
    /// A batch is done, of which a later step will tell.
    void note_batch();
    /// Waits for the end of the step or a question, at most so long.
    Progress wait(std::chrono::milliseconds limit);
    /// The question is done. \param failed  why it could not be; the step ends with it.
    void answer(std::optional<std::string> failed);
    /// What the step has thrown.
    void rethrow();
    /// Gives the step up: it touches no buffer any more, and the node ends.
    void abandon(const std::string& reason);
    /// Ends the program as one that has returned, or that fails with `failure`; returns when the
    /// node has ended. \return  its exit code.
    int leave(std::optional<Error> failure);
    /// The node has ended, so that no step can be started.
    bool has_ended() const;
    /// Why: for a person.
    std::string end_text() const;
    int exit_code() const;

    // For a step, in the program's thread.

    /// Has `question` called by the thread that waits for the step.
    /// std::runtime_error: it failed, or the step was abandoned.
    void ask(Question question);
    /// Calls `use`, during which the step can't be given up, so that its buffers stay.
    /// std::runtime_error: it was abandoned before.
    void with_buffers(const std::function<void()>& use);

private:
    void drive(std::vector<std::string> arguments);
    void run_program(SwarmSession& session);
    void end_step(std::exception_ptr error);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Step> step_;
    Question question_;
    std::optional<std::string> answer_;   ///< empty text: it is done
    std::exception_ptr error_;            ///< of the last step
    MlProgramHooks::Node control_;        ///< while the node runs
    std::optional<int> ended_;            ///< the node's exit code
    std::optional<Error> refused_;        ///< the node could not start
    std::optional<ExitRequest> leaving_;  ///< the program's end
    bool begun_ = false;
    bool busy_ = false;  ///< a step is under way
    bool abandoned_ = false;
    bool in_buffers_ = false;
    std::thread driver_;
};

}  // namespace starling
