/* Which kernels this machine runs; the choice never shows in a byte. */
#include "floats.h"

#ifdef ATTAR_HAS_X86_KERNELS

int attar_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

int attar_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("popcnt");
}

attar_decode_turns *attar_find_decode_turns(void)
{
    if (attar_has_avx512())
        return attar_decode_turns_avx512;
    return attar_has_avx2() ? attar_decode_turns_avx2 : NULL;
}

attar_encode_turns *attar_find_encode_turns(void)
{
    return attar_has_avx512() ? attar_encode_turns_avx512 : NULL;
}

#else

attar_decode_turns *attar_find_decode_turns(void)
{
    return NULL;
}

attar_encode_turns *attar_find_encode_turns(void)
{
    return NULL;
}

#endif
