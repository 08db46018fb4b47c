/*
 * naming.c - what a program may and may not have the service for names do, and the console's (tests/machine/services.sh).
 *
 *     naming refused     requests that must be refused, in a context that may USE the root and not /srv
 *     naming many        a few thousand changes
 *     naming killed      callers that are ended at some moment
 *     naming loop        renames /one to /two and back until it is ended
 *     naming lines       lines that look like somebody else's
 *     naming served      one request: somebody serves
 *
 * Prints what is wrong, and "NAME: N checks" at the end; the status says whether all was right.
 */
#include <string.h>
#include <twz/console.h>
#include <twz/names.h>
#include <twz/twz.h>

#define PATIENCE_NS 200000000000ull /* only what hangs takes so long */

static struct twz_service names;
static unsigned checks, wrong;

static void is(int error, int expected, const char *what)
{
	checks++;
	if (error == expected)
		return;
	wrong++;
	twz_print("%s: %s, not %s\n", what, twz_error_text(error), twz_error_text(expected));
}

/* As no library would: the request goes as it is. */
static int request(const struct twz_name_change *change)
{
	struct twz_buffer buffer;
	int error = twz_buffer_take(&names, sizeof(*change), &buffer);

	if (error)
		return error;
	memcpy(buffer.data, change, sizeof(*change));
	error = (int)TWZ_CALL(&names, names_change, TWZ_BUFFER_ARGS(&buffer));
	twz_buffer_give(&names, &buffer);
	return error;
}

static struct twz_name_change change_of(uint32_t kind, struct twz_id space, const char *name,
					struct twz_id id)
{
	struct twz_name_change change = {
		.kind = kind, .id = id, .at = {{.space = space, .length = (uint32_t)strlen(name)}}};

	memcpy(change.at[0].name, name, strlen(name));
	return change;
}

static int bind_in(struct twz_id space, const char *name, struct twz_id id)
{
	struct twz_name_change change = change_of(TWZ_NAME_BIND, space, name, id);

	return request(&change);
}

static struct twz_id id_of(const char *path)
{
	struct twz_id id = {0};

	is(twz_name_resolve(path, &id), 0, path);
	return id;
}

/* ---- refused -------------------------------------------------------------------------------------- */

static void bad_names(struct twz_id root, struct twz_id own)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "/", "tab\t", "esc\033[2J", "\x7f"};
	struct twz_name_change change;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is(bind_in(root, bad[i], own), TWZ_E_NAME, "a bad name");
	change = change_of(TWZ_NAME_BIND, root, "zero", own);
	change.at[0].length = 5; /* with its zero */
	is(request(&change), TWZ_E_NAME, "a zero in a name");
	change.at[0].length = TWZ_NAME_MAX + 1;
	is(request(&change), TWZ_E_NAME, "a name of 256 bytes");
	change.at[0].length = ~0u;
	is(request(&change), TWZ_E_NAME, "a name of 4 GiB");
	change = change_of(TWZ_NAME_RENAME, root, "own", own);
	change.at[1].space = root;
	is(request(&change), TWZ_E_NAME, "renamed to nothing");
}

static void bad_requests(struct twz_id root, struct twz_id own)
{
	struct twz_name_change change = change_of(0, root, "x", own);
	struct twz_buffer buffer;

	is(request(&change), TWZ_E_ARG, "kind 0");
	change.kind = 77;
	is(request(&change), TWZ_E_ARG, "kind 77");
	change = change_of(TWZ_NAME_UNBIND, root, "system", own);
	change.flags = TWZ_NAME_DELETE;
	is(request(&change), TWZ_E_ARG, "delete what is the system's");
	is(twz_buffer_take(&names, sizeof(change), &buffer), 0, "a buffer");
	is((int)TWZ_CALL(&names, names_change, TWZ_ID_ARGS(buffer.id), ~0ull), TWZ_E_RANGE,
	   "a request nowhere");
	is((int)TWZ_CALL(&names, names_change, TWZ_ID_ARGS(own), TWZ_OBJ_DATA), TWZ_E_NOTFOUND,
	   "a request that the service may not read");
	is((int)TWZ_CALL(&names, names_change, 1, 2, TWZ_OBJ_DATA), TWZ_E_NOTFOUND,
	   "a request in nothing");
	twz_buffer_give(&names, &buffer);
	is((int)twz_service_call(&names, names_change_call + 1, (const uint64_t[5]){0}),
	   TWZ_E_NOTFOUND, "a call that there is not");
}

