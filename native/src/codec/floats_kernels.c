/* Which kernels this machine runs; the choice never shows in a byte. */
#include "floats.h"

attar_decode_turns *attar_find_decode_turns(void)
{
#ifdef ATTAR_HAS_AVX512
    if (attar_cpu_has_avx512())
        return attar_decode_turns_avx512;
#endif
#ifdef ATTAR_HAS_AVX2
    if (attar_cpu_has_avx2())
        return attar_decode_turns_avx2;
#endif
    return NULL;
}

attar_encode_turns *attar_find_encode_turns(void)
{
#ifdef ATTAR_HAS_AVX512
    if (attar_cpu_has_avx512())
        return attar_encode_turns_avx512;
#endif
    return NULL;
}
