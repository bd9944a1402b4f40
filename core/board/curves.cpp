#include "core/board/curves.hpp"

namespace starling {

void Curves::loss(std::size_t node, std::uint64_t round, std::uint64_t loss_millionths,
                  Moment now) {
    losses_.push_back({node, round, loss_millionths, now});
    if (losses_.size() > points_max_) {
        losses_.pop_front();
    }
}

void Curves::accuracy(std::size_t node, std::uint64_t round, std::uint64_t correct,
                      std::uint64_t samples, std::uint64_t classes, Moment now) {
    accuracies_.push_back({node, round, correct, samples, classes, now});
    if (accuracies_.size() > points_max_) {
        accuracies_.pop_front();
    }
}

void Curves::scalar(std::size_t node, std::string_view name, std::uint64_t round, double value,
                    Moment now) {
    scalars_.push_back({node, std::string(name), round, value, now});
    if (scalars_.size() > points_max_) {
        scalars_.pop_front();
    }
}

void Curves::write(JsonWriter& json, std::uint64_t since) const {
    json.key("losses").begin_array();
    for (const Loss& loss : losses_) {
        if (loss.at.version > since) {
            json.begin_array()
                .value(loss.node)
                .value(loss.round)
                .value(loss.at.us)
                .value(loss.millionths)
                .end_array();
        }
    }
    json.end_array().key("accuracies").begin_array();
    for (const Accuracy& accuracy : accuracies_) {
        if (accuracy.at.version > since) {
            json.begin_object()
                .field("node", accuracy.node)
                .field("round", accuracy.round)
                .field("us", accuracy.at.us)
                .field("correct", accuracy.correct)
                .field("samples", accuracy.samples)
                .field("classes", accuracy.classes)
                .end_object();
        }
    }
    json.end_array().key("scalars").begin_array();
    for (const Scalar& scalar : scalars_) {
        if (scalar.at.version > since) {
            json.begin_array()
                .value(scalar.node)
                .value(scalar.name)
                .value(scalar.round)
                .value(scalar.at.us)
                .value(scalar.value)
                .end_array();
        }
    }
    json.end_array();
}

}  // namespace starling
