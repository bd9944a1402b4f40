#include "deploy/python/python_buffers.hpp"

#include <cstring>
#include <string>

#include <pybind11/stl.h>

#include "core/ml/swarm.hpp"

namespace py = pybind11;

namespace starling {
namespace {

[[noreturn]] void refuse_array(const TensorSpec& tensor, const std::string& what) {
    throw SwarmError(Error{Errc::program, "SwarmCallback: array '" + tensor.name + "' " + what});
}

/// The type of a buffer's elements, by its format (module struct of Python).
std::string format_dtype(const Py_buffer& view) {
    std::string format = view.format == nullptr ? "B" : view.format;
    if (format.size() == 2 && (format[0] == '<' || format[0] == '=' || format[0] == '@')) {
        format.erase(0, 1);
    }
    const std::string size = std::to_string(view.itemsize * 8);
    switch (format.size() == 1 ? format[0] : '\0') {
        case 'f':
        case 'd':
        case 'e':
            return "F" + size;
        case 'b':
        case 'h':
        case 'i':
        case 'l':
        case 'q':
            return "I" + size;
        case 'B':
        case '?':
            return "U" + size;  // bool as one byte
        default:
            return "of type '" + format + "'";
    }
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const std::int64_t size : shape) {
        text += (text.empty() ? "" : " x ") + std::to_string(size);
    }
    return text.empty() ? "a scalar" : text;
}

void check_view(const TensorSpec& tensor, const Py_buffer& view) {
    if (PyBuffer_IsContiguous(&view, 'C') == 0) {
        refuse_array(tensor,
                     "is not contiguous (row-major), so the merged parameters can't be written "
                     "into it: give numpy.ascontiguousarray(...) of it");
    }
    if (view.readonly != 0) {
        refuse_array(tensor, "is read-only, so the merged parameters can't be written into it");
    }
    // Python has no format for bfloat16: its bits come as 16-bit integers.
    const std::string own =
        tensor.dtype == DType::bf16 ? "I16" : std::string(to_string(tensor.dtype));
    if (const std::string given = format_dtype(view); given != own) {
        refuse_array(tensor, "is " + given + ", but the swarm session was opened with " + own +
                                 ": types can't change during a training");
    }
    const std::vector<std::int64_t> shape(view.shape, view.shape + view.ndim);
    if (shape != tensor.shape) {
        refuse_array(tensor, "has the shape " + shape_text(shape) +
                                 ", but the swarm session was opened with " +
                                 shape_text(tensor.shape) +
                                 ": shapes can't change during a training");
    }
}

}  // namespace

PythonBuffers::PythonBuffers(const std::vector<TensorSpec>& tensors, const py::sequence& arrays) {
    if (arrays.size() != tensors.size()) {
        throw SwarmError(
            Error{Errc::program, "SwarmCallback: the model has " + std::to_string(arrays.size()) +
                                     " arrays now, but the swarm session was opened with " +
                                     std::to_string(tensors.size())});
    }
    views_.reserve(tensors.size());
    try {
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const py::object array = arrays[i];
            Py_buffer view;
            if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_FULL_RO) != 0) {
                PyErr_Clear();
                refuse_array(tensors[i], "has no memory to look into (buffer protocol)");
            }
            views_.push_back(view);
            check_view(tensors[i], view);
        }
    } catch (...) {
        release();  // an object whose constructor throws has no destructor
        throw;
    }
}

PythonBuffers::~PythonBuffers() { release(); }

void PythonBuffers::release() {
    for (Py_buffer& view : views_) {
        PyBuffer_Release(&view);
    }
}

std::vector<std::byte*> PythonBuffers::blocks() const {
    std::vector<std::byte*> blocks;
    for (const Py_buffer& view : views_) {
        blocks.push_back(static_cast<std::byte*>(view.buf));
    }
    return blocks;
}

std::vector<TensorSpec> tensor_specs(const py::sequence& tensors) {
    std::vector<TensorSpec> specs;
    for (const py::handle& item : tensors) {
        const auto [name, dtype, shape] =
            item.cast<std::tuple<std::string, std::string, std::vector<std::int64_t>>>();
        const Result<DType> parsed = parse_dtype(dtype);
        if (!parsed) {
            throw SwarmError(Error{Errc::program, "SwarmCallback: array '" + name + "' is " +
                                                      dtype + ", a type that can't be merged"});
        }
        specs.push_back({name, *parsed, shape});
    }
    return specs;
}

}  // namespace starling
