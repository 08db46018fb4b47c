/*
 * user.c - twz user: users, who log in with a passphrase. docs/rights.md, "Users".
 *
 * A user is a key, whose private half lies sealed in the store, and three names that lead to what is the
 * user's: TWZ_USERS/NAME the context, TWZ_HOMES/NAME a namespace, and TWZ_SECRETS/NAME the private key, which was
 * made under the keyring's key. There is a user if the first is there, which is made last and removed first:
 * what an interrupted command left of the others goes with the next.
 *
 * The keyring's context has a key of its own, whose private half is forgotten as soon as it has signed: nobody,
 * the system's key not excepted, can ever give a right to what is made under it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <twz/name.h>
#include <twz/user.h>

#include "rt/linux/home.h"
#include "tools/twz/twz.h"

struct user {
	const char *store, *name, *sign,
		*passphrase; /* files: the system's private key, null: FILE.key */
	char context[64], home[64], secret[64]; /* paths */
	struct twz_secret system, owner;
	struct twz_id keyring; /* the keyring's key */
};

static bool name_sound(const char *name)
{
	size_t n = strlen(name);

	return n && n <= TWZ_USER_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == n;
}

/* The store is open, and the paths are set. A status, printed. */
static int begin(struct user *u)
{
	int status;

	if (!name_sound(u->name))
		return usage("user",
			     "a user's name is up to %u of a-z, 0-9, '_', '-' and '.', which is "
			     "not first, not %s",
			     TWZ_USER_NAME_MAX, u->name);
	status = change_open(u->store);
	snprintf(u->context, sizeof(u->context), TWZ_USERS "/%s", u->name);
	snprintf(u->home, sizeof(u->home), TWZ_HOMES "/%s", u->name);
	snprintf(u->secret, sizeof(u->secret), TWZ_SECRETS "/%s", u->name);
	return status;
}

/* What is made from now on belongs to who has this key. */
static void make_under(struct twz_id key)
{
	home_lock();
	home.info.key = key;
	home_unlock();
}

/* ---- what all users stand on --------------------------------------------------------------------- */

static int read_system(struct user *u)
{
	char *path = u->sign ? strdup(u->sign) : key_path(u->store);
	int status;

	if (!path)
		abort();
	if (twz_id_none(change_known(STORE_KEY)) || twz_id_none(change_known(STORE_BOOT)))
		status = fail(u->store, "has no key, and so no users");
	else
		status = secret_load(path, &u->system);
	if (!status && !twz_id_equal(u->system.id, change_known(STORE_KEY)))
		status = fail(path, "is not the system's key");
	if (!status)
		status = secret_read(path, &u->system);
	free(path);
	return status;
}

/* The namespace, made if it is not there; the context may read it. */
static int may_find(const char *path, const struct twz_obj *context,
		    const struct twz_secret *system)
{
	struct twz_cap cap = {.perms = TWZ_READ};
	int error = twz_name_resolve(path, &cap.target);

	if (error == TWZ_E_NOTFOUND)
		error = twz_ns_make(path, &cap.target);
	return error ? error : context_give(context, cap, system);
}

static int fill_keyring(const struct twz_obj *context, const struct twz_secret *own,
			const struct twz_secret *system)
{
	const struct twz_cap all = {.perms = TWZ_PERM_ALL, .flags = TWZ_CAP_KEY, .target = own->id},
			     serve = {.perms = TWZ_READ | TWZ_WRITE | TWZ_USE,
				      .target = context->id};
	struct twz_obj boot;
	int error = context_give(context, all, own);

	if (!error)
		error = may_find("/", context, system);
	if (!error)
		error = may_find(TWZ_USERS, context, system);
	if (!error)
		error = may_find(TWZ_SECRETS, context, system);
	if (!error)
		error = twz_context_open(change_known(STORE_BOOT), &boot);
	return error ? error : context_give(&boot, serve, own);
}

