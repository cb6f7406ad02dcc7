// Converts arguments for the native core, and nothing else: every buffer, results included, belongs to the caller.
#include <cstddef>
#include <cstdint>
#include <memory>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "attar/codec.h"

namespace nb = nanobind;
using namespace nb::literals;

template <class T> using vector_of = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using bytes_in = vector_of<const uint8_t>;
using symbols_in = vector_of<const int32_t>;
using bytes_out = vector_of<uint8_t>;
using symbols_out = vector_of<int32_t>;

// One scratch per thread: they are up to 256 KiB, too much to allocate anew for every small tensor.
template <class Scratch> static Scratch *scratch()
{
    static thread_local std::unique_ptr<Scratch> kept(new Scratch);
    return kept.get();
}

// Runs without the GIL; a status other than ok becomes a ValueError with its name.
template <class Call> static void checked(Call call)
{
    attar_status status;
    {
        nb::gil_scoped_release release;
        status = call();
    }
    if (status != ATTAR_OK)
        throw nb::value_error(attar_status_name(status));
}

static void packed_decode(const bytes_in &src, const symbols_out &out)
{
    checked([&] { return attar_packed_decode(src.data(), src.size(), out.data(), out.size()); });
}

static void relative_decode(const bytes_in &src, const symbols_out &out)
{
    checked([&] {
        return attar_relative_decode(src.data(), src.size(), out.data(), out.size(),
                                     scratch<attar_relative_scratch>());
    });
}

static void rans_decode(const bytes_in &src, const symbols_out &out)
{
    checked([&] {
        return attar_rans_decode(src.data(), src.size(), out.data(), out.size(), scratch<attar_rans_scratch>());
    });
}

static size_t packed_encode(const symbols_in &symbols, int32_t low, unsigned width, const bytes_out &out)
{
    size_t written = 0;
    checked([&] {
        return attar_packed_encode(symbols.data(), symbols.size(), low, width, out.data(), out.size(), &written);
    });
    return written;
}

static size_t relative_encode(const symbols_in &symbols, uint32_t bound, int32_t value_low,
                              const bytes_in &value_lengths, int32_t gap_low, const bytes_in &gap_lengths,
                              const bytes_out &out)
{
    size_t written = 0;
    attar_code_lengths values = {value_low, static_cast<uint32_t>(value_lengths.size()), value_lengths.data()};
    attar_code_lengths gaps = {gap_low, static_cast<uint32_t>(gap_lengths.size()), gap_lengths.data()};
    checked([&] {
        return attar_relative_encode(symbols.data(), symbols.size(), bound, &values, &gaps, out.data(), out.size(),
                                     &written, scratch<attar_relative_encode_scratch>());
    });
    return written;
}

static size_t rans_encode(const symbols_in &symbols, int32_t low, const vector_of<const uint16_t> &frequencies,
                          unsigned total_log2, unsigned lanes_log2, const bytes_out &out)
{
    size_t written = 0;
    attar_rans_model model = {low, static_cast<uint32_t>(frequencies.size()), frequencies.data(), total_log2,
                              lanes_log2};
    checked([&] {
        return attar_rans_encode(symbols.data(), symbols.size(), &model, out.data(), out.size(), &written,
                                 scratch<attar_rans_encode_scratch>());
    });
    return written;
}

static size_t floats_encode(const bytes_in &src, unsigned itemsize, unsigned turn, const bytes_out &planes,
                            const bytes_out &out)
{
    size_t written = 0;
    checked([&] {
        if (itemsize == 0 || src.size() % itemsize != 0)
            return ATTAR_BAD_ARGUMENT;
        return attar_floats_encode(src.data(), src.size() / itemsize, itemsize, turn, out.data(), out.size(),
                                   &written, planes.data(), planes.size(), scratch<attar_floats_encode_scratch>());
    });
    return written;
}

static void floats_decode(const bytes_in &src, unsigned itemsize, unsigned turn, const bytes_out &planes,
                          const bytes_out &out)
{
    checked([&] {
        if (itemsize == 0 || out.size() % itemsize != 0)
            return ATTAR_BAD_ARGUMENT;
        return attar_floats_decode(src.data(), src.size(), out.data(), out.size() / itemsize, itemsize, turn,
                                   planes.data(), planes.size(), scratch<attar_floats_scratch>());
    });
}

static nb::tuple symbol_range(const symbols_in &symbols)
{
    int32_t low = 0;
    int32_t high = 0;
    checked([&] { return attar_symbol_range(symbols.data(), symbols.size(), &low, &high); });
    return nb::make_tuple(low, high);
}

static void histogram(const symbols_in &symbols, int32_t low, const vector_of<uint64_t> &out)
{
    checked([&] { return attar_histogram(symbols.data(), symbols.size(), low, out.data(), out.size()); });
}

static void huffman_lengths(const vector_of<const uint64_t> &counts, const bytes_out &out)
{
    checked([&] {
        if (counts.size() != out.size())
            return ATTAR_BAD_ARGUMENT;
        return attar_huffman_lengths(counts.data(), counts.size(), out.data(), scratch<attar_lengths_scratch>());
    });
}

NB_MODULE(_native, m)
{
    m.doc() = "The native core of attar; ValueError carries the name of a status.";
    m.def("packed_decode", &packed_decode, "payload"_a, "out"_a.noconvert());
    m.def("relative_decode", &relative_decode, "payload"_a, "out"_a.noconvert());
    m.def("rans_decode", &rans_decode, "payload"_a, "out"_a.noconvert());
    m.def("packed_encode", &packed_encode, "symbols"_a, "low"_a, "width"_a, "out"_a.noconvert());
    m.def("relative_encode", &relative_encode, "symbols"_a, "bound"_a, "value_low"_a, "value_lengths"_a, "gap_low"_a,
          "gap_lengths"_a, "out"_a.noconvert());
    m.def("rans_encode", &rans_encode, "symbols"_a, "low"_a, "frequencies"_a, "total_log2"_a, "lanes_log2"_a,
          "out"_a.noconvert());
    m.def("floats_bound", &attar_floats_bound, "n"_a, "itemsize"_a);
    m.def("floats_encode", &floats_encode, "elements"_a, "itemsize"_a, "turn"_a, "planes"_a.noconvert(),
          "out"_a.noconvert());
    m.def("floats_decode", &floats_decode, "payload"_a, "itemsize"_a, "turn"_a, "planes"_a.noconvert(),
          "out"_a.noconvert());
    m.def("symbol_range", &symbol_range, "symbols"_a);
    m.def("histogram", &histogram, "symbols"_a, "low"_a, "out"_a.noconvert());
    m.def("huffman_lengths", &huffman_lengths, "counts"_a, "out"_a.noconvert());
}
