/* A program's first and last instructions on Linux, without a C library: the status of the process is attar_check(). */
#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    call attar_check\n" /* the stack is aligned as a call wants it */
        "    mov %eax, %edi\n"
        "    mov $60, %eax\n"
        "    syscall\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    bl attar_check\n"
        "    mov x8, #93\n"
        "    svc #0\n");
#else
#error "no entry for this architecture"
#endif
