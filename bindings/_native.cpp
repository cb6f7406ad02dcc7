// Converts arguments for the native core, and nothing else: every buffer, results included, belongs to the caller.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "attar/codec.h"
#include "attar/engine.h"
#include "attar/feedback.h"
#include "attar/levels.h"

namespace nb = nanobind;
using namespace nb::literals;

template <class T> using vector_of = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T> using matrix_of = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
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

// Levels, tops, logits and skews of a levels payload: what its header says, and all that its encoder needs.
class LevelsModel {
public:
    LevelsModel(const std::vector<std::pair<uint32_t, uint64_t>> &axes, const vector_of<const int8_t> &levels,
                int32_t base, uint32_t tables)
        : model(new attar_levels_model())
    {
        uint64_t first = 0;
        model->base = base;
        model->axes = static_cast<uint32_t>(axes.size());
        model->tables = tables;
        for (size_t a = 0; a < axes.size() && a < ATTAR_LEVELS_AXES_MAX; a++) {
            model->axis[a] = {static_cast<uint32_t>(first), axes[a].first, axes[a].second};
            first += axes[a].first;
        }
        bool fits = axes.size() <= ATTAR_LEVELS_AXES_MAX && first == levels.size() && first <= ATTAR_LEVELS_LENGTH_MAX;
        checked([&] { return fits ? ATTAR_OK : ATTAR_BAD_ARGUMENT; });
        std::copy_n(levels.data(), levels.size(), model->levels);
        checked([&] { return attar_levels_tables(model.get()); });
    }

    uint64_t fit(const matrix_of<const uint64_t> &counts, std::optional<bool> is_open)
    {
        uint64_t bits = 0;
        attar_levels_kind kind = ATTAR_LEVELS_EITHER;
        if (is_open)
            kind = *is_open ? ATTAR_LEVELS_OPEN : ATTAR_LEVELS_CLOSED;
        checked([&] { return attar_levels_fit(model.get(), kind, counts.data(), counts.size(), &bits); });
        return bits;
    }

    void rates(int32_t reach, const matrix_of<float> &bits) const
    {
        checked([&] { return attar_levels_rates(model.get(), reach, bits.data(), bits.size()); });
    }

    size_t header(uint64_t n, const bytes_out &out)
    {
        size_t written = 0;
        checked([&] { return attar_levels_encode_header(model.get(), n, out.data(), out.size(), &written); });
        return written;
    }

    void prepare(unsigned lanes_log2, uint64_t chunk)
    {
        model->lanes_log2 = lanes_log2;
        model->chunk = chunk;
        encoder.reset(new attar_levels_encoder);
        checked([&] { return attar_levels_prepare(encoder.get(), model.get()); });
    }

    size_t encode(const symbols_in &symbols, uint64_t first, const bytes_out &out)
    {
        size_t written = 0;
        checked([&] {
            return encoder ? attar_levels_encode(encoder.get(), symbols.data(), first, symbols.size(), out.data(),
                                                 out.size(), &written)
                           : ATTAR_BAD_ARGUMENT;
        });
        return written;
    }

    void count(const symbols_in &symbols, uint64_t first, const matrix_of<uint64_t> &counts)
    {
        checked([&] {
            return attar_levels_count(model.get(), symbols.data(), first, symbols.size(), counts.data(), counts.size());
        });
    }

    void tables(uint64_t first, const bytes_out &out)
    {
        checked([&] { return attar_levels_table_of(model.get(), first, out.data(), out.size()); });
    }

    void frequencies(const matrix_of<uint16_t> &out)
    {
        for (uint32_t k = 0; k < model->tables && k < out.shape(0); k++)
            for (uint32_t token = 0; token <= 2u * model->top[k] && token < out.shape(1); token++)
                out(k, token) = static_cast<uint16_t>(model->starts[k][token + 1] - model->starts[k][token]);
    }

