#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace starling::bench {

/// One way to write a merge rule by operations of libtorch, in one thread and binary32.
struct TorchWay {
    /// Merges inputs of `count` floats each into `out`.
    using Merge =
        std::function<void(const std::vector<float*>& inputs, float* out, std::size_t count)>;

    std::string name;  ///< after the operation that it depends on most
    Merge merge;
};

/// Those that we know to be fast for this rule; none for a rule that libtorch is not compared with.
std::vector<TorchWay> torch_ways(const std::string& rule);

}  // namespace starling::bench
