/* Golden payloads, decoded by the core alone. Returns 0, or which of them came out wrong. */
#include "attar/codec.h"

enum { COUNT_MAX = 60 };

int attar_check(void);

/* tests/golden/example.attar, tensor "w" */
static const uint8_t packed_payload[] = {0x03, 0x02, 0xe4, 0x02};
static const int32_t packed_symbols[] = {-2, -1, 0, 1, 0, -2};

/* tests/golden/relative_corners.attar, tensor "far": a 1 at 30 and a -1 at 39 */
static const uint8_t relative_payload[] = {0x04, 0x0b, 0x01, 0x02, 0x21, 0x02, 0x02, 0x03,
                                           0x01, 0x22, 0x77, 0x77, 0x77, 0xd7, 0x77, 0x00};
static const int32_t relative_symbols[40] = {[30] = 1, [39] = -1};

/* tests/golden/integers_rans.attar, tensor "mask": 1 where the weight is above zero */
static const uint8_t rans_payload[] = {0x08, 0x00, 0x01, 0xf2, 0x35, 0x6f, 0x03, 0x91,
                                       0x91, 0xc2, 0x25, 0xe9, 0xf1, 0xc9, 0x90};
static const int32_t rans_symbols[60] = {[3] = 1,  [11] = 1, [12] = 1, [13] = 1, [17] = 1, [18] = 1, [22] = 1,
                                         [27] = 1, [30] = 1, [36] = 1, [37] = 1, [38] = 1, [39] = 1};

static attar_relative_scratch relative_scratch;
static attar_rans_scratch rans_scratch;
static int32_t decoded[COUNT_MAX];

static int differs(attar_status status, const int32_t *symbols, size_t n)
{
    int wrong = status != ATTAR_OK;
    for (size_t i = 0; i < n; i++)
        wrong |= decoded[i] != symbols[i];
    return wrong;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

int attar_check(void)
{
    size_t n = COUNT(packed_symbols);
    if (differs(attar_packed_decode(packed_payload, sizeof packed_payload, decoded, n), packed_symbols, n))
        return 1;
    n = COUNT(relative_symbols);
    if (differs(attar_relative_decode(relative_payload, sizeof relative_payload, decoded, n, &relative_scratch),
                relative_symbols, n))
        return 2;
    n = COUNT(rans_symbols);
    if (differs(attar_rans_decode(rans_payload, sizeof rans_payload, decoded, n, &rans_scratch), rans_symbols, n))
        return 3;
    return 0;
}