    const attar_levels_model &get() const { return *model; }

private:
    std::unique_ptr<attar_levels_model> model;
    std::unique_ptr<attar_levels_encoder> encoder;
};

// Bits of each kind of element.
static unsigned element_bits(unsigned element)
{
#define ATTAR_ELEMENT_BITS(code, name, bits) bits,
    static const unsigned widths[] = {ATTAR_ELEMENT_TABLE(ATTAR_ELEMENT_BITS)};
#undef ATTAR_ELEMENT_BITS
    return element < ATTAR_ELEMENT_COUNT ? widths[element] : 8;
}

// Where integers go: `out` holds the elements of a tensor from `from` on.
class Sink {
public:
    Sink(unsigned element, const bytes_out &out, uint64_t from, const vector_of<const float> &scales, uint64_t stride,
         const bytes_in &book, uint32_t origin)
        : out(out), scales(scales), book(book), sink()
    {
        const unsigned bits = element_bits(element);
        sink.element = static_cast<attar_element>(element);
        sink.dst = this->out.data();
        sink.from = from;
        sink.capacity = out.size() * 8 / bits;
        sink.scales = this->scales.data();
        sink.scale_count = static_cast<uint32_t>(scales.size());
        sink.stride = stride;
        sink.book = this->book.data();
        sink.entries = static_cast<uint32_t>(book.size() * 8 / bits);
        sink.origin = origin;
    }

    void write(uint64_t first, const symbols_in &values)
    {
        checked([&] { return attar_sink_write(&sink, first, values.data(), values.size()); });
    }

    const attar_sink *get() const { return &sink; }

private:
    bytes_out out;
    vector_of<const float> scales;
    bytes_in book;
    attar_sink sink;
};

// Keeps the payload alive that it reads.
class LevelsDecoder {
public:
    LevelsDecoder(const bytes_in &payload, uint64_t n) : payload(payload), decoder(new attar_levels_decoder)
    {
        checked([&] { return attar_levels_open(decoder.get(), payload.data(), payload.size(), n); });
    }

    void decode(uint64_t first, uint64_t count, const Sink &sink)
    {
        checked([&] { return attar_levels_decode(decoder.get(), first, count, sink.get()); });
    }

    uint64_t chunk() const { return decoder->model.chunk; }
    uint64_t chunk_count() const { return decoder->chunk_count; }
    uint32_t tables() const { return decoder->model.tables; }

private:
    bytes_in payload;
    std::unique_ptr<attar_levels_decoder> decoder;
};

static void levels_sums(const symbols_in &symbols, uint64_t first, uint64_t stride, const vector_of<uint64_t> &sums)
{
    checked([&] {
        return attar_levels_sums(symbols.data(), first, symbols.size(), stride, static_cast<uint32_t>(sums.size()),
                                 sums.data());
    });
}

static void levels_cost(const matrix_of<const float> &bits, int32_t reach, const bytes_in &tables,
                        const symbols_in &values, const vector_of<float> &costs)
{
    checked([&] {
        if (tables.size() != values.size() || costs.size() != values.size())
            return ATTAR_BAD_ARGUMENT;
        return attar_levels_cost(bits.data(), bits.size(), reach, tables.data(), values.data(), values.size(),
                                 costs.data());
    });
}

using floats_in = matrix_of<const float>;

// One block of columns, transposed; `row_lower`, `from_rows` and `missed` are empty where rows are independent.
static void feedback_round(const floats_in &weights, const matrix_of<float> &targets, const floats_in &lower,
                           const floats_in &row_lower, float step, const matrix_of<int32_t> &integers,
                           const matrix_of<float> &errors, const matrix_of<float> &from_rows,
                           const matrix_of<float> &missed)
{
    const size_t width = weights.shape(0), rows = weights.shape(1);
    const bool coupled = row_lower.size() > 0;
    const auto has = [](const auto &array, size_t first, size_t second) {
        return array.shape(0) == first && array.shape(1) == second;
    };
    checked([&] {
        const bool fits = has(targets, width, rows) && has(integers, width, rows) && has(errors, width, rows) &&
                          has(lower, width, width);
        const bool rows_fit = has(row_lower, rows, rows) && has(from_rows, width, rows) && has(missed, width, rows);
        if (!fits || (coupled && !rows_fit))
            return ATTAR_BAD_ARGUMENT;
        const attar_feedback feedback = {rows, coupled ? row_lower.data() : nullptr, step};
        const attar_feedback_block block = {width, weights.data(), targets.data(), lower.data(), integers.data(),
                                            errors.data(), from_rows.data(), missed.data()};
        return attar_feedback_round(&feedback, &block);
    });
}

