/*
 * sys.h - system calls from C (abi/syscall.h).
 *
 *     error = (int)SYS(object_delete, ID(id));
 *
 * The result is 0 or more, or a negative enum twz_error. A call without arguments is given a 0.
 */
#ifndef TWZ_RT_MINIMAL_SYS_H
#define TWZ_RT_MINIMAL_SYS_H

#include "abi/syscall.h"

#define ID(id) (id).lo, (id).hi

#define SYS(name, ...) SYS_(TWZ_SYS(name), __VA_ARGS__, 0, 0, 0, 0, 0)
#define SYS_(number, a, b, c, d, e, f, ...)                                          \
	sys_call(number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
		 (uint64_t)(e), (uint64_t)(f))

/* The kernel may leave its progress in the argument registers. */
static inline __attribute__((always_inline)) int64_t
sys_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t result = (int64_t)number;

	__asm__ volatile("syscall"
			 : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rcx", "r11", "memory");
	return result;
}

#endif
