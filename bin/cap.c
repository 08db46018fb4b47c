/*
 * cap.c - makes a capability with a private key that lies in an object, and shows those of a context.
 */
#include <twz/keyring.h>

#include "bin/common/right.h"

#define SECOND_NS 1000000000ull

static const char help[] =
	"usage: cap make OBJECT PERMS --for CONTEXT [--sign SECRET] [--from TIME] [--until TIME]\n"
	"                [--delegate] [--of-key] [--gate OFFSET,LENGTH,ALIGN] [--out PATH]\n"
	"       cap add CAPABILITY\n"
	"       cap show CONTEXT [OBJECT]\n"
	"\n"
	"make signs a capability, CONTEXT may do PERMS to OBJECT, puts it into CONTEXT, and "
	"publishes\n"
	"that. PERMS are letters: r read, w write, x execute, u use, d delete. It takes the key "
	"that OBJECT\n"
	"was made under: the keyring signs for who has logged in (login); or it is the private key "
	"in the\n"
	"object SECRET, in the open. add puts the capability in the object CAPABILITY into the "
	"context that\n"
	"it is for. show prints the capabilities of CONTEXT, or those for OBJECT.\n"
	"\n"
	"    --from, --until  2026-11-22, 2026-11-22T07:00:00 (UTC), or +30s, +5m, +1h, +7d from "
	"now "
	"on\n"
	"    --delegate       who has it may pass it on\n"
	"    --of-key         OBJECT is a public key: it is for every object made under that\n"
	"    --gate           it gives no permission but entry there; PERMS are -\n"
	"    --out PATH       it goes into a new object, which everybody may read, and CONTEXT "
	"need "
	"not be\n"
	"                     one that can be written; prints the object's ID, for who adds it\n"
	"\n"
	"exit status: 0, 1 if it could not be done, 2 usage error\n";

/* ---- make ---------------------------------------------------------------------------------------- */

static const char *to, *sign, *from, *until, *gate, *out_path;
static bool delegate, of_key;

static uint64_t read_time(const char *text)
{
	uint64_t seconds = 0;

	if (text && twz_time_parse(text, twz_rt_time_ns() / SECOND_NS, &seconds))
		fail_usage("this is no time: ", text);
	return seconds;
}

/* Signs with the secret in the object, which must be the key `key`. */
static int sign_with(const char *name, struct twz_cap *cap, struct twz_id key)
{
	const struct twz_secret *secret;
	struct twz_obj obj;
	struct twz_id id;
	int error, status = named(name, &id);

	if (status)
		return status;
	error = twz_obj_open(id, &obj);
	if (error)
		return fail_error(name, error);
	secret = twz_obj_data(&obj);
	error = twz_secret_check(secret);
	if (error == TWZ_E_TYPE)
		status = fail(name, "holds no private key");
	else if (error == TWZ_E_RIGHT)
		status = fail(name, "is sealed under a passphrase");
	else if (error)
		status = fail_error(name, error);
	else if (!twz_id_equal(secret->id, key))
		status = fail(name,
			      "this key has no say here: it is not the one that the object was "
			      "made under");
	if (!status)
		error = twz_cap_sign(cap, NULL, secret);
	twz_obj_recycle(&obj);
	return status || !error ? status : fail_error(name, error);
}

/* With the key of who has logged in. */
static int sign_by_keyring(const char *object, struct twz_cap *cap)
{
	int error = twz_rt_may(cap->target, cap->perms);

	if (!error)
		error = twz_keyring_sign(cap);
	if (error == TWZ_E_NOTFOUND)
		return fail(object,
			    "nobody has logged in here, so the keyring does not sign; --sign "
			    "SECRET does");
	return error ? fail_error(object, error) : STATUS_OK;
}

/* Into an object of its own. */
static int write_out(const struct twz_cap *cap)
{
	const struct twz_new new = {.perms = TWZ_READ,
				    .key = twz_rt_info()->key,
				    .ending = true,
				    .bytes = sizeof(*cap)};
	char id[TWZ_ID_TEXT];
	struct twz_obj obj;
	int error = twz_obj_new(&new, &obj);

	if (error)
		return fail_error(out_path, error);
	memcpy(twz_obj_data(&obj), cap, sizeof(*cap));
	error = twz_obj_sync(&obj);
	if (!error)
		error = twz_obj_set_size(&obj, sizeof(*cap));
	if (!error)
		error = twz_name_publish(out_path, obj.id, 0);
	if (error) {
		twz_obj_delete(obj.id);
		return fail_error(out_path, error);
	}
	twz_id_text(obj.id, id);
	twz_print("%s\n", id);
	return STATUS_OK;
}

