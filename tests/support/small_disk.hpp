#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <sched.h>
#include <sys/mount.h>

namespace starling::test {

/// A tmpfs for one test, visible to this process and its children only. Needs root.
class SmallDisk {
public:
    /// \param at  an empty directory.
    SmallDisk(std::filesystem::path at, const std::string& size) : at_(std::move(at)) {
        std::filesystem::create_directories(at_);
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", at_.c_str(), "tmpfs", 0, ("mode=0700,size=" + size).c_str()) != 0) {
            reason_ = std::strerror(errno);
        }
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (reason_.empty()) {
            ::umount2(at_.c_str(), MNT_DETACH);
        }
    }

    /// Why it could not be mounted; empty if it was.
    const std::string& reason() const { return reason_; }
    /// Fills the disk completely, until empty().
    void fill() const {
        std::ofstream file(at_ / "filler", std::ios::binary);
        const std::string page(4096, 'x');
        while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
        }
    }
    void empty() const { std::filesystem::remove(at_ / "filler"); }
    bool set_read_only(bool read_only) const {
        return ::mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT | (read_only ? MS_RDONLY : 0),
                       nullptr) == 0;
    }

private:
    std::filesystem::path at_;
    std::string reason_;
};

}  // namespace starling::test
