/* arguments.c - arguments on a new stack (program.h). No system calls: tests run it on the host. */
#include <string.h>

#include "rt/minimal/program.h"

uint64_t arguments_bytes(const char *const argv[], uint64_t *argc)
{
	uint64_t texts = 0, n = 0, bytes;

	for (; argv[n]; n++) {
		texts += strlen(argv[n]) + 1;
		if (texts > PROGRAM_ARGUMENTS_MAX || n > PROGRAM_ARGUMENTS_MAX / sizeof(uint64_t))
			return 0;
	}
	bytes = sizeof(struct twz_start) + (n + 1) * sizeof(uint64_t) + texts;
	*argc = n;
	return bytes > PROGRAM_ARGUMENTS_MAX ? 0 : (bytes + 15) & ~15ull;
}

void arguments_write(uint8_t *to, uint64_t address, const char *const argv[], uint64_t argc)
{
	struct twz_start *start = (struct twz_start *)to;
	uint64_t *pointer = (uint64_t *)(start + 1);
	uint8_t *text = (uint8_t *)(pointer + argc + 1);

	start->argc = argc;
	start->argv = address + (uint64_t)((uint8_t *)pointer - to);
	for (uint64_t i = 0; i < argc; i++) {
		size_t bytes = strlen(argv[i]) + 1;

		pointer[i] = address + (uint64_t)(text - to);
		memcpy(text, argv[i], bytes);
		text += bytes;
	}
	pointer[argc] = 0;
}
