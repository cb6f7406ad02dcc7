/* What the processor can do, asked at run time. Internal. */
#ifndef ATTAR_CPU_H
#define ATTAR_CPU_H

/* GCC and Clang compile single functions for other processors than the file's own. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(ATTAR_PORTABLE)
#define ATTAR_HAS_AVX2 1
#define ATTAR_HAS_AVX512 1
#define ATTAR_TARGET_AVX2 __attribute__((target("avx2,bmi2")))
#define ATTAR_HAS_AVX512VNNI 1
#define ATTAR_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi2")))
#define ATTAR_TARGET_AVX512VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,bmi2")))
#define ATTAR_TARGET_AVX512VL_VNNI __attribute__((target("avx2,avx512f,avx512vl,avx512vnni,bmi2")))
#if defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11
#define ATTAR_HAS_AVXVNNI 1
#define ATTAR_TARGET_AVXVNNI __attribute__((target("avx2,avxvnni,bmi2")))
int attar_cpu_has_avxvnni(void);
#endif

int attar_cpu_has_avx2(void);
int attar_cpu_has_avx512(void);
int attar_cpu_has_avx512vnni(void);
#endif

/* Threads as POSIX has them; a device without them runs one. */
#if defined(__unix__) && defined(__GNUC__) && __STDC_HOSTED__ == 1 && !defined(ATTAR_PORTABLE)
#define ATTAR_HAS_THREADS 1
#endif

/* Every 64-bit ARM has it; words are loaded as they lie, so the order of bytes must be the usual one. */
#if defined(__aarch64__) && defined(__ARM_NEON) && defined(__GNUC__) && !defined(__AARCH64EB__) && \
    !defined(ATTAR_PORTABLE)
#define ATTAR_HAS_NEON 1
#endif

#endif
