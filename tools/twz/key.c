/*
 * key.c - twz key: pairs of keys; and the system's, which a new store gets.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/store.h"
#include "rt/linux/home.h"
#include "tools/twz/twz.h"

char *key_path(const char *store)
{
	char *path;

	if (asprintf(&path, "%s.key", store) < 0)
		abort();
	return path;
}

/* ---- a public key's ID --------------------------------------------------------------------------- */

/* Which follows from its content: by a store in memory, where there is no other. */
static int id_without_store(const uint8_t key[static 32], struct twz_id *id)
{
	const struct store_new new = {
		.type = TWZ_TYPE_KEY, .page = TWZ_OBJ_DATA / TWZ_PAGE, .npages = 1};
	struct twz_key data = {.magic = TWZ_KEY_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519};
	static struct store s;
	uint64_t ref;
	void *base = mmap(NULL, TWZ_STORE_SIZE_MIN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error;

	if (base == MAP_FAILED)
		return TWZ_E_NOMEM;
	memcpy(data.key, key, sizeof(data.key));
	error = store_format(base, TWZ_STORE_SIZE_MIN, twz_rt_random);
	if (!error)
		error = store_mount(&s, base, TWZ_STORE_SIZE_MIN, twz_rt_random);
	if (!error)
		error = store_create(&s, &new, &ref);
	if (!error) {
		memcpy(store_page(&s, ref, new.page), &data, sizeof(data));
		error = store_seal(&s, ref, sizeof(data), new.type, TWZ_READ, (struct twz_id){0, 0},
				   &ref);
	}
	if (!error)
		*id = store_record(&s, ref)->id;
	munmap(base, TWZ_STORE_SIZE_MIN);
	return error;
}

/*
 * The pair in the file, which is made if it is not there; `into`: the public key goes into the open
 * store. *made: it was. A status, printed.
 */
static int pair(const char *path, bool into, bool passphrase, struct twz_secret *secret, bool *made)
{
	struct twz_id id;
	int error, status = STATUS_OK;

	*made = access(path, F_OK) != 0;
	if (*made)
		twz_secret_new(secret);
	else
		status = secret_load(path, secret);
	if (status)
		return status;
	error = into ? twz_key_make(secret->key, &id) : id_without_store(secret->key, &id);
	if (error)
		return fail(path, "%s", twz_error_text(error));
	if (!*made)
		return twz_id_equal(id, secret->id)
			       ? STATUS_OK
			       : fail(path, "is damaged: its ID is that of another key");
	secret->id = id;
	return secret_write(path, secret, passphrase);
}

/* ---- the system's key ---------------------------------------------------------------------------- */

/* The boot context may do everything to what the system made, and pass it on. */
static int boot_context(const struct twz_secret *secret, struct twz_id *id)
{
	const struct twz_context_new new = {.key = secret->id, .global_mask = TWZ_PERM_ALL};
	struct twz_cap cap = {.perms = TWZ_PERM_ALL,
			      .flags = TWZ_CAP_KEY | TWZ_CAP_DELEGATE,
			      .target = secret->id};
	struct twz_obj obj;
	int error = twz_context_make(&new, &obj);

	if (error)
		return error;
	*id = cap.accessor = obj.id;
	error = twz_cap_sign(&cap, NULL, secret);
	if (!error)
		error = twz_context_add(&obj, &cap, 1);
	return error ? error : twz_obj_sync(&obj);
}

int key_system(const char *store, const char *key, char **made_path)
{
	char *path = key ? strdup(key) : key_path(store);
	struct twz_secret secret;
	struct twz_id boot;
	bool made = false;
	int error, status = STATUS_OK;

	if (!path)
		abort();
	if (key && access(key, F_OK))
		status = fail(key, "there is no such key file");
	if (!status)
		status = pair(path, true, false, &secret, &made);
	if (!status && !made)
		status = secret_read(path, &secret);
	if (made && !status)
		*made_path = strdup(path);
	free(path);
	if (status)
		return status;
	error = boot_context(&secret, &boot);
	explicit_bzero(&secret.seed, sizeof(secret.seed));
	if (error)
		return fail(store, "%s", twz_error_text(error));
	home_lock();
	error = store_set_name(&home.store, STORE_KEY, secret.id);
	if (!error)
		error = store_set_name(&home.store, STORE_BOOT, boot);
	home_unlock();
	return error ? fail(store, "%s", twz_error_text(error)) : STATUS_OK;
}

/* ---- the command --------------------------------------------------------------------------------- */

static void print_id(struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	puts(text);
}

static int key_new(int argc, char **argv)
{
	const char *store = NULL, *out = NULL;
	bool passphrase = false, made;
	const struct option_spec spec[] = {{"--store", &store, NULL},
					   {"--out", &out, NULL},
					   {"--passphrase", NULL, &passphrase},
					   {NULL, NULL, NULL}};
	struct twz_secret secret;
	char *path;
	int nrest, status = take_options(argc, argv, spec, 1, 1, &nrest);

	if (status)
		return status;
	if (!store && !out)
		return usage("key", "new needs --out FILE, or --store STORE and takes STORE.key");
	path = out ? strdup(out) : key_path(store);
	if (!path)
		abort();
	if (store)
		status = change_open(store);
	if (!status)
		status = pair(path, store != NULL, passphrase, &secret, &made);
	if (!status)
		print_id(secret.id);
	free(path);
	explicit_bzero(&secret, sizeof(secret));
	return status;
}

static int key_show(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct twz_secret secret;
	char id[TWZ_ID_TEXT];
	int nrest, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (!status)
		status = secret_load(argv[1], &secret);
	if (status)
		return status;
	if (json) {
		json_object(NULL);
		json_id("id", secret.id);
		json_text("algorithm", "Ed25519");
		json_hex("public", secret.key, sizeof(secret.key));
		json_bool("sealed", secret.sealing);
		explicit_bzero(&secret, sizeof(secret));
		return STATUS_OK;
	}
	twz_id_text(secret.id, id);
	printf("%-12s %s\n%-12s Ed25519\n%-12s ", "id", id, "algorithm", "public key");
	for (size_t i = 0; i < sizeof(secret.key); i++)
		printf("%02x", secret.key[i]);
	printf("\n%-12s %s\n", "sealed", secret.sealing ? "under a passphrase" : "no");
	explicit_bzero(&secret, sizeof(secret));
	return STATUS_OK;
}

int command_key(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "new"))
		return key_new(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "show"))
		return key_show(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "accounts"))
		return key_accounts(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "limit"))
		return key_limit(argc, argv);
	return usage("key", "new, show, accounts or limit comes first");
}
