/*
 * lifetime.c - 20,000 objects created, each counted: is one of them slower than the first were? What takes
 * more frames than its page is a growth step, of the store or of the kernel's own memory: these are counted
 * aside.
 */
#include "bench/guest/lib/measure.h"

#define CREATIONS 20000u
#define FIRST 1000u

static uint32_t plain[CREATIONS]; /* what each took that is no growth step */
static uint32_t nplain, growths;
static uint64_t grown_most;

static void create_one(void)
{
	struct twz_sys_usage before = usage_now(), after;
	uint64_t took = now();

	object_new(TWZ_TYPE_DATA, 0, 1);
	took = now() - took;
	after = usage_now();
	if (after.store_used - before.store_used == 1 && after.frames_used == before.frames_used) {
		plain[nplain++] = (uint32_t)took;
		return;
	}
	growths++;
	if (took > grown_most)
		grown_most = took;
}

static void sort(uint32_t *value, uint32_t n)
{
	for (uint32_t gap = n / 2; gap; gap /= 2)
		for (uint32_t i = gap; i < n; i++)
			for (uint32_t k = i; k >= gap && value[k - gap] > value[k]; k -= gap) {
				uint32_t swap = value[k];

				value[k] = value[k - gap];
				value[k - gap] = swap;
			}
}

int main(void)
{
	uint64_t median;

	for (uint32_t i = 0; i < FIRST; i++)
		create_one();
	sort(plain, nplain);
	median = plain[nplain / 2];
	for (uint32_t i = FIRST; i < CREATIONS; i++)
		create_one();
	sort(plain, nplain);
	figure("many_first", median);
	figure("many_last_median", plain[nplain / 2]);
	figure("many_most", plain[nplain - 1]);
	figure("many_plain", nplain);
	figure("many_growths", growths);
	figure("many_grown_most", grown_most);
	return 0;
}
