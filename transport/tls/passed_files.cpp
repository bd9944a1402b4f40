#include "transport/tls/passed_files.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>

namespace starling {
namespace {

/// Room for the control message, aligned as the kernel expects it.
struct alignas(cmsghdr) Control {
    std::array<char, CMSG_SPACE(passed_files_max * sizeof(int))> bytes{};
};

}  // namespace

ssize_t send_with_files(int socket, ByteView bytes, std::span<const Descriptor> files) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(files.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(files.size() * sizeof(int));
    std::array<int, passed_files_max> numbers{};
    for (std::size_t i = 0; i < files.size(); ++i) {
        numbers.at(i) = files[i].number();
    }
    std::memcpy(CMSG_DATA(header), numbers.data(), files.size() * sizeof(int));
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t receive_with_files(int socket, std::span<std::byte> space, std::vector<Descriptor>& files) {
    iovec part{space.data(), space.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    // Not CMSG_SPACE: into its padding the kernel would put one more descriptor.
    message.msg_controllen = CMSG_LEN(passed_files_max * sizeof(int));
    const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0) {
        return count;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        std::array<int, passed_files_max> numbers{};
        const std::size_t size =
            std::min<std::size_t>(header->cmsg_len - CMSG_LEN(0), passed_files_max * sizeof(int));
        std::memcpy(numbers.data(), CMSG_DATA(header), size);
        for (std::size_t i = 0; i < size / sizeof(int); ++i) {
            files.emplace_back(numbers.at(i));
        }
    }
    return count;
}

}  // namespace starling
