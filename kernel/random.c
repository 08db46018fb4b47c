/* random.c - random bytes (random.h). */
#include "core/crypto.h"
#include "core/mem.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/random.h"

#define HASH_RANDOM "twz-random-1\0\0\0"

static struct {
	uint64_t wall_ns, entry, now, counter;
} pool;
static bool by_processor;

void random_init(void)
{
	uint64_t value;

	by_processor = cpu_random(&value);
	pool.wall_ns = machine.wall_ns;
	pool.entry = machine.entry_cycles;
	if (!by_processor)
		klog("random: the processor has no random numbers: those from the clocks can be "
		     "guessed");
}

static uint64_t next(void)
{
	uint64_t value[2];

	if (by_processor && cpu_random(value))
		return value[0];
	pool.now = cycles();
	pool.counter++;
	crypto_hash(value, sizeof(value), HASH_RANDOM, &pool, sizeof(pool));
	return value[0];
}

void random_bytes(void *out, uint64_t bytes)
{
	for (uint8_t *p = out; bytes;) {
		uint64_t value = next(), n = bytes < sizeof(value) ? bytes : sizeof(value);

		memcpy(p, &value, n);
		p += n;
		bytes -= n;
	}
}
