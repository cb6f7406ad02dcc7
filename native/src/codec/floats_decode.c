/* One chunk of a floats payload to elements: its planes, most significant first, then the join. */
#include "floats.h"

/* The next plane's payload: the rest of the chunk begins behind it. */
static attar_status take_payload(attar_bytes *in, attar_bytes *payload)
{
    uint64_t size;
    attar_status status = attar_read_varint(in, &size);
    if (status != ATTAR_OK)
        return status;
    if (size > attar_bytes_left(in))
        return ATTAR_TRUNCATED;
    *payload = attar_bytes_of(in->at, (size_t)size);
    in->at += (size_t)size;
    return ATTAR_OK;
}

static attar_status decode_plane(attar_bytes *in, uint32_t coder, uint8_t *dst, size_t n,
                                 attar_floats_scratch *scratch)
{
    attar_bytes payload;
    if (coder != ATTAR_PLANE_PACKED && coder != ATTAR_PLANE_RANS)
        return ATTAR_BAD_HEADER;
    attar_status status = take_payload(in, &payload);
    if (status != ATTAR_OK)
        return status;
    size_t size = attar_bytes_left(&payload);
    return coder == ATTAR_PLANE_RANS ? attar_bytes_rans_decode(payload.at, size, dst, n, scratch)
                                     : attar_bytes_packed_decode(payload.at, size, dst, n);
}

/* A raw plane is used where it lies; any other one is decoded to `room`. */
static attar_status read_plane(attar_bytes *in, const uint8_t **plane, uint8_t *room, size_t n,
                               attar_floats_scratch *scratch)
{
    uint32_t coder;
    attar_status status = attar_read_u8(in, &coder);
    if (status != ATTAR_OK)
        return status;
    *plane = room;
    if (coder != ATTAR_PLANE_RAW)
        return decode_plane(in, coder, room, n, scratch);
    if (attar_bytes_left(in) < n)
        return ATTAR_TRUNCATED;
    *plane = in->at;
    in->at += n;
    return ATTAR_OK;
}

attar_status attar_floats_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n, unsigned itemsize,
                                 unsigned turn, uint8_t *planes, size_t planes_capacity,
                                 attar_floats_scratch *scratch)
{
    const uint8_t *found[ATTAR_FLOATS_ITEMSIZE_MAX];
    attar_bytes in = attar_bytes_of(src, src_size);
    attar_status status = attar_floats_check(n, itemsize, turn, planes_capacity);
    for (unsigned k = itemsize; status == ATTAR_OK && k-- > 0;)
        status = read_plane(&in, &found[k], planes + k * n, n, scratch);
    if (status != ATTAR_OK)
        return status;
    if (in.at != in.end)
        return ATTAR_TRAILING_DATA;
    attar_floats_join(found, n, itemsize, turn, dst);
    return ATTAR_OK;
}
