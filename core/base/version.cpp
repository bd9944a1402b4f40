#include "core/base/version.hpp"

namespace starling {

std::string_view program_version() { return STARLING_VERSION; }

}  // namespace starling
