#include "deploy/host/service_notice.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deploy/log/log_file.hpp"

namespace starling {
namespace {

/// Sends a datagram of lines NAME=VALUE. A service manager that does not listen is no error: the
/// node runs all the same.
void notify(const std::string& text) {
    const char* place = std::getenv("NOTIFY_SOCKET");
    const std::size_t size = place == nullptr ? 0 : std::strlen(place);
    sockaddr_un address{};
    if (size == 0 || size >= sizeof(address.sun_path)) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, place, size);
    if (place[0] == '@') {  // Linux's abstract names
        address.sun_path[0] = '\0';
    }
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0) {
        return;
    }
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    [[maybe_unused]] const ssize_t sent =
        ::sendto(sender, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), length);
    ::close(sender);
}

}  // namespace

void notify_ready(const std::string& status) { notify("READY=1\nSTATUS=" + one_line(status)); }

void notify_status(const std::string& status) { notify("STATUS=" + one_line(status)); }

void notify_stopping() { notify("STOPPING=1\nSTATUS=ends"); }

}  // namespace starling
