#include "arith.h"
#include "levels_values.h"

enum { FLAG_LANES = 2, FLAG_SKEWED = 5, FLAG_CHUNKED = 6, FLAG_PRECISION = 5, FLAG_OPEN = 7 };

static attar_status read_flags(attar_bytes *in, attar_levels_model *model, int *is_chunked)
{
    uint32_t flags;
    uint32_t tables;
    attar_status status = attar_read_u8(in, &flags);
    if (status == ATTAR_OK)
        status = attar_read_u8(in, &tables);
    if (status != ATTAR_OK)
        return status;
    model->axes = flags & 3u;
    model->lanes_log2 = flags >> FLAG_LANES & 7u;
    model->is_skewed = (int)(flags >> FLAG_SKEWED & 1u);
    *is_chunked = (int)(flags >> FLAG_CHUNKED & 1u);
    model->tables = (tables & 31u) + 1u;
    model->precision = tables >> FLAG_PRECISION & 3u;
    model->is_open = (int)(tables >> FLAG_OPEN);
    return flags >> 7 != 0 || model->lanes_log2 > ATTAR_LEVELS_LANES_LOG2_MAX ? ATTAR_BAD_HEADER : ATTAR_OK;
}

static attar_status read_axes(attar_bytes *in, attar_levels_model *model, uint64_t n)
{
    uint32_t first = 0;
    for (uint32_t a = 0; a < model->axes; a++) {
        uint64_t length;
        uint64_t stride;
        attar_status status = attar_read_varint(in, &length);
        if (status == ATTAR_OK)
            status = attar_read_varint(in, &stride);
        if (status != ATTAR_OK)
            return status;
        if (length < 1 || length > ATTAR_LEVELS_LENGTH_MAX - first || stride < 1 || stride > n)
            return ATTAR_BAD_HEADER;
        attar_level_axis axis = {first, (uint32_t)length, stride};
        model->axis[a] = axis;
        first += (uint32_t)length;
    }
    return ATTAR_OK;
}

/* Whole registers of elements, and whole bytes of int4, lie in a chunk. */
static attar_status read_chunk(attar_bytes *in, attar_levels_model *model, int is_chunked, uint64_t n)
{
    model->chunk = n;
    if (!is_chunked)
        return ATTAR_OK;
    attar_status status = attar_read_varint(in, &model->chunk);
    if (status != ATTAR_OK)
        return status;
    return model->chunk >= 64 && model->chunk % 64 == 0 && model->chunk < n ? ATTAR_OK : ATTAR_BAD_HEADER;
}

static attar_status take(attar_bytes *in, uint64_t size, attar_bytes *part)
{
    if (size > attar_bytes_left(in))
        return ATTAR_TRUNCATED;
    part->at = in->at;
    in->at += size;
    part->end = in->at;
    return ATTAR_OK;
}

static attar_status read_side(attar_bytes *in, attar_levels_model *model)
{
    uint64_t size;
    attar_bytes side;
    attar_status status = attar_read_varint(in, &size);
    if (status == ATTAR_OK)
        status = take(in, size, &side);
    if (status != ATTAR_OK)
        return status;
    attar_arith coder;
    attar_arith_read(&coder, side);
    status = attar_levels_side(&coder, model);
    return status == ATTAR_OK ? attar_arith_finish_reading(&coder) : status;
}

/* The sizes of all chunks but the last; each has at least the states of its lanes. */
static attar_status read_sizes(attar_bytes *in, attar_levels_decoder *decoder)
{
    uint64_t total = 0;
    decoder->sizes = in->at;
    for (uint64_t i = 0; i + 1 < decoder->chunk_count; i++) {
        uint64_t size;
        attar_status status = attar_read_varint(in, &size);
        if (status != ATTAR_OK)
            return status;
        if (size > (uint64_t)(in->end - decoder->sizes) - total)
            return ATTAR_TRUNCATED;
        total += size;
    }
    decoder->chunks = in->at;
    decoder->end = in->end;
    return total <= attar_bytes_left(in) ? ATTAR_OK : ATTAR_TRUNCATED;
}