static int make_keyring(const struct twz_secret *system, struct twz_id *key)
{
	struct twz_context_new new = {.ending = true, .global_mask = TWZ_PERM_ALL};
	struct twz_secret own;
	struct twz_obj context;
	struct twz_id services;
	int error = services_space(&services);

	twz_secret_new(&own);
	if (!error)
		error = twz_key_make(own.key, &own.id);
	new.key = *key = own.id;
	if (!error)
		error = twz_context_make(&new, &context);
	if (error)
		return error;
	error = fill_keyring(&context, &own, system);
	twz_wipe(&own, sizeof(own));
	if (!error)
		error = twz_name_publish(TWZ_KEYRING, context.id, 0);
	if (error)
		twz_obj_delete(context.id);
	return error;
}

/* The keyring's key; its context is made for the first user. */
static int find_keyring(const struct twz_secret *system, struct twz_id *key)
{
	struct twz_rt_stat stat;
	struct twz_id id;
	int error = twz_name_resolve(TWZ_KEYRING, &id);

	if (error == TWZ_E_NOTFOUND)
		return make_keyring(system, key);
	if (!error)
		error = twz_obj_stat(id, &stat);
	if (!error)
		*key = stat.identity.key;
	return error;
}

/* ---- new ----------------------------------------------------------------------------------------- */

/* The name goes, and what it leads to; a name that is not there is as good. */
static int drop(const char *path)
{
	int error = twz_name_unbind(path, TWZ_NAME_DELETE);

	return error == TWZ_E_NOTFOUND ? 0 : error;
}

static int make_secret(const struct user *u, const struct twz_secret *sealed)
{
	const struct twz_new new = {.ending = true, .bytes = sizeof(*sealed)};
	struct twz_obj obj;
	int error;

	make_under(u->keyring);
	error = twz_obj_new(&new, &obj);
	make_under(u->system.id);
	if (error)
		return error;
	memcpy(twz_obj_data(&obj), sealed, sizeof(*sealed));
	error = twz_obj_sync(&obj);
	if (!error)
		error = twz_obj_set_size(&obj, sizeof(*sealed));
	if (!error)
		error = twz_name_publish(u->secret, obj.id, 0);
	if (error)
		twz_obj_delete(obj.id);
	return error;
}

static int make_home(const struct user *u)
{
	struct twz_id homes, made;
	int error = twz_name_resolve(TWZ_HOMES, &homes);

	if (error == TWZ_E_NOTFOUND)
		error = twz_ns_make(TWZ_HOMES, &homes);
	if (error)
		return error;
	make_under(u->owner.id);
	error = twz_ns_make(u->home, &made);
	make_under(u->system.id);
	return error;
}

static int make_context(const struct user *u)
{
	const struct twz_context_new new = {
		.key = u->owner.id, .ending = true, .global_mask = TWZ_PERM_ALL};
	const struct twz_cap own = {.perms = TWZ_PERM_ALL,
				    .flags = TWZ_CAP_KEY | TWZ_CAP_DELEGATE,
				    .target = u->owner.id};
	static const char *const places[] = {"/", TWZ_USERS, TWZ_HOMES, TWZ_SERVICES};
	struct twz_obj obj;
	int error = twz_context_make(&new, &obj);

	if (error)
		return error;
	error = context_give(&obj, own, &u->owner);
	for (size_t i = 0; !error && i < sizeof(places) / sizeof(places[0]); i++)
		error = may_find(places[i], &obj, &u->system);
	if (!error)
		error = twz_name_publish(u->context, obj.id, 0);
	if (error)
		twz_obj_delete(obj.id);
	return error;
}

/* The owner's key is open. After an error nothing is left of the user. */
static int make(struct user *u, const struct twz_secret *sealed)
{
	int error = drop(u->secret);

	if (!error)
		error = drop(u->home);
	if (!error)
		error = make_secret(u, sealed);
	if (!error)
		error = make_home(u);
	if (!error)
		error = make_context(u);
	if (error) {
		drop(u->home);
		drop(u->secret);
	}
	return error;
}