static int put_into(const char *name, const struct twz_cap *chain, uint32_t count)
{
	struct twz_obj context;
	int error = twz_context_open(chain->accessor, &context);

	if (!error && need(name, context.id, TWZ_READ | TWZ_WRITE))
		return STATUS_FAILED;
	if (!error)
		error = twz_context_add(&context, chain, count);
	if (!error)
		error = twz_context_publish(&context);
	return error ? fail_error(name, error) : STATUS_OK;
}

static int make(const char *object, const char *perms)
{
	struct twz_cap cap = {.not_before = read_time(from), .expires = read_time(until)};
	struct twz_rt_stat stat;
	int error, status;

	if (!to)
		fail_usage("missing: ", "--for CONTEXT");
	if (twz_perms_parse(perms, &cap.perms))
		fail_usage("permissions are some of rwxud, not ", perms);
	if (gate && twz_gate_parse(gate, &cap))
		fail_usage("a gate is OFFSET,LENGTH,ALIGN, not ", gate);
	if (cap.expires && cap.expires <= cap.not_before)
		fail_usage("it would end before it begins: ", until);
	status = named(object, &cap.target);
	if (!status)
		status = named(to, &cap.accessor);
	if (status)
		return status;
	error = twz_obj_stat(cap.target, &stat);
	if (error)
		return fail_error(object, error);
	if (of_key && stat.identity.type != TWZ_TYPE_KEY)
		return fail(object, "is no key");
	cap.flags |= (delegate ? TWZ_CAP_DELEGATE : 0) | (of_key ? TWZ_CAP_KEY : 0);
	status = sign ? sign_with(sign, &cap, of_key ? cap.target : stat.identity.key)
		      : sign_by_keyring(object, &cap);
	if (status)
		return status;
	return out_path ? write_out(&cap) : put_into(to, &cap, 1);
}

/* ---- add ----------------------------------------------------------------------------------------- */

/* A copy, as others may store to the object. */
static int add(const char *name)
{
	struct twz_cap chain[TWZ_CAP_DEPTH_MAX + 1];
	struct twz_obj obj;
	struct twz_id id;
	uint64_t bytes;
	int error, status = named(name, &id);

	if (!status)
		status = need(name, id, TWZ_READ);
	if (status)
		return status;
	error = twz_obj_open(id, &obj);
	if (error)
		return fail_error(name, error);
	bytes = twz_obj_size(&obj);
	if (bytes < sizeof(*chain) || bytes > sizeof(chain) || bytes % sizeof(*chain))
		return fail(name, "holds no capability");
	memcpy(chain, twz_obj_data(&obj), bytes);
	if (chain->magic != TWZ_CAP_MAGIC)
		return fail(name, "holds no capability");
	return put_into(name, chain, (uint32_t)(bytes / sizeof(*chain)));
}

/* ---- show ---------------------------------------------------------------------------------------- */

static int show_item(const struct twz_context_item *item, void *arg)
{
	const struct twz_id *only = arg;

	if (!item->chain || (only && !twz_id_equal(*only, item->target)))
		return 0;
	twz_print("capability at 0x%llx\n", (unsigned long long)item->off);
	print_chain(item->chain, item->count);
	return 0;
}

static int show(const char *name, const char *object)
{
	struct twz_id only;
	struct twz_obj obj;
	int error, status = object ? named(object, &only) : STATUS_OK;

	if (!status)
		status = named_context(name, &obj);
	if (status)
		return status;
	error = twz_context_each(&obj, show_item, object ? &only : NULL);
	return error ? fail_error(name, error) : STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "--for", .value = &to},
					 {.name = "--sign", .value = &sign},
					 {.name = "--from", .value = &from},
					 {.name = "--until", .value = &until},
					 {.name = "--gate", .value = &gate},
					 {.name = "--delegate", .flag = &delegate},
					 {.name = "--of-key", .flag = &of_key},
					 {.name = "--out", .value = &out_path},
					 {0}};

	program_begin(help, options, 2, 3, &argc, argv);
	if (!strcmp(argv[0], "show"))
		program_end(show(argv[1], argc > 2 ? argv[2] : NULL));
	if (!strcmp(argv[0], "add"))
		program_end(add(argv[1]));
	if (strcmp(argv[0], "make"))
		fail_usage("make, add or show, not ", argv[0]);
	if (argc < 3)
		fail_usage("an argument is missing", "");
	program_end(make(argv[1], argv[2]));
}
