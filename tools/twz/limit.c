/*
 * limit.c - twz key accounts, twz key limit: what is used under keys, and may be.
 */
#include <stdlib.h>
#include <string.h>

#include "rt/linux/home.h"
#include "tools/twz/twz.h"

/* ---- accounts ------------------------------------------------------------------------------------ */

static void print_limit(uint64_t limit)
{
	if (limit)
		printf(" %12llu", (unsigned long long)limit);
	else
		printf(" %12s", "none");
}

static void print_account(const struct twz_account *a)
{
	char id[TWZ_ID_TEXT];

	if (json) {
		json_object(NULL);
		json_id("key", a->key);
		json_number("objects", a->objects);
		json_number("pages", a->pages);
		json_number("page_limit", a->limit); /* 0: none, as in the format */
		json_number("frame_limit", a->frame_limit);
		json_end();
		return;
	}
	twz_id_text(a->key, id);
	printf("%-32s %12llu %12llu", id, (unsigned long long)a->objects,
	       (unsigned long long)a->pages);
	print_limit(a->limit);
	print_limit(a->frame_limit);
	putchar('\n');
}

int key_accounts(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct twz_account account;
	uint64_t cursor = 0;
	struct store s;
	int error, nrest, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (!status)
		status = store_open(argv[1], &s);
	if (status)
		return status;
	if (json) {
		json_object(NULL);
		json_array("accounts");
	} else {
		printf("%-32s %12s %12s %12s %12s\n", "key", "objects", "pages", "page limit",
		       "frame limit");
	}
	while ((error = store_account_next(&s, &cursor, &account)) != TWZ_E_NOTFOUND) {
		if (error)
			status = fail(argv[1], "an account is damaged");
		else
			print_account(&account);
	}
	store_close(&s);
	return status;
}

/* ---- limits -------------------------------------------------------------------------------------- */

int limit_read(const char *command, const char *option, const char *text, uint64_t *limit)
{
	char *end;

	if (!strcmp(text, "none")) {
		*limit = 0;
		return STATUS_OK;
	}
	*limit = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || !*limit || *limit > TWZ_STORE_FRAMES_MAX)
		return usage(command, "%s is a number from 1 on, or none, not %s", option, text);
	return STATUS_OK;
}

/* A public key; or an ID that has an account, whose object is gone. A status, printed. */
static int key_named(const char *name, struct twz_id *key)
{
	struct twz_account account;
	struct twz_rt_stat stat;
	int error, status;

	if (!twz_id_parse(name, key)) {
		home_lock();
		error = store_account(&home.store, *key, &account);
		home_unlock();
		if (!error)
			return STATUS_OK;
	}
	status = change_named(name, key);
	if (status)
		return status;
	error = twz_obj_stat(*key, &stat);
	if (error)
		return fail(name, "%s", twz_error_text(error));
	return stat.identity.type == TWZ_TYPE_KEY ? STATUS_OK : fail(name, "is no public key");
}

int limit_set(struct twz_id key, const char *pages_text, const char *frames_text, uint64_t pages,
	      uint64_t frames)
{
	struct twz_account account = {0};
	int error;

	home_lock();
	error = store_account(&home.store, key, &account);
	if (!error || error == TWZ_E_NOTFOUND)
		error = store_limit_key(&home.store, key, pages_text ? pages : account.limit,
					frames_text ? frames : account.frame_limit);
	home_unlock();
	return error;
}

int key_limit(int argc, char **argv)
{
	const char *pages_text = NULL, *frames_text = NULL;
	const struct option_spec spec[] = {{"--pages", &pages_text, NULL},
					   {"--frames", &frames_text, NULL},
					   {NULL, NULL, NULL}};
	uint64_t pages = 0, frames = 0;
	struct twz_id key;
	int error, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status && !pages_text && !frames_text)
		status = usage("key", "limit needs --pages, --frames or both");
	if (!status && pages_text)
		status = limit_read("key", "--pages", pages_text, &pages);
	if (!status && frames_text)
		status = limit_read("key", "--frames", frames_text, &frames);
	if (!status)
		status = change_open(argv[1]);
	if (!status)
		status = key_named(argv[2], &key);
	if (status)
		return status;
	error = limit_set(key, pages_text, frames_text, pages, frames);
	return error ? fail(argv[1], "%s", twz_error_text(error)) : STATUS_OK;
}