static void fill_slots(attar_levels_decoder *decoder)
{
    const attar_levels_model *model = &decoder->model;
    for (uint32_t k = 0; k < model->tables; k++) {
        attar_levels_slot *slots = decoder->slots + (size_t)k * ATTAR_LEVELS_SLOTS;
        const uint32_t top = 2u * model->top[k];
        for (uint32_t token = 0; token <= top; token++) {
            const uint32_t start = model->starts[k][token];
            const uint32_t frequency = model->starts[k][token + 1] - start;
            const int is_escape = model->is_open && token > 0 && token + 1 >= top;
            const uint32_t name = is_escape ? ATTAR_LEVELS_ESCAPE + token + 1 - top : token;
            for (uint32_t i = 0; i < frequency; i++)
                slots[start + i] = name | (frequency - 1) << 8 | i << 20;
        }
    }
}

attar_status attar_levels_open(attar_levels_decoder *decoder, const uint8_t *src, size_t src_size, uint64_t n)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    attar_levels_model *model = &decoder->model;
    int is_chunked = 0;
    for (size_t i = 0; i < sizeof *model; i++) /* numbers are told as differences to what is there */
        ((uint8_t *)model)[i] = 0;
    attar_status status = n >= 1 ? read_flags(&in, model, &is_chunked) : ATTAR_BAD_ARGUMENT;
    if (status == ATTAR_OK)
        status = read_axes(&in, model, n);
    if (status == ATTAR_OK)
        status = read_chunk(&in, model, is_chunked, n);
    if (status == ATTAR_OK)
        status = read_side(&in, model);
    if (status == ATTAR_OK)
        status = attar_levels_tables(model);
    if (status != ATTAR_OK)
        return status;
    decoder->n = n;
    decoder->chunk_count = (n - 1) / model->chunk + 1;
    status = read_sizes(&in, decoder);
    if (status == ATTAR_OK) {
        fill_slots(decoder);
        attar_levels_codes(decoder->codes);
    }
    return status;
}

/* One chunk on its way: its lanes, and the bits that its larger magnitudes take beside their class. */
typedef struct chunk_reader {
    const attar_levels_decoder *decoder;
    attar_tokens_turns *best;
    attar_lanes lanes;
    attar_bit_reader extra;
    int has_extra;
} chunk_reader;

static attar_status read_states(attar_lanes *lanes, unsigned lanes_log2)
{
    const size_t count = (size_t)1 << lanes_log2;
    if (attar_bytes_left(&lanes->words) < 4 * count)
        return ATTAR_TRUNCATED;
    for (size_t lane = 0; lane < count; lane++, lanes->words.at += 4) {
        lanes->states[lane] = attar_load32(lanes->words.at);
        if (lanes->states[lane] < LEVELS_STATE_LOW)
            return ATTAR_BAD_STATE;
    }
    return ATTAR_OK;
}

static attar_status start_chunk(chunk_reader *reader, attar_bytes chunk)
{
    uint64_t extra = 0;
    const attar_levels_model *model = &reader->decoder->model;
    reader->has_extra = attar_levels_has_extra(model);
    attar_status status = reader->has_extra ? attar_read_varint(&chunk, &extra) : ATTAR_OK;
    if (status != ATTAR_OK)
        return status;
    if (extra > attar_bytes_left(&chunk))
        return ATTAR_TRUNCATED;
    attar_bytes bits = {chunk.end - extra, chunk.end};
    chunk.end = bits.at;
    reader->extra = attar_bit_reader_of(bits);
    reader->lanes.words = chunk;
    reader->best = attar_tokens_turns_best(model->lanes_log2);
    return read_states(&reader->lanes, model->lanes_log2);
}