/* The pair, its public key in the store; *sealed is for the keyring. */
static int make_pair(struct user *u, struct twz_secret *sealed)
{
	int error, status;

	twz_secret_new(&u->owner);
	*sealed = u->owner;
	status = secret_seal(u->name, sealed, u->passphrase, TWZ_USER_OPS, TWZ_USER_MEMORY);
	if (status)
		return status;
	error = twz_key_make(u->owner.key, &u->owner.id);
	sealed->id = u->owner.id;
	return error ? fail(u->name, "%s", twz_error_text(error)) : STATUS_OK;
}

static int refuse_known(const struct user *u)
{
	struct twz_id id;
	int error = twz_name_resolve(u->context, &id);

	if (!error)
		return fail(u->name, "there is such a user");
	return error == TWZ_E_NOTFOUND ? STATUS_OK : fail(u->context, "%s", twz_error_text(error));
}

static int user_new(int argc, char **argv)
{
	struct user u = {0};
	const char *pages_text = NULL, *frames_text = NULL;
	const struct option_spec spec[] = {{"--passphrase-file", &u.passphrase, NULL},
					   {"--pages", &pages_text, NULL},
					   {"--frames", &frames_text, NULL},
					   {"--sign", &u.sign, NULL},
					   {NULL, NULL, NULL}};
	struct twz_secret sealed;
	uint64_t pages = 0, frames = 0;
	int error = 0, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status && pages_text)
		status = limit_read("user", "--pages", pages_text, &pages);
	if (!status && frames_text)
		status = limit_read("user", "--frames", frames_text, &frames);
	if (status)
		return status;
	u.store = argv[0];
	u.name = argv[2];
	status = begin(&u);
	if (!status)
		status = refuse_known(&u);
	if (!status)
		status = read_system(&u);
	if (!status)
		status = make_pair(&u, &sealed);
	if (!status) {
		error = find_keyring(&u.system, &u.keyring);
		if (!error && (pages || frames))
			error = limit_set(u.owner.id, pages_text, frames_text, pages, frames);
		if (!error)
			error = make(&u, &sealed);
		if (error) {
			twz_obj_delete(u.owner.id);
			status = fail(u.name, "%s", twz_error_text(error));
		}
	}
	twz_wipe(&u.owner, sizeof(u.owner));
	twz_wipe(&u.system, sizeof(u.system));
	return status;
}

/* ---- list ---------------------------------------------------------------------------------------- */

static int print_user(struct store *s, const struct name *name)
{
	char key[TWZ_ID_TEXT];
	struct object context;
	struct twz_account account = {0};
	int error = object_find(s, name->id, &context);

	if (!error)
		error = store_account(s, context.record.identity.key, &account);
	if (error)
		return fail(name->text, "%s", object_error(&context, error));
	if (json) {
		json_object(NULL);
		json_text("name", name->text);
		json_id("key", account.key);
		json_number("objects", account.objects);
		json_number("pages", account.pages);
		json_end();
		return STATUS_OK;
	}
	twz_id_text(account.key, key);
	printf("%-32s %s %12llu %12llu\n", name->text, key, (unsigned long long)account.objects,
	       (unsigned long long)account.pages);
	return STATUS_OK;
}

static int print_users(struct store *s)
{
	struct object users;
	struct names names;
	struct name *list;
	uint64_t count;
	int error, status = object_named(s, TWZ_USERS, &users);

	if (status)
		return status;
	error = names_open(s, users.id, &names);
	if (error)
		return fail(TWZ_USERS, "%s", object_error(&names.object, error));
	error = names_list(&names, &list, &count);
	if (json) {
		json_object(NULL);
		json_array("users");
	} else {
		printf("%-32s %-32s %12s %12s\n", "name", "key", "objects", "pages");
	}
	for (uint64_t i = 0; i < count; i++)
		status |= print_user(s, &list[i]);
	free(list);
	return error ? fail(TWZ_USERS, "%s", object_error(&names.object, error)) : status;
}

