#include "table.h"

const attar_kernel *attar_kernel_for(const attar_step *step, attar_isa most)
{
#define ATTAR_KERNEL_PLACE(name) &name,
    static const attar_kernel *const table[] = {ATTAR_KERNEL_TABLE(ATTAR_KERNEL_PLACE)};
#undef ATTAR_KERNEL_PLACE
    const attar_isa best = attar_isa_best();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const attar_kernel *kernel = table[i];
        if (kernel->kind == step->op->kind && kernel->isa <= most && kernel->isa <= best &&
            (kernel->fits == NULL || kernel->fits(step)))
            return kernel;
    }
    return NULL;
}

attar_isa attar_isa_best(void)
{
#ifdef ATTAR_HAS_AVX512VNNI
    if (attar_cpu_has_avx512vnni())
        return ATTAR_ISA_AVX512VNNI;
#endif
#ifdef ATTAR_HAS_AVXVNNI
    if (attar_cpu_has_avxvnni())
        return ATTAR_ISA_AVXVNNI;
#endif
#ifdef ATTAR_HAS_AVX2
    if (attar_cpu_has_avx2())
        return ATTAR_ISA_AVX2;
#endif
    return ATTAR_ISA_PORTABLE;
}

const char *attar_isa_name(attar_isa isa)
{
#define ATTAR_ISA_NAME(code, name) name,
    static const char *const names[] = {ATTAR_ISA_TABLE(ATTAR_ISA_NAME)};
#undef ATTAR_ISA_NAME
    return (unsigned)isa < ATTAR_ISA_COUNT ? names[isa] : "unknown";
}