/* One element after the other, each word looked at before it is taken. */
static attar_status last_tokens(chunk_reader *reader, const uint8_t *tables, uint8_t *tokens, size_t from, size_t n)
{
    const size_t mask = ((size_t)1 << reader->decoder->model.lanes_log2) - 1u;
    attar_bytes *words = &reader->lanes.words;
    for (size_t i = from; i < n; i++) {
        uint32_t x = reader->lanes.states[i & mask];
        attar_levels_slot slot = reader->decoder->slots[(uint32_t)tables[i] << ATTAR_LEVELS_TOTAL_LOG2 |
                                                        (x & (ATTAR_LEVELS_SLOTS - 1u))];
        tokens[i] = (uint8_t)(slot & 255u);
        x = ((slot >> 8 & 4095u) + 1u) * (x >> ATTAR_LEVELS_TOTAL_LOG2) + (slot >> 20);
        if (x < LEVELS_STATE_LOW) {
            if (attar_bytes_left(words) < 2)
                return ATTAR_TRUNCATED;
            x = x << 16 | attar_load16(words->at);
            words->at += 2;
        }
        reader->lanes.states[i & mask] = x;
    }
    return ATTAR_OK;
}

static attar_status block_tokens(chunk_reader *reader, const uint8_t *tables, uint8_t *tokens, size_t n)
{
    const unsigned lanes_log2 = reader->decoder->model.lanes_log2;
    const attar_levels_slot *slots = reader->decoder->slots;
    size_t done = reader->best(&reader->lanes, lanes_log2, slots, tables, tokens, n);
    done += attar_tokens_turns_portable(&reader->lanes, lanes_log2, slots, tables + done, tokens + done, n - done);
    return last_tokens(reader, tables, tokens, done, n);
}

static attar_status decode_block(chunk_reader *reader, uint64_t first, size_t n, const attar_sink *sink)
{
    uint8_t tables[LEVELS_BLOCK];
    uint8_t tokens[LEVELS_BLOCK];
    int32_t values[LEVELS_BLOCK];
    attar_levels_block(&reader->decoder->model, first, tables, n);
    attar_status status = block_tokens(reader, tables, tokens, n);
    if (status != ATTAR_OK)
        return status;
    if (reader->has_extra)
        status = attar_levels_values(&reader->extra, reader->decoder, tables, tokens, values, n);
    else
        attar_levels_small_values(tokens, values, n);
    return status == ATTAR_OK ? attar_sink_write(sink, first, values, n) : status;
}

static attar_status finish_chunk(const chunk_reader *reader)
{
    const size_t count = (size_t)1 << reader->decoder->model.lanes_log2;
    if (reader->lanes.words.at != reader->lanes.words.end)
        return ATTAR_TRAILING_DATA;
    for (size_t lane = 0; lane < count; lane++)
        if (reader->lanes.states[lane] != LEVELS_STATE_LOW)
            return ATTAR_BAD_STATE;
    return attar_bits_finish(&reader->extra, NULL);
}

static attar_status decode_chunk(const attar_levels_decoder *decoder, attar_bytes chunk, uint64_t index,
                                 const attar_sink *sink)
{
    chunk_reader reader;
    const uint64_t size = decoder->model.chunk;
    uint64_t first = index * size;
    const uint64_t end = decoder->n - first < size ? decoder->n : first + size;
    reader.decoder = decoder;
    attar_status status = start_chunk(&reader, chunk);
    while (status == ATTAR_OK && first < end) {
        size_t n = end - first < LEVELS_BLOCK ? (size_t)(end - first) : LEVELS_BLOCK;
        status = decode_block(&reader, first, n, sink);
        first += n;
    }
    return status == ATTAR_OK ? finish_chunk(&reader) : status;
}

attar_status attar_levels_decode(const attar_levels_decoder *decoder, uint64_t first, uint64_t count,
                                 const attar_sink *sink)
{
    attar_bytes sizes = {decoder->sizes, decoder->chunks};
    attar_bytes chunks = {decoder->chunks, decoder->end};
    if (first > decoder->chunk_count || count > decoder->chunk_count - first)
        return ATTAR_BAD_ARGUMENT;
    for (uint64_t i = 0; i < first + count; i++) {
        attar_bytes chunk = chunks;
        uint64_t size = attar_bytes_left(&chunks);
        attar_status status = i + 1 < decoder->chunk_count ? attar_read_varint(&sizes, &size) : ATTAR_OK;
        if (status == ATTAR_OK)
            status = take(&chunks, size, &chunk);
        if (status == ATTAR_OK && i >= first)
            status = decode_chunk(decoder, chunk, i, sink);
        if (status != ATTAR_OK)
            return status;
    }
    return ATTAR_OK;
}