static int user_list(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct store s;
	int nrest, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (!status)
		status = store_open(argv[0], &s);
	if (status)
		return status;
	status = print_users(&s);
	store_close(&s);
	return status;
}

/* ---- remove -------------------------------------------------------------------------------------- */

static int drop_tree(const char *path, unsigned depth);

struct below {
	const char *path;
	unsigned depth;
};

static int drop_below(const struct twz_name_entry *entry, void *arg)
{
	const struct below *below = arg;
	char path[TWZ_PATH_MAX + 1];
	int n = snprintf(path, sizeof(path), "%s/%s", below->path, entry->name);

	if ((size_t)n >= sizeof(path))
		return TWZ_E_NAME;
	if (entry->type == TWZ_TYPE_NAMESPACE)
		return drop_tree(path, below->depth + 1);
	return drop(path);
}

/* The namespace with all that is below it. */
static int drop_tree(const char *path, unsigned depth)
{
	struct below below = {path, depth};
	int error = depth < DEPTH_MAX ? twz_name_list(path, drop_below, &below) : TWZ_E_NAME;

	return error && error != TWZ_E_NOTFOUND ? error : drop(path);
}

/* The key goes too, with its limits, unless there still is what was made under it. */
static int drop_key(struct twz_id key)
{
	struct twz_account account = {0};
	int error;

	home_lock();
	error = store_account(&home.store, key, &account);
	home_unlock();
	if ((error && error != TWZ_E_NOTFOUND) || account.objects)
		return error;
	error = limit_set(key, "none", "none", 0, 0);
	return error ? error : twz_obj_delete(key);
}

static int found(const struct twz_name_entry *entry, void *arg)
{
	(void)entry, (void)arg;
	return TWZ_E_NOTEMPTY;
}

/* What there is of the user, known by its context or what an interrupted command left. *key: the user's, or zero. */
static int find(const struct user *u, struct twz_id *key)
{
	const char *const paths[] = {u->context, u->home, u->secret};
	struct twz_rt_stat stat;
	struct twz_id id;
	int error = TWZ_E_NOTFOUND;

	*key = (struct twz_id){0, 0};
	for (size_t i = 0; error == TWZ_E_NOTFOUND && i < sizeof(paths) / sizeof(paths[0]); i++)
		error = twz_name_resolve(paths[i], &id);
	if (!error && !twz_name_resolve(u->context, &id) && !twz_obj_stat(id, &stat))
		*key = stat.identity.key;
	return error;
}

static int user_remove(int argc, char **argv)
{
	struct user u = {0};
	bool with_home = false;
	const struct option_spec spec[] = {{"--home", NULL, &with_home}, {NULL, NULL, NULL}};
	struct twz_id key;
	int error, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (status)
		return status;
	u.store = argv[0];
	u.name = argv[2];
	status = begin(&u);
	if (status)
		return status;
	error = find(&u, &key);
	if (error == TWZ_E_NOTFOUND)
		return fail(u.name, "there is no such user");
	if (!error && !with_home)
		error = twz_name_list(u.home, found, NULL);
	if (error == TWZ_E_NOTEMPTY)
		return fail(u.home, "is not empty; --home deletes what is in it");
	if (!error || error == TWZ_E_NOTFOUND)
		error = drop(u.context);
	if (!error)
		error = drop(u.secret);
	if (!error)
		error = drop_tree(u.home, 0);
	if (!error && !twz_id_none(key))
		error = drop_key(key);
	return error ? fail(u.name, "%s", twz_error_text(error)) : STATUS_OK;
}

int command_user(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[2], "new"))
		return user_new(argc, argv);
	if (argc > 2 && !strcmp(argv[2], "list"))
		return user_list(argc, argv);
	if (argc > 2 && !strcmp(argv[2], "remove"))
		return user_remove(argc, argv);
	return usage("user", "new, list or remove comes behind the store");
}
