#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace starling::bench {

/// Measures two processes that do the same number of runs in step.
class TwoProcesses {
public:
    struct Plan {
        std::size_t warm_up = 3;
        std::size_t runs = 11;
        /// The network namespace of each, as a path (/proc/PID/ns/net); empty: the caller's.
        std::string first_network;
        std::string second_network;
    };
    struct Figures {
        std::vector<double> seconds;  ///< of each run: from the first's start to the last's end
        double cpu_seconds = 0;       ///< per run, both processes
        double first_cpu_seconds = 0;
        double peak_mib = 0;  ///< of the larger process
    };

    /// The code of one of the processes.
    class Side {
    public:
        virtual ~Side() = default;
        /// Returns when both are connected.
        virtual Result<void> connect() = 0;
        /// Called before each run, outside the measured time.
        virtual void prepare() {}
        /// The measured code.
        virtual Result<void> run() = 0;
    };
    using MakeSide = std::function<std::unique_ptr<Side>()>;

    /// Forks two processes, each of which makes its side. The caller has no threads.
    static Result<Figures> measure(const Plan& plan, const MakeSide& first, const MakeSide& second);
};

}  // namespace starling::bench
