/*
 * accounts.c - money moves between accounts, each of which is an object of its own: at every moment, and after
 * every crash, what one has lost the other has got.
 *
 * Shows: names, a transaction over two objects, its locks, another process beside.
 *
 *     cc -o accounts accounts.c $(pkg-config --cflags --libs twz)
 *
 *     ./accounts my.store open alice 100
 *     ./accounts my.store open bob 50
 *     ./accounts my.store move alice bob 30
 *     ./accounts my.store                       what everybody has
 *
 * Any number of these may run at the same time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twz/store.h>
#include <twz/twz.h>

#define FOLDER "/accounts"

struct account {
	uint64_t balance;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "accounts: %s: %s\n", what, why);
	exit(1);
}

static void check(const char *what, int error)
{
	if (error)
		fail(what, twz_error_text(error));
}

static const char *path_of(const char *name)
{
	static char path[TWZ_PATH_MAX + 1];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	return path;
}

/* It is filled before it has its name, and lasts when it has it: nobody ever finds half an account. */
static void open_account(const char *name, uint64_t balance)
{
	struct account *account;
	struct twz_id folder;
	struct twz_obj obj;
	int error = twz_ns_make(FOLDER, &folder);

	if (error != TWZ_E_EXISTS)
		check(FOLDER, error);
	check(name,
	      twz_obj_new(&(struct twz_new){.bytes = sizeof(*account), .ending = true}, &obj));
	account = twz_obj_data(&obj);
	account->balance = balance;
	twz_persist(account, sizeof(*account));
	check(name, twz_name_publish(path_of(name), obj.id, 0));
}

static void move(const char *from_name, const char *to_name, uint64_t amount)
{
	struct account *from, *to;
	struct twz_obj a, b;
	struct twz_tx tx;
	int order;

	check(from_name, twz_name_open(path_of(from_name), &a));
	check(to_name, twz_name_open(path_of(to_name), &b));
	from = twz_obj_data(&a);
	to = twz_obj_data(&b);

	twz_tx_begin(&tx);
	/* Locked from here on, so that what is read stays true: by everybody in the same order. */
	order = memcmp(&a.id, &b.id, sizeof(a.id));
	twz_tx_add(&tx, order < 0 ? from : to);
	twz_tx_add(&tx, order < 0 ? to : from);
	if (!tx.error && from->balance < amount) {
		twz_tx_abort(&tx);
		fail(from_name, "there is not so much in the account");
	}
	if (order) {
		twz_tx_set(&tx, &from->balance, from->balance - amount);
		twz_tx_set(&tx, &to->balance, to->balance + amount);
	}
	check("move", twz_tx_commit(&tx)); /* says what went wrong on the way, too */
}

static int print(const struct twz_name_entry *entry, void *arg)
{
	struct account *account;
	struct twz_obj obj;
	int error = twz_obj_open(entry->id, &obj);

	(void)arg;
	if (error)
		return error;
	account = twz_obj_data(&obj);
	printf("%-10s %6llu\n", entry->name, (unsigned long long)account->balance);
	return 0;
}

int main(int argc, char **argv)
{
	int error;

	if (argc < 2 || argc == 3) {
		fprintf(stderr,
			"usage: accounts STORE [open NAME BALANCE | move FROM TO AMOUNT]\n");
		return 2;
	}
	error = twz_store_open_or_make(argv[1], 64 << 20);
	if (error)
		fail("no store", twz_store_error_text(error));
	if (argc == 2)
		check(FOLDER, twz_name_list(FOLDER, print, NULL));
	else if (argc == 5 && !strcmp(argv[2], "open"))
		open_account(argv[3], strtoull(argv[4], NULL, 10));
	else if (argc == 6 && !strcmp(argv[2], "move"))
		move(argv[3], argv[4], strtoull(argv[5], NULL, 10));
	else
		fail(argv[2], "there is no such command");
	return 0;
}