static void not_theirs(struct twz_id root, struct twz_id own)
{
	const struct twz_id srv = id_of("/srv"), system = id_of("/system");
	struct twz_name_change change;

	is(bind_in(srv, "mine", own), TWZ_E_RIGHT, "a namespace that one may read only");
	is(bind_in((struct twz_id){7, 7}, "mine", own), TWZ_E_NOTFOUND, "no namespace");
	is(bind_in(own, "mine", own), TWZ_E_RIGHT, "what the service may not write");
	change = change_of(TWZ_NAME_UNBIND, root, "srv", own);
	is(request(&change), TWZ_E_RIGHT, "a namespace of the system loses its name");
	change.kind = TWZ_NAME_RENAME;
	change.at[1] = change.at[0];
	change.at[1].name[0] = 't';
	is(request(&change), TWZ_E_RIGHT, "a namespace of the system is renamed");
	change = change_of(TWZ_NAME_RENAME, root, "own", own);
	change.at[1] = change.at[0];
	change.at[1].space = srv;
	is(request(&change), TWZ_E_RIGHT, "moved to where one may not");
	change = change_of(TWZ_NAME_BIND, root, "twice", srv);
	change.type = TWZ_TYPE_NAMESPACE;
	is(request(&change), TWZ_E_RIGHT, "a namespace of the system gets a name");
	is(twz_name_unbind("/srv", 0), TWZ_E_NOTEMPTY, "what is not empty");
	is(twz_name_bind("/system", own, 0), TWZ_E_EXISTS, "a name that is taken");
	is(twz_name_unbind("/none", 0), TWZ_E_NOTFOUND, "no name");
	is(twz_id_equal(system, id_of("/system")), 1, "/system is what it was");
}