// A block aligned to 64 bytes; a large one in large pages where Linux has some, so that thousands of faults become a few.
class Block {
public:
    explicit Block(size_t bytes) : align(std::align_val_t(bytes >= 2 * large_page ? large_page : 64)), data(::operator new(bytes, align))
    {
#ifdef __linux__
        if (bytes >= 2 * large_page)
            madvise(data, bytes / large_page * large_page, MADV_HUGEPAGE); // a wish: nothing is lost where it fails
#endif
    }
    ~Block() { ::operator delete(data, align); }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;
    void *get() const { return data; }

private:
    static constexpr size_t large_page = size_t(1) << 21;
    std::align_val_t align;
    void *data;
};

// The threads of all engines of this process; they live as long as it does. A child of a fork gets its own.
static attar_pool *process_pool()
{
    static attar_pool *const pool = [] {
        static Block memory(attar_pool_bytes()); // never given back: a child of a fork could not wait for its threads
        attar_pool *made = nullptr;
        if (attar_pool_open(memory.get(), &made) != ATTAR_OK)
            throw nb::value_error(attar_status_name(ATTAR_NO_THREADS));
#if defined(__unix__) || defined(__APPLE__)
        pthread_atfork(nullptr, nullptr, [] { attar_pool_forked(process_pool()); });
#endif
        return made;
    }();
    return pool;
}

// What one run works in; its engine lives at least as long.
struct Arena {
    explicit Arena(const attar_program &program) : block(attar_arena_bytes(&program))
    {
        attar_arena_open(&program, block.get());
    }
    Block block;
};

// A program's section, checked, and the engine that runs it. Memory is taken in the constructor and nowhere else.
class Engine {
public:
    Engine(const bytes_in &section, const std::string &most, uint32_t threads, uint64_t most_bytes)
        : section(section), program(), engine(nullptr)
    {
        size_t program_bytes = 0;
        checked([&] { return attar_program_bytes(section.data(), section.size(), &program_bytes); });
        program_block.reset(new Block(program_bytes));
        checked([&] {
            return attar_program_read(section.data(), section.size(), program_block->get(), program_bytes, &program);
        });
        const attar_engine_options options = {isa_named(most), threads, process_pool()};
        checked([&] { return attar_engine_bytes(&program, &options, &bytes); });
        if (bytes > most_bytes || attar_arena_bytes(&program) > most_bytes - bytes)
            throw nb::value_error("memory beyond the limit");
        memory.reset(new Block(bytes));
        checked([&] { return attar_engine_open(&program, &options, memory->get(), bytes, &engine); });
    }

    std::unique_ptr<Arena> arena() const { return std::make_unique<Arena>(program); }

    nb::object wanted(uint32_t number) const
    {
        attar_wanted found;
        checked([&] { return attar_engine_wanted(engine, number, &found); });
        if (found.index == ATTAR_NOTHING)
            return nb::none();
        return nb::make_tuple(found.index, found.is_bias != 0, found.is_wide != 0, found.rows, found.columns, found.scales);
    }

