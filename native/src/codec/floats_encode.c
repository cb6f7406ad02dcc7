/* One chunk of elements to a floats payload: each plane in the coder that takes the fewest bytes, and time no more than
 * it is worth. */
#include "bits.h"
#include "floats.h"

enum {
    FEW = 4096,              /* planes of fewer symbols have every total tried */
    LANES_8_FROM = 1 << 14,  /* lanes cost three bytes each, and pay where decoding takes time */
    LANES_64_FROM = 1 << 16,
    LARGE = 1 << 16,         /* planes from here on are not worth a search: a sample tells whether they are random, */
    WORTHWHILE = 64,         /* and rANS has to save this part of them, an eighth of a bit per symbol */
    HEADER_MAX = 512,
    LENGTH_MAX = 3           /* bytes of the varint of a payload's length, as a plane has at most 2^20 bytes */
};

typedef struct rans_plan {
    attar_byte_table table;
    unsigned lanes_log2;
    uint8_t header[HEADER_MAX];
    size_t header_size;
} rans_plan;

typedef struct plane {
    const uint8_t *symbols;
    size_t n;
    const uint32_t *counts;
} plane;

static unsigned lanes_log2_of(size_t n)
{
    return n >= LANES_64_FROM ? 6 : n >= LANES_8_FROM ? 3 : 0;
}

/* Bytes of a payload under its plan, to within a few: a lane's last state carries a byte of its symbols. */
static size_t estimated_size(const rans_plan *plan)
{
    return plan->header_size + (size_t)(plan->table.code_bits / 8) + ((size_t)3 << plan->lanes_log2);
}

static size_t try_total(rans_plan *plan, const plane *of, unsigned total_log2)
{
    attar_table_fit(&plan->table, of->counts, of->n, total_log2);
    if (attar_table_write(&plan->table, plan->lanes_log2, plan->header, HEADER_MAX, &plan->header_size) != ATTAR_OK)
        return SIZE_MAX;
    return estimated_size(plan);
}

/* The plan of least size in *plan, whose table has its range. */
static size_t make_plan(rans_plan *plan, const plane *of)
{
    unsigned best = ATTAR_FLOATS_RANS_LOG2_MAX;
    size_t least = SIZE_MAX;
    plan->lanes_log2 = lanes_log2_of(of->n);
    for (unsigned log2 = ATTAR_RANS_LOG2_MIN; of->n < FEW && log2 < ATTAR_FLOATS_RANS_LOG2_MAX; log2++) {
        size_t size = try_total(plan, of, log2);
        if (size < least) {
            least = size;
            best = log2;
        }
    }
    size_t last = try_total(plan, of, ATTAR_FLOATS_RANS_LOG2_MAX);
    return last <= least ? last : try_total(plan, of, best);
}

static size_t coded_size(size_t payload_size)
{
    return 1 + attar_varint_size(payload_size) + payload_size;
}

static uint8_t *put_start(uint8_t *at, uint8_t coder, size_t payload_size)
{
    *at = coder;
    return at + 1 + attar_put_varint(at + 1, payload_size);
}

/* `to` is not behind `from`, so that copying upwards is safe where they overlap. */
static uint8_t *move_down(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
    return to + size;
}

/* Zero, and nothing put, unless the plane takes less than `limit` bytes. */
static int put_rans(uint8_t **at, const plane *of, const rans_plan *plan, size_t limit,
                    attar_floats_encode_scratch *scratch)
{
    if (limit <= plan->header_size)
        return 0;
    uint8_t *room = *at + 1 + LENGTH_MAX + plan->header_size;
    uint8_t *end = room + (limit - plan->header_size);
    uint8_t *body;
    if (attar_bytes_rans_encode(of->symbols, of->n, &plan->table, plan->lanes_log2, room, limit - plan->header_size,
                                &body, scratch) != ATTAR_OK)
        return 0;
    size_t size = plan->header_size + (size_t)(end - body);
    if (coded_size(size) >= limit)
        return 0;
    uint8_t *to = put_start(*at, ATTAR_PLANE_RANS, size);
    to = move_down(to, plan->header, plan->header_size);
    *at = move_down(to, body, (size_t)(end - body));
    return 1;
}

