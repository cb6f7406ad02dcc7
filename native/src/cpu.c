#include "cpu.h"

#ifdef ATTAR_HAS_AVX2
#include <cpuid.h>
#include <stdint.h>

enum { OSXSAVE = 1u << 27, BMI2 = 1u << 8, AVX2 = 1u << 5, VNNI = 1u << 11, AVX_VNNI = 1u << 4 };
/* F, DQ, BW and VL of AVX-512. */
static const uint32_t AVX512 = UINT32_C(1) << 16 | UINT32_C(1) << 17 | UINT32_C(1) << 30 | UINT32_C(1) << 31;

/* Which registers the operating system saves: bits 1 and 2 for 256 bits, 5 to 7 for 512. */
static uint32_t saved_registers(void)
{
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & OSXSAVE) == 0)
        return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

/* Two words of them. */
static int has(uint32_t registers, uint32_t wanted, uint32_t wanted_too)
{
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    if ((saved_registers() & registers) != registers || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        return 0;
    return (ebx & wanted) == wanted && (ecx & wanted_too) == wanted_too;
}

/* Asking takes microseconds, on a virtual machine dozens of them, so the answer is kept. Threads that ask at the same
 * time come to the same one. */
enum { UNKNOWN = -1 };

int attar_cpu_has_avx2(void)
{
    static volatile int answer = UNKNOWN;
    if (answer == UNKNOWN)
        answer = has(6u, AVX2 | BMI2, 0);
    return answer;
}

#ifdef ATTAR_HAS_AVXVNNI
/* Its bit stands in a leaf of its own; a processor that lacks the leaf answers with zeros. */
static int has_avxvnni(void)
{
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    return attar_cpu_has_avx2() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && eax >= 1 &&
           __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & AVX_VNNI) != 0;
}

int attar_cpu_has_avxvnni(void)
{
    static volatile int answer = UNKNOWN;
    if (answer == UNKNOWN)
        answer = has_avxvnni();
    return answer;
}
#endif

int attar_cpu_has_avx512(void)
{
    static volatile int answer = UNKNOWN;
    if (answer == UNKNOWN)
        answer = has(0xe6u, AVX512 | BMI2, 0);
    return answer;
}

int attar_cpu_has_avx512vnni(void)
{
    static volatile int answer = UNKNOWN;
    if (answer == UNKNOWN)
        answer = has(0xe6u, AVX512 | BMI2, VNNI);
    return answer;
}
#else
typedef int attar_cpu_nothing_to_ask; /* C99 wants a declaration in every file */
#endif