    void load_rows(uint32_t number, uint64_t first, const matrix_of<const int16_t> &rows)
    {
        checked([&] {
            return fits(number, rows.shape(1))
                       ? attar_engine_load_rows(engine, number, first, rows.shape(0), rows.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    void load_rows8(uint32_t number, uint64_t first, const matrix_of<const int8_t> &rows)
    {
        checked([&] {
            return fits(number, rows.shape(1))
                       ? attar_engine_load_rows8(engine, number, first, rows.shape(0), rows.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    void load_floats(uint32_t number, const vector_of<const float> &values)
    {
        checked([&] { return attar_engine_load_floats(engine, number, values.data(), values.size()); });
    }

    void ready()
    {
        checked([&] { return attar_engine_ready(engine); });
    }

    void set_floats(const Arena &arena, uint32_t input, const vector_of<const float> &values) const
    {
        checked([&] {
            return values.size() == elements(program.inputs, program.input_count, input)
                       ? attar_engine_set_floats(engine, arena.block.get(), input, values.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    void set_integers(const Arena &arena, uint32_t input, const symbols_in &values) const
    {
        checked([&] {
            return values.size() == elements(program.inputs, program.input_count, input)
                       ? attar_engine_set_integers(engine, arena.block.get(), input, values.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    void run(const Arena &arena) const
    {
        checked([&] { return attar_engine_run(engine, arena.block.get()); });
    }

    void run_one(const Arena &arena, uint32_t number) const
    {
        checked([&] { return attar_engine_run_one(engine, arena.block.get(), number); });
    }

    void get_floats(const Arena &arena, uint32_t output, const vector_of<float> &values) const
    {
        checked([&] {
            return values.size() == elements(program.outputs, program.output_count, output)
                       ? attar_engine_get_floats(engine, arena.block.get(), output, values.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    void get_integers(const Arena &arena, uint32_t output, const symbols_out &values) const
    {
        checked([&] {
            return values.size() == elements(program.outputs, program.output_count, output)
                       ? attar_engine_get_integers(engine, arena.block.get(), output, values.data())
                       : ATTAR_BAD_ARGUMENT;
        });
    }

    nb::list inputs() const { return ports(program.inputs, program.input_count); }
    nb::list outputs() const { return ports(program.outputs, program.output_count); }

    // (kind, kernels' kind of processor, elements of the output) of every operator.
    nb::list operators() const
    {
        nb::list found;
        for (uint32_t i = 0; i < program.operator_count; i++) {
            const attar_operator &op = program.operators[i];
            found.append(nb::make_tuple(attar_kind_name(op.kind), attar_isa_name(attar_engine_isa(engine, i)),
                                        program.tensors[op.output].elements));
        }
        return found;
    }

    // (bits of accumulators and of weights, 0 where there are none; of what is read and of what is written) of every one.
    nb::list widths() const
    {
        nb::list found;
        for (uint32_t i = 0; i < program.operator_count; i++) {
            const attar_operator &op = program.operators[i];
            nb::list bits;
            for (uint32_t k = 0; k < op.input_count; k++)
                bits.append(program.tensors[op.inputs[k]].bits);
            bits.append(program.tensors[op.output].bits);
            found.append(nb::make_tuple(op.accumulator_bits, op.weight_bits, nb::tuple(bits)));
        }
        return found;
    }

    // (bits, is signed, u of 0.0, scale, extents in memory, place in the arena) of every tensor.
    nb::list tensors() const
    {
        nb::list found;
        for (uint32_t i = 0; i < program.tensor_count; i++) {
            const attar_tensor &tensor = program.tensors[i];
            nb::tuple dims = numbers(tensor.dims, tensor.rank);
            found.append(nb::make_tuple(tensor.bits, tensor.is_signed != 0, tensor.zero, tensor.scale, dims, tensor.offset));
        }
        return found;
    }

    // (kind's number, tensor that it writes, tensors that it reads) of every operator.
    nb::list wiring() const
    {
        nb::list found;
        for (uint32_t i = 0; i < program.operator_count; i++) {
            const attar_operator &op = program.operators[i];
            found.append(nb::make_tuple(static_cast<uint32_t>(op.kind), op.output, numbers(op.inputs, op.input_count)));
        }
        return found;
    }

    // The tensors that come in, and those that go out.
    nb::tuple ends() const
    {
        return nb::make_tuple(port_tensors(program.inputs, program.input_count),
                              port_tensors(program.outputs, program.output_count));
    }

    uint64_t arena_bytes() const { return program.arena_bytes; }
    uint64_t memory_bytes() const { return bytes + attar_arena_bytes(&program); }
    uint32_t constant_count() const { return program.constant_count; }

private:
    static attar_isa isa_named(const std::string &name)
    {
        for (unsigned isa = 0; isa < ATTAR_ISA_COUNT; isa++)
            if (name == attar_isa_name(static_cast<attar_isa>(isa)))
                return static_cast<attar_isa>(isa);
        throw nb::value_error(attar_status_name(ATTAR_BAD_ARGUMENT));
    }

    bool fits(uint32_t number, size_t columns) const
    {
        attar_wanted found;
        return attar_engine_wanted(engine, number, &found) == ATTAR_OK && columns == found.columns;
    }

    size_t elements(const attar_port *ports, uint32_t count, uint32_t number) const
    {
        return number < count ? program.tensors[ports[number].tensor].elements : SIZE_MAX;
    }

    static nb::tuple numbers(const uint32_t *values, uint32_t count)
    {
        nb::list found;
        for (uint32_t i = 0; i < count; i++)
            found.append(values[i]);
        return nb::tuple(found);
    }

    static nb::tuple port_tensors(const attar_port *ports, uint32_t count)
    {
        nb::list found;
        for (uint32_t i = 0; i < count; i++)
            found.append(ports[i].tensor);
        return nb::tuple(found);
    }

    // (name, extents as the network's user counts) of what comes in or goes out.
    nb::list ports(const attar_port *ports, uint32_t count) const
    {
        nb::list found;
        for (uint32_t i = 0; i < count; i++) {
            const attar_tensor &tensor = program.tensors[ports[i].tensor];
            std::vector<uint32_t> shape(tensor.rank);
            for (uint32_t place = 0; place < tensor.rank; place++)
                shape[ports[i].axes[place]] = tensor.dims[place];
            nb::list extents;
            for (uint32_t extent : shape)
                extents.append(extent);
            nb::bytes name(reinterpret_cast<const char *>(ports[i].name), ports[i].name_length);
            found.append(nb::make_tuple(name, nb::tuple(extents)));
        }
        return found;
    }

    bytes_in section;
    std::unique_ptr<Block> program_block;
    std::unique_ptr<Block> memory;
    uint64_t bytes = 0;
    attar_program program;
    attar_engine *engine;
};

static nb::list isa_names()
{
    nb::list names;
    for (unsigned isa = 0; isa <= static_cast<unsigned>(attar_isa_best()); isa++)
        names.append(attar_isa_name(static_cast<attar_isa>(isa)));
    return names;
}

static nb::list element_names()
{
    nb::list names;
#define ATTAR_ELEMENT_NAME(code, name, bits) names.append(name);
    ATTAR_ELEMENT_TABLE(ATTAR_ELEMENT_NAME)
#undef ATTAR_ELEMENT_NAME
    return names;
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
    m.attr("ELEMENTS") = element_names();
    m.def("levels_sums", &levels_sums, "symbols"_a, "first"_a, "stride"_a, "sums"_a.noconvert());
    m.def("levels_cost", &levels_cost, "bits"_a, "reach"_a, "tables"_a, "values"_a, "costs"_a.noconvert());
    m.def("feedback_round", &feedback_round, "weights"_a, "targets"_a.noconvert(), "lower"_a, "row_lower"_a, "step"_a,
          "integers"_a.noconvert(), "errors"_a.noconvert(), "from_rows"_a.noconvert(), "missed"_a.noconvert());
    nb::class_<Sink>(m, "Sink")
        .def(nb::init<unsigned, const bytes_out &, uint64_t, const vector_of<const float> &, uint64_t,
                      const bytes_in &, uint32_t>(),
             "element"_a, "out"_a.noconvert(), "start"_a, "scales"_a, "stride"_a, "book"_a, "origin"_a)
        .def("write", &Sink::write, "first"_a, "values"_a);
    nb::class_<LevelsModel>(m, "LevelsModel")
        .def(nb::init<const std::vector<std::pair<uint32_t, uint64_t>> &, const vector_of<const int8_t> &, int32_t,
                      uint32_t>(),
             "axes"_a, "levels"_a, "base"_a, "tables"_a)
        .def("fit", &LevelsModel::fit, "counts"_a, "is_open"_a = nb::none())
        .def("rates", &LevelsModel::rates, "reach"_a, "bits"_a.noconvert())
        .def("header", &LevelsModel::header, "n"_a, "out"_a.noconvert())
        .def("prepare", &LevelsModel::prepare, "lanes_log2"_a, "chunk"_a)
        .def("encode", &LevelsModel::encode, "symbols"_a, "first"_a, "out"_a.noconvert())
        .def("count", &LevelsModel::count, "symbols"_a, "first"_a, "counts"_a.noconvert())
        .def("tables", &LevelsModel::tables, "first"_a, "out"_a.noconvert())
        .def("frequencies", &LevelsModel::frequencies, "out"_a.noconvert());
    m.def("isas", &isa_names);
    nb::class_<Arena>(m, "Arena");
    nb::class_<Engine>(m, "Engine")
        .def(nb::init<const bytes_in &, const std::string &, uint32_t, uint64_t>(), "section"_a, "most"_a, "threads"_a,
             "most_bytes"_a)
        .def("wanted", &Engine::wanted, "number"_a)
        .def("load_rows", &Engine::load_rows, "number"_a, "first"_a, "rows"_a.noconvert())
        .def("load_rows8", &Engine::load_rows8, "number"_a, "first"_a, "rows"_a.noconvert())
        .def("load_floats", &Engine::load_floats, "number"_a, "values"_a.noconvert())
        .def("ready", &Engine::ready)
        .def("arena", &Engine::arena, nb::keep_alive<0, 1>())
        .def("set_floats", &Engine::set_floats, "arena"_a, "input"_a, "values"_a.noconvert())
        .def("set_integers", &Engine::set_integers, "arena"_a, "input"_a, "values"_a.noconvert())
        .def("run", &Engine::run, "arena"_a)
        .def("run_one", &Engine::run_one, "arena"_a, "number"_a)
        .def("get_floats", &Engine::get_floats, "arena"_a, "output"_a, "values"_a.noconvert())
        .def("get_integers", &Engine::get_integers, "arena"_a, "output"_a, "values"_a.noconvert())
        .def_prop_ro("inputs", &Engine::inputs)
        .def_prop_ro("outputs", &Engine::outputs)
        .def_prop_ro("operators", &Engine::operators)
        .def_prop_ro("widths", &Engine::widths)
        .def_prop_ro("tensors", &Engine::tensors)
        .def_prop_ro("wiring", &Engine::wiring)
        .def_prop_ro("ends", &Engine::ends)
        .def_prop_ro("arena_bytes", &Engine::arena_bytes)
        .def_prop_ro("memory_bytes", &Engine::memory_bytes)
        .def_prop_ro("constant_count", &Engine::constant_count);
    nb::class_<LevelsDecoder>(m, "LevelsDecoder")
        .def(nb::init<const bytes_in &, uint64_t>(), "payload"_a, "n"_a)
        .def("decode", &LevelsDecoder::decode, "first"_a, "count"_a, "sink"_a)
        .def_prop_ro("chunk", &LevelsDecoder::chunk)
        .def_prop_ro("chunk_count", &LevelsDecoder::chunk_count)
        .def_prop_ro("tables", &LevelsDecoder::tables);
}
