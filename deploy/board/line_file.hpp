#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/trace/trace_text.hpp"
#include "deploy/process/process.hpp"

namespace starling {

/// A text file that grows while its lines are read.
class LineFile {
public:
    /// A longer line is skipped.
    static constexpr std::size_t line_max = 64U << 10U;

    /// Errc::io names the file.
    static Result<LineFile> open(const std::string& path);

    /// The next complete line, without its end. \return false: there is none yet
    bool next(std::string& line);
    /// How much of the file was read.
    std::uint64_t position() const;
    std::uint64_t size() const;
    /// How many lines were skipped since the last call.
    std::uint64_t take_skipped() { return std::exchange(skipped_, 0); }

private:
    LineFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
    bool fill();
    bool replaced();

    std::string path_;
    Descriptor file_;
    std::string buffer_;
    std::size_t at_ = 0;  ///< start of the next line in the buffer
    bool skipping_ = false;
    std::uint64_t skipped_ = 0;
};

}  // namespace starling
