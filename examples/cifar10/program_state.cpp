#include "examples/cifar10/program_state.hpp"

#include "core/base/coding.hpp"

namespace starling {
namespace {

constexpr std::size_t options_bytes_max = 16 * 1024;

}  // namespace

Bytes TrainingState::save() const {
    Writer out;
    out.reserve(sizeof(std::uint32_t) + options_.size() + classifier_.optimizer_bytes());
    out.string(options_);
    classifier_.save_optimizer(out);
    return out.take();
}

Result<void> TrainingState::load(ByteView in) {
    Reader reader(in);
    const std::string options = reader.string(options_bytes_max);
    if (!reader.ok()) {
        return Error{Errc::malformed, "it is of another program"};
    }
    if (options != options_) {
        return Error{Errc::malformed,
                     "it is of a training with " + options + ", and this one has " + options_};
    }
    return classifier_.load_optimizer(in.subspan(sizeof(std::uint32_t) + options.size()));
}

}  // namespace starling