static void refused(void)
{
	const struct twz_id root = id_of("/");
	struct twz_obj obj;

	is(twz_obj_new(&(struct twz_new){.bytes = 1}, &obj), 0, "an object");
	is(twz_name_bind("/own", obj.id, 0), 0, "bound by the service");
	bad_names(root, obj.id);
	bad_requests(root, obj.id);
	not_theirs(root, obj.id);
	is(twz_id_equal(obj.id, id_of("/own")), 1, "/own is what it was");
	is(twz_name_unbind("/own", TWZ_NAME_DELETE), 0, "unbound by the service");
	is(twz_obj_stat(obj.id, &(struct twz_rt_stat){0}), TWZ_E_NOTFOUND, "deleted with its name");
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void spaces(void)
{
	struct twz_id outer, inner, found;
	struct twz_obj obj;

	is(twz_ns_make("/outer", &outer), 0, "a namespace");
	is(twz_ns_make("/outer/inner", &inner), 0, "one in it, which is one's own");
	is(twz_name_unbind("/outer", TWZ_NAME_DELETE), TWZ_E_NOTEMPTY, "what is not empty stays");
	is(twz_name_rename("/outer", "/moved", 0), 0, "moved by the service");
	is(twz_id_equal(inner, id_of("/moved/inner")), 1, "with what is in it");
	is(twz_id_equal(id_of("/moved/inner/../.."), id_of("/")), 1, "what is above it");
	is(twz_obj_new(&(struct twz_new){.bytes = 1}, &obj), 0, "an object");
	is(twz_name_publish("/thing", obj.id, 0), 0, "published");
	is(twz_name_exchange("/thing", "/moved"), 0, "exchanged");
	is(twz_id_equal(outer, id_of("/thing")), 1, "the namespace");
	is(twz_name_unbind("/thing/inner", TWZ_NAME_DELETE), 0, "emptied");
	is(twz_name_rename("/moved", "/thing", TWZ_NAME_REPLACE | TWZ_NAME_DELETE), 0, "replaced");
	is(twz_obj_stat(outer, &(struct twz_rt_stat){0}), TWZ_E_NOTFOUND, "and deleted");
	is(twz_name_resolve("/moved", &found), TWZ_E_NOTFOUND, "and unbound");
	is(twz_name_unbind("/thing", TWZ_NAME_DELETE), 0, "and the rest");
}

static void many(void)
{
	struct twz_obj obj;
	char name[32];

	spaces();
	is(twz_obj_new(&(struct twz_new){.bytes = 1}, &obj), 0, "an object");
	for (unsigned i = 0; i < 1000 && !wrong; i++) {
		twz_format(name, sizeof(name), "/many%u", i);
		is(twz_name_bind(name, obj.id, 0), 0, name);
	}
	for (unsigned i = 0; i < 1000 && !wrong; i++) {
		twz_format(name, sizeof(name), "/many%u", i);
		is(twz_id_equal(id_of(name), obj.id), 1, name);
		is(twz_name_unbind(name, 0), 0, name);
	}
	is(twz_obj_delete(obj.id), 0, "the object");
}

static int loop(void)
{
	int error = 0;

	while (!error) {
		error = twz_name_rename("/one", "/two", 0);
		if (!error)
			error = twz_name_rename("/two", "/one", 0);
	}
	return error;
}

/* It has one of the two names. */
static bool has(const char *name, struct twz_id id)
{
	struct twz_id found;

	return !twz_name_resolve(name, &found) && twz_id_equal(found, id);
}

static void killed(void)
{
	static const char *const argv[] = {"naming", "loop", NULL};
	struct twz_obj obj;
	int status;

	is(twz_obj_new(&(struct twz_new){.bytes = 1}, &obj), 0, "an object");
	is(twz_name_bind("/one", obj.id, 0), 0, "bound");
	for (uint64_t i = 0; i < 20; i++) {
		is(twz_rt_run(argv, (40 + i) * 1000000 + i * 7919, &status), 0, "run");
		is(status, 124, "ended in time");
		is(has("/one", obj.id) + has("/two", obj.id), 1, "names");
		if (has("/two", obj.id))
			is(twz_name_rename("/two", "/one", 0), 0, "back");
	}
	is(twz_name_unbind("/one", TWZ_NAME_DELETE), 0, "unbound");
}

static void lines(void)
{
	static const char text[] = "plain\n[00000000000000000000000000000000] forged\r\033[2K"
				   "[ffffffffffffffffffffffffffffffff] over\nlast";
	char long_text[CONSOLE_TEXT + 1];

	memset(long_text, 'n', sizeof(long_text));
	is(twz_console_say(text, sizeof(text) - 1), 0, "lines");
	is(twz_console_say(text, 0), TWZ_E_ARG, "nothing");
	is(twz_console_say(long_text, sizeof(long_text)), TWZ_E_ARG, "too much");
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	const uint64_t end = twz_rt_time_ns() + PATIENCE_NS;
	static const uint32_t never;
	int error;

	/* Who is started again may not be there yet. */
	while (error = twz_service_open(TWZ_NAMES, NAMES_VERSION, &names),
	       error == TWZ_E_NOTFOUND && twz_rt_time_ns() < end)
		twz_rt_wait(&never, 0, 1000000);
	if (error) {
		twz_warn("naming: %s: %s\n", TWZ_NAMES, twz_error_text(error));
		return 1;
	}
	if (!strcmp(what, "refused"))
		refused();
	else if (!strcmp(what, "many"))
		many();
	else if (!strcmp(what, "killed"))
		killed();
	else if (!strcmp(what, "lines"))
		lines();
	else if (!strcmp(what, "served"))
		is(twz_name_rename("/none", "/neither", 0), TWZ_E_NOTFOUND, "a request");
	else if (!strcmp(what, "loop"))
		return loop() ? 1 : 0;
	else
		return 2;
	twz_print("%s: %u checks\n", what, checks);
	return wrong ? 1 : 0;
}
