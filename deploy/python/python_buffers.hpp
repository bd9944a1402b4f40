#pragma once

#include <vector>

#include <pybind11/pybind11.h>

#include "core/params/param_layout.hpp"

namespace starling {

/// The memory of arrays, seen by the buffer protocol and held until this object ends; to be made
/// and destroyed with the interpreter's lock.
class PythonBuffers {
public:
    /// SwarmError (program), naming the array: not one for each tensor, or one that is read-only,
    /// not contiguous, or of another type or shape than its tensor.
    PythonBuffers(const std::vector<TensorSpec>& tensors, const pybind11::sequence& arrays);
    PythonBuffers(const PythonBuffers&) = delete;
    PythonBuffers& operator=(const PythonBuffers&) = delete;
    ~PythonBuffers();

    std::vector<std::byte*> blocks() const;

private:
    void release();

    std::vector<Py_buffer> views_;
};

/// From (name, "F32", (rows, columns)) for each tensor. SwarmError: an unknown type.
std::vector<TensorSpec> tensor_specs(const pybind11::sequence& tensors);

}  // namespace starling
