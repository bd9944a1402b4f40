#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace starling::bench {

/// Measures code that needs two processes, such as the ends of a connection. A barrier starts each
/// run in both at the same time.
class TwoProcesses {
public:
    struct Plan {
        std::size_t warm_up = 3;  ///< runs before the measured ones
        std::size_t runs = 11;    ///< measured runs
        /// The network namespace of each, as a path (/proc/PID/ns/net); empty: the caller's.
        std::string first_network;
        std::string second_network;
    };
    struct Figures {
        std::vector<double> seconds;   ///< of each run: from the first's start to the last's end
        double cpu_seconds = 0;        ///< per run, both processes
        double first_cpu_seconds = 0;  ///< per run, of the first process
        double peak_mib = 0;           ///< peak resident memory of the larger process
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

    /// Forks two processes, each of which makes its side. An error of a side is returned.
    /// \pre  the caller has no threads, since only the forking one would exist in the children
    static Result<Figures> measure(const Plan& plan, const MakeSide& first, const MakeSide& second);
};

}  // namespace starling::bench
