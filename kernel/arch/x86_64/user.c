/*
 * user.c - copying from and to a program (user.h).
 */
#include "kernel/arch/x86_64/processor.h"
#include "kernel/arch/x86_64/user.h"

struct fixup {
	int32_t at, to;
};
extern const struct fixup user_fixups[], user_fixups_end[];

uint64_t user_fixup(uint64_t rip)
{
	for (const struct fixup *f = user_fixups; f < user_fixups_end; f++)
		if ((uint64_t)&f->at + (uint64_t)(int64_t)f->at == rip)
			return (uint64_t)&f->to + (uint64_t)(int64_t)f->to;
	return 0;
}

/* What is left after a fault that could not be resolved stands in the counter. */
static int copy(void *to, const void *from, uint64_t bytes)
{
	uint64_t count = bytes / 8;

	__asm__ volatile("stac\n\t"
			 "1: rep movsq\n\t"
			 "mov %[rest], %%ecx\n\t"
			 "2: rep movsb\n\t"
			 "3: clac\n\t" USER_FIXUP("1b", "3b") USER_FIXUP("2b", "3b")
			 : "+&D"(to), "+&S"(from), "+&c"(count)
			 : [rest] "r"((uint32_t)(bytes & 7))
			 : "memory", "cc");
	return count ? TWZ_E_OUTSIDE : 0;
}

int user_read32(uint32_t *to, uint64_t from)
{
	uint32_t value = 0;
	int error = TWZ_E_OUTSIDE;

	if (from >= USER_END)
		return error;
	__asm__ volatile("stac\n\t"
			 "1: mov (%[from]), %[value]\n\t"
			 "xor %[error], %[error]\n\t"
			 "2: clac\n\t" USER_FIXUP("1b", "2b")
			 : [value] "+r"(value), [error] "+r"(error)
			 : [from] "r"(from)
			 : "memory", "cc");
	*to = value;
	return error;
}

int user_read(void *to, uint64_t from, uint64_t bytes)
{
	return user_range(from, bytes) ? copy(to, (const void *)from, bytes) : TWZ_E_OUTSIDE;
}

int user_write(uint64_t to, const void *from, uint64_t bytes)
{
	return user_range(to, bytes) ? copy((void *)to, from, bytes) : TWZ_E_OUTSIDE;
}
