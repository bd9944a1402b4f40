#include "core/node/node.hpp"

namespace starling {

Effect::Effect() = default;
Effect::Effect(const Effect& other) = default;
Effect::Effect(Effect&& other) noexcept = default;
Effect& Effect::operator=(const Effect& other) = default;
Effect& Effect::operator=(Effect&& other) noexcept = default;
Effect::~Effect() = default;

Input::Input() = default;
Input::Input(const Input& other) = default;
Input::Input(Input&& other) noexcept = default;
Input& Input::operator=(const Input& other) = default;
Input& Input::operator=(Input&& other) noexcept = default;
Input::~Input() = default;

int exit_code_of(Errc code) {
    switch (code) {
        case Errc::ok:
            return exit_code::ok;
        case Errc::usage:
            return exit_code::usage;
        case Errc::layout_mismatch:
        case Errc::config_mismatch:
        case Errc::refused:
        case Errc::replaced:
        case Errc::unknown_version:
            return exit_code::refused;
        case Errc::timeout:
        case Errc::aborted:
            return exit_code::aborted;
        case Errc::unreachable:
            return exit_code::peer_lost;
        case Errc::malformed:
        case Errc::too_large:
        case Errc::stale:
        case Errc::not_found:
        case Errc::io:
        case Errc::program:
            return exit_code::failed;
    }
    return exit_code::failed;
}

}  // namespace starling