static unsigned width_of(unsigned size)
{
    unsigned width = 0;
    while ((size - 1) >> width != 0)
        width++;
    return width;
}

static size_t packed_size(const attar_byte_table *table, size_t n)
{
    return attar_varint_size(2 * (size_t)table->low) + 1 + (n * width_of(table->size) + 7) / 8;
}

static attar_status put_packed(uint8_t **at, const plane *of, const attar_byte_table *table)
{
    size_t size = packed_size(table, of->n);
    size_t written;
    uint8_t *to = put_start(*at, ATTAR_PLANE_PACKED, size);
    *at = to + size;
    return attar_bytes_packed_encode(of->symbols, of->n, table->low, width_of(table->size), to, size, &written);
}

static void copy(uint8_t *restrict to, const uint8_t *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
}

static void put_raw(uint8_t **at, const uint8_t *symbols, size_t n)
{
    **at = ATTAR_PLANE_RAW;
    copy(*at + 1, symbols, n);
    *at += 1 + n;
}

/* A sample's code is a little short for its own symbols, so that this errs by looking again at the whole plane. */
static int looks_random(const uint8_t *symbols, size_t n, attar_floats_encode_scratch *scratch)
{
    attar_byte_table table;
    size_t sampled = attar_bytes_sample(symbols, n, scratch->counts);
    attar_table_range(&table, scratch->counts);
    attar_table_fit(&table, scratch->counts, sampled, ATTAR_FLOATS_RANS_LOG2_MAX);
    return table.code_bits >= 8 * (uint64_t)(sampled - sampled / WORTHWHILE);
}

static attar_status put_plane(uint8_t **at, const uint8_t *symbols, size_t n, attar_floats_encode_scratch *scratch)
{
    const plane of = {symbols, n, scratch->counts};
    rans_plan plan;
    if (n >= LARGE && looks_random(symbols, n, scratch)) {
        put_raw(at, symbols, n);
        return ATTAR_OK;
    }
    attar_bytes_count(symbols, n, scratch->counts);
    attar_table_range(&plan.table, of.counts);
    size_t packed = coded_size(packed_size(&plan.table, n));
    size_t plain = packed < 1 + n ? packed : 1 + n;
    if (plan.table.size > 1) {
        size_t limit = n < LARGE ? plain : plain - plain / WORTHWHILE;
        if (make_plan(&plan, &of) < limit && put_rans(at, &of, &plan, limit, scratch))
            return ATTAR_OK;
    }
    if (packed <= n)
        return put_packed(at, &of, &plan.table);
    put_raw(at, symbols, n);
    return ATTAR_OK;
}

size_t attar_floats_bound(size_t n, unsigned itemsize)
{
    return itemsize * (n + 1) + 1 + LENGTH_MAX;
}

attar_status attar_floats_check(size_t n, unsigned itemsize, unsigned turn, size_t planes_capacity)
{
    if ((itemsize != 2 && itemsize != 4 && itemsize != 8) || turn > 7)
        return ATTAR_BAD_ARGUMENT;
    if (n < 1 || n > (size_t)1 << ATTAR_FLOATS_CHUNK_LOG2_MAX || planes_capacity < n * itemsize)
        return ATTAR_BAD_ARGUMENT;
    return ATTAR_OK;
}

attar_status attar_floats_encode(const uint8_t *src, size_t n, unsigned itemsize, unsigned turn, uint8_t *dst,
                                 size_t dst_capacity, size_t *written, uint8_t *planes, size_t planes_capacity,
                                 attar_floats_encode_scratch *scratch)
{
    uint8_t *at = dst;
    *written = 0;
    attar_status status = attar_floats_check(n, itemsize, turn, planes_capacity);
    if (status != ATTAR_OK)
        return status;
    if (dst_capacity < attar_floats_bound(n, itemsize))
        return ATTAR_OUTPUT_TOO_SMALL;
    attar_floats_split(src, n, itemsize, turn, planes);
    for (unsigned k = itemsize; status == ATTAR_OK && k-- > 0;)
        status = put_plane(&at, planes + k * n, n, scratch);
    *written = status == ATTAR_OK ? (size_t)(at - dst) : 0;
    return status;
}
