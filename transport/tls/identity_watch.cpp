#include "transport/tls/identity_watch.hpp"

#include <utility>

#include "transport/tls/file_stamp.hpp"

namespace starling {

IdentityWatch::IdentityWatch(IdentityFiles files)
    : files_(std::move(files)), last_snapshot_(snapshot()), due_(SwarmTime{interval}) {}

bool IdentityWatch::changed(SwarmTime now) {
    due_ = now + interval;
    std::string current = snapshot();
    return std::exchange(last_snapshot_, std::move(current)) != last_snapshot_;
}

std::string IdentityWatch::snapshot() const {
    return file_stamp(files_.cert) + file_stamp(files_.key) + file_stamp(files_.ca_file) +
           file_stamp(files_.ca_path);
}

Result<TlsContext> reread_identity(const TlsEndpointOptions& options) {
    Result<TlsContext> fresh =
        TlsContext::load_for(*options.identity, options.role, options.reached_as);
    if (fresh && fresh->identity().name != options.name) {
        return Error{Errc::refused, "--cert " + options.identity->cert +
                                        ": the certificate is for '" + fresh->identity().name.name +
                                        "'"};
    }
    return fresh;
}

}  // namespace starling
