#include "core/board/curves.hpp"

namespace starling {

void Curves::loss(std::size_t node, std::uint64_t round, std::uint64_t loss_millionths,
                  Moment now) {
    losses_.add({0, now.version, now.us, node, round, loss_millionths});
}

void Curves::accuracy(std::size_t node, std::uint64_t round, std::uint64_t correct,
                      std::uint64_t samples, std::uint64_t classes, Moment now) {
    accuracies_.add({0, now.version, now.us, node, round, correct, samples, classes});
}

void Curves::scalar(std::size_t node, std::string_view name, std::uint64_t round, double value,
                    Moment now) {
    scalars_.add({0, now.version, now.us, node, std::string(name), round, value});
}

void Curves::write(JsonWriter& json, std::uint64_t since) const {
    losses_.write(json, "losses", since, [&](const Loss& loss) {
        json.begin_array()
            .value(loss.node)
            .value(loss.round)
            .value(loss.us)
            .value(loss.millionths)
            .end_array();
    });
    accuracies_.write(json, "accuracies", since, [&](const Accuracy& accuracy) {
        json.begin_object()
            .field("node", accuracy.node)
            .field("round", accuracy.round)
            .field("us", accuracy.us)
            .field("correct", accuracy.correct)
            .field("samples", accuracy.samples)
            .field("classes", accuracy.classes)
            .end_object();
    });
    scalars_.write(json, "scalars", since, [&](const Scalar& scalar) {
        json.begin_array()
            .value(scalar.node)
            .value(scalar.name)
            .value(scalar.round)
            .value(scalar.us)
            .value(scalar.value)
            .end_array();
    });
}

}  // namespace starling
