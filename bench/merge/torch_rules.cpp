#include "bench/merge/torch_rules.hpp"

#include <torch/torch.h>

namespace starling::bench {
namespace {

using Tensors = std::vector<torch::Tensor>;

Tensors blocks_of(const Tensors& inputs, std::int64_t begin, std::int64_t count) {
    Tensors blocks;
    for (const torch::Tensor& input : inputs) {
        blocks.push_back(input.narrow(0, begin, count));
    }
    return blocks;
}

/// Calls merge(inputs, out) for blocks whose inputs fit the second-level cache together.
template <typename Merge>
void in_blocks(const Tensors& inputs, torch::Tensor& out, Merge merge) {
    const std::int64_t step = 131072 / static_cast<std::int64_t>(inputs.size());
    for (std::int64_t begin = 0; begin < out.numel(); begin += step) {
        const std::int64_t count = std::min(step, out.numel() - begin);
        torch::Tensor part = out.narrow(0, begin, count);
        merge(blocks_of(inputs, begin, count), part);
    }
}

/// One pass for each input over the sum: `stack` and `mean` would copy all inputs first.
torch::Tensor mean(const Tensors& inputs) {
    torch::Tensor sum = inputs[0].clone();
    for (std::size_t k = 1; k < inputs.size(); ++k) {
        sum.add_(inputs[k]);
    }
    return sum.div_(static_cast<double>(inputs.size()));
}

void mean_into(const Tensors& inputs, torch::Tensor& out) {
    torch::add_out(out, inputs[0], inputs[1]);
    for (std::size_t k = 2; k < inputs.size(); ++k) {
        out.add_(inputs[k]);
    }
    out.div_(static_cast<double>(inputs.size()));
}

/// Odd-even transposition: neighbours are compared and exchanged, as many times as there are
/// inputs.
Tensors sorted_by_exchanges(const Tensors& inputs) {
    Tensors values = inputs;
    for (std::size_t pass = 0; pass < values.size(); ++pass) {
        for (std::size_t k = pass % 2; k + 1 < values.size(); k += 2) {
            const torch::Tensor low = torch::minimum(values[k], values[k + 1]);
            values[k + 1] = torch::maximum(values[k], values[k + 1]);
            values[k] = low;
        }
    }
    return values;
}

void trimmed_mean_by_exchanges(const Tensors& inputs, std::size_t trim, torch::Tensor& out) {
    const Tensors sorted = sorted_by_exchanges(inputs);
    const auto first = sorted.begin() + static_cast<std::ptrdiff_t>(trim);
    const auto end = sorted.end() - static_cast<std::ptrdiff_t>(trim);
    out.copy_(mean(Tensors(first, end)));
}

void trimmed_mean_by_sort(const Tensors& inputs, std::size_t trim, torch::Tensor& out) {
    const auto kept = static_cast<std::int64_t>(inputs.size() - 2 * trim);
    const torch::Tensor sorted = std::get<0>(torch::stack(inputs, 1).sort(1));
    const torch::Tensor middle = sorted.narrow(1, static_cast<std::int64_t>(trim), kept);
    torch::mean_out(out, middle, 1);
}

/// Of an even number of inputs the lower one in the middle: `median` has no other.
void median_by_selection(const Tensors& inputs, torch::Tensor& out) {
    out.copy_(std::get<0>(torch::stack(inputs, 1).median(1)));
}

void median_by_exchanges(const Tensors& inputs, torch::Tensor& out) {
    const Tensors sorted = sorted_by_exchanges(inputs);
    const std::size_t half = sorted.size() / 2;
    torch::add_out(out, sorted[half], sorted[sorted.size() - half - 1]).div_(2.0);
}

torch::Tensor weighted(const Tensors& inputs, const std::vector<double>& weights) {
    torch::Tensor sum = inputs[0] * weights[0];
    for (std::size_t k = 1; k < inputs.size(); ++k) {
        sum.add_(inputs[k], weights[k]);
    }
    return sum;
}

torch::Tensor geometric_median(const Tensors& inputs, int iterations) {
    torch::Tensor point = mean(inputs);
    for (int i = 0; i < iterations; ++i) {
        std::vector<double> weights;
        double total = 0.0;
        for (const torch::Tensor& input : inputs) {
            weights.push_back(1.0 / std::max(1e-5, torch::dist(point, input).item<double>()));
            total += weights.back();
        }
        for (double& weight : weights) {
            weight /= total;
        }
        point = weighted(inputs, weights);
    }
    return point;
}

torch::Tensor centred_clipping(const Tensors& inputs, double tau, int iterations) {
    torch::Tensor centre = mean(inputs);
    const auto n = static_cast<double>(inputs.size());
    for (int i = 0; i < iterations; ++i) {
        torch::Tensor next = centre.clone();
        for (const torch::Tensor& input : inputs) {
            const torch::Tensor difference = input - centre;
            const double length = difference.norm().item<double>();
            next.add_(difference, std::min(1.0, tau / length) / n);
        }
        centre = next;
    }
    return centre;
}

/// Squared distances by the Gram matrix: the fastest way, if not the most accurate one.
torch::Tensor krum(const Tensors& inputs, std::int64_t f) {
    const auto n = static_cast<std::int64_t>(inputs.size());
    const torch::Tensor all = torch::stack(inputs);
    const torch::Tensor gram = all.mm(all.t());
    const torch::Tensor squares = gram.diag();
    const torch::Tensor distances = squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * gram;
    const std::int64_t nearest = std::max<std::int64_t>(n - f - 2, 1);
    const torch::Tensor scores =
        std::get<0>(distances.sort(1)).narrow(1, 1, std::min(nearest, n - 1)).sum(1);
    return all[scores.argmin()].clone();
}

/// What a TorchWay does around a rule's own operations.
template <typename Merge>
TorchWay::Merge with_tensors(Merge merge) {
    return [=](const std::vector<float*>& inputs, float* out, std::size_t count) {
        torch::set_num_threads(1);
        const torch::NoGradGuard no_grad;
        const auto size = static_cast<std::int64_t>(count);
        Tensors tensors;
        for (float* const input : inputs) {
            tensors.push_back(torch::from_blob(input, {size}));
        }
        torch::Tensor merged = torch::from_blob(out, {size});
        merge(tensors, merged);
    };
}

/// For a function that returns the merged tensor of whole models.
template <typename Merge>
TorchWay::Merge whole(Merge merge) {
    return with_tensors(
        [=](const Tensors& inputs, torch::Tensor& out) { out.copy_(merge(inputs)); });
}

template <typename Merge>
TorchWay::Merge by_blocks(Merge merge) {
    return with_tensors(
        [=](const Tensors& inputs, torch::Tensor& out) { in_blocks(inputs, out, merge); });
}

}  // namespace

std::vector<TorchWay> torch_ways(const std::string& rule) {
    const auto trim = [](const Tensors& inputs) {
        return inputs.size() < 3 ? 0 : (inputs.size() + 9) / 10;
    };
    if (rule == "mean") {
        return {{"add_", whole(mean)}, {"add_ by blocks", by_blocks(mean_into)}};
    }
    if (rule == "coordinate-median") {
        return {{"median", by_blocks(median_by_selection)},
                {"exchanges", by_blocks(median_by_exchanges)}};
    }
    if (rule == "trimmed-mean") {
        return {{"sort", by_blocks([=](const Tensors& inputs, torch::Tensor& out) {
                     trimmed_mean_by_sort(inputs, trim(inputs), out);
                 })},
                {"exchanges", by_blocks([=](const Tensors& inputs, torch::Tensor& out) {
                     trimmed_mean_by_exchanges(inputs, trim(inputs), out);
                 })}};
    }
    if (rule == "geometric-median") {
        return {{"dist", whole([](const Tensors& all) { return geometric_median(all, 4); })}};
    }
    if (rule == "centred-clipping") {
        return {{"norm", whole([](const Tensors& all) { return centred_clipping(all, 10.0, 3); })}};
    }
    if (rule == "krum") {
        return {{"Gram", whole([](const Tensors& all) { return krum(all, 1); })}};
    }
    return {};
}

}  // namespace starling::bench
