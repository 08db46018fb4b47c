/* library.c - the library (library.h), which is linked as an object of its own. */
#include "abi/program.h"
#include "bin/untrusted/library/library.h"

#define RET 0xc3 /* the instruction */

TWZ_LIBRARY_FUNCTION(library_sum);
int64_t library_sum(const int64_t *number, uint64_t count)
{
	int64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum += number[i];
	return sum;
}

TWZ_LIBRARY_FUNCTION(library_each);
int64_t library_each(const int64_t *number, uint64_t count, int64_t (*each)(int64_t number))
{
	int64_t result = 0;

	for (uint64_t i = 0; !result && i < count; i++)
		result = each(number[i]);
	return result;
}

TWZ_LIBRARY_FUNCTION(library_sum_to);
int64_t library_sum_to(const int64_t *number, uint64_t count, int64_t *to)
{
	*to = library_sum(number, count);
	return 0;
}

TWZ_LIBRARY_FUNCTION(library_peek);
int64_t library_peek(const int64_t *at)
{
	return *at;
}

TWZ_LIBRARY_FUNCTION(library_poke);
int64_t library_poke(int64_t *at, int64_t value)
{
	*at = value;
	return 0;
}

TWZ_LIBRARY_FUNCTION(library_jump);
int64_t library_jump(int64_t (*to)(int64_t number))
{
	return to(0);
}

TWZ_LIBRARY_FUNCTION(library_write_and_run);
int64_t library_write_and_run(uint8_t *memory)
{
	*memory = RET;
	((void (*)(void))memory)();
	return 0;
}
