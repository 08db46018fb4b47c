/*
 * attempts.c - how often a passphrase may be tried (keyring.h).
 *
 * By name, whether there is such a user or not. What is forgotten for a new name is never one that has to wait: so
 * trying other names does not help with this one, and when all have to wait, so do new ones.
 */
#include "srv/keyring/keyring.h"

#define NAMES 64u

static struct {
	char name[TWZ_USER_NAME_MAX + 1];
	uint32_t wrong;
	uint64_t last; /* second of the last one */
} tried[NAMES];

static bool waits(uint32_t i, uint64_t second)
{
	return tried[i].wrong >= TWZ_LOGIN_TRIES && second - tried[i].last < TWZ_LOGIN_SECONDS;
}

/* The name's place, or the one to forget, or NAMES. */
static uint32_t find(const char *name, uint64_t second)
{
	uint32_t oldest = NAMES;

	for (uint32_t i = 0; i < NAMES; i++) {
		if (!strcmp(tried[i].name, name))
			return i;
		if (!waits(i, second) && (oldest == NAMES || tried[i].last < tried[oldest].last))
			oldest = i;
	}
	return oldest;
}

bool attempt(const char *name)
{
	const uint64_t second = now();
	const uint32_t i = find(name, second);

	if (i == NAMES || (!strcmp(tried[i].name, name) && waits(i, second)))
		return false;
	if (strcmp(tried[i].name, name)) {
		memcpy(tried[i].name, name, strlen(name) + 1);
		tried[i].wrong = 0;
	}
	tried[i].wrong++;
	tried[i].last = second;
	return true;
}

void attempt_right(const char *name)
{
	const uint32_t i = find(name, now());

	if (i < NAMES && !strcmp(tried[i].name, name))
		tried[i].wrong = 0;
}
