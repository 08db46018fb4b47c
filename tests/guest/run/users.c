/*
 * users.c - what users can do to each other and to the keyring: run by tests/machine/users.sh in a store with the
 * users alice ("sesame") and bob ("secret"), and a keyring.
 *
 *     users                  all of it, in the boot context
 *     users ROLE ID...       what a user does; the first ID is always the other's context
 */
#include <twz/keyring.h>
#include <twz/name.h>
#include <twz/right.h>

#include "core/probe.h"
#include "rt/minimal/program.h"
#include "tests/guest/test.h"

#define SECOND_NS 1000000000ull
#define SLOT (TEST_SLOT + 10)

static bool good = true;
#define IS(what) (good = CHECK(what) && good)
#define EQ(a, b) (good = CHECK_EQ(a, b) && good)

static const struct twz_id none;

static struct twz_id resolve(const char *path)
{
	struct twz_id id = {0, 0};

	EQ(twz_name_resolve(path, &id), 0);
	return id;
}

/* ---- running as a user --------------------------------------------------------------------------- */

#define IDS_MAX 8u
struct role {
	char text[2 + IDS_MAX][TWZ_ID_TEXT];
	const char *argv[5 + IDS_MAX];
	struct twz_rt_program program;
};

/* `as` in the session, which runs the role in the user's context. */
static void role_of(struct role *role, const struct twz_session *session, const char *name,
		    const struct twz_id *ids, unsigned nids)
{
	unsigned n = 0;

	role->argv[n++] = "as";
	twz_id_text(session->user, role->text[IDS_MAX]);
	role->argv[n++] = role->text[IDS_MAX];
	role->argv[n++] = "users";
	role->argv[n++] = name;
	for (unsigned i = 0; i < nids; i++) {
		twz_id_text(ids[i], role->text[i]);
		role->argv[n++] = role->text[i];
	}
	role->argv[n] = NULL;
	role->program = (struct twz_rt_program){
		.argv = role->argv, .timeout_ns = 60 * SECOND_NS, .context = session->context};
}

/* Runs it; its status. */
static int run(const struct twz_session *session, const char *name, const struct twz_id *ids,
	       unsigned nids)
{
	struct role role;
	int status = -1;

	role_of(&role, session, name, ids, nids);
	EQ(twz_rt_run_as(&role.program, &status), 0);
	return status;
}

static struct twz_session log_in(const char *name, const char *passphrase)
{
	struct twz_session session = {0};

	EQ(twz_keyring_login(name, passphrase, strlen(passphrase), &session), 0);
	return session;
}

/* ---- roles: what a user does ------------------------------------------------------------------------ */

/* ids: bob's context. Alice signs for what is hers. */
static void sign(const struct twz_id ids[])
{
	const struct twz_id key = twz_rt_info()->key, home = resolve(TWZ_HOMES "/alice");
	struct twz_cap cap = {.perms = TWZ_READ, .target = home, .accessor = ids[0]};
	struct twz_rt_answer answer;
	struct twz_obj context;

	EQ(twz_keyring_sign(&cap), 0);
	IS(twz_id_equal(cap.signer, key) && twz_id_equal(cap.accessor, ids[0]));
	/* For herself, to see that the kernel takes it: in a context of hers that has nothing else. */
	EQ(twz_context_make(&(struct twz_context_new){.key = key,
						      .global_mask = TWZ_PERM_ALL,
						      .temporary = true},
			    &context),
	   0);
	cap = (struct twz_cap){.perms = TWZ_READ, .target = home, .accessor = context.id};
	EQ(twz_keyring_sign(&cap), 0);
	EQ(twz_context_add(&context, &cap, 1), 0);
	EQ(twz_context_publish(&context), 0);
	EQ(twz_right_explain(home, context.id, &answer), 0);
	EQ(answer.effective, TWZ_READ);
	/* What she may not do herself; what there is not. */
	cap = (struct twz_cap){
		.perms = TWZ_READ | TWZ_WRITE, .target = resolve("/"), .accessor = context.id};
	EQ(twz_keyring_sign(&cap), TWZ_E_RIGHT);
	cap.target = (struct twz_id){1, 2};
	EQ(twz_keyring_sign(&cap), TWZ_E_NOTFOUND);
	cap = (struct twz_cap){
		.perms = TWZ_READ, .flags = 8, .target = home, .accessor = context.id};
	EQ(twz_keyring_sign(&cap), TWZ_E_ARG);
	twz_obj_delete(context.id);
	/* Within masks that she cannot leave: nothing, as these do not say that it may be called. */
	EQ(twz_context_make(&(struct twz_context_new){.key = key,
						      .global_mask = TWZ_PERM_ALL,
						      .undetachable = true,
						      .temporary = true},
			    &context),
	   0);
	EQ(twz_context_mask(&context, home, 0, TWZ_READ), 0);
	EQ(twz_context_publish(&context), 0);
	EQ(twz_context_attach(context.id, 0), 0);
	cap = (struct twz_cap){.perms = TWZ_READ, .target = home, .accessor = ids[0]};
	EQ(twz_keyring_sign(&cap), TWZ_E_NOTFOUND);
}

/* ids: bob's context, two sessions of alice's. She ends them: then nothing is signed. */
static void end(const struct twz_id ids[])
{
	struct twz_cap cap = {
		.perms = TWZ_READ, .target = resolve(TWZ_HOMES "/alice"), .accessor = ids[0]};
	struct twz_cap again = cap;

	EQ(twz_keyring_logout(ids[2]), 0);
	EQ(twz_keyring_logout(ids[2]), TWZ_E_NOTFOUND);
	EQ(twz_keyring_sign(&again), 0);
	EQ(twz_keyring_logout(ids[1]), 0);
	EQ(twz_keyring_sign(&cap), TWZ_E_NOTFOUND);
	if (good)
		test_say("users: end: nothing is signed any more");
}

/* No right at all: it is not there, cannot be mapped, and cannot be given away. */
static void has_nothing(struct twz_id id)
{
	struct twz_rt_stat stat;
	struct twz_fault fault;
	uint64_t word;

	EQ(twz_rt_stat(id, &stat), TWZ_E_NOTFOUND);
	IS(window_read(id, 0, &word, sizeof(word)) < 0);
	fault = test_load(test_map(SLOT, id, TWZ_VIEW_READ) + TWZ_OBJ_DATA);
	IS(fault.kind != 0);
	fault = test_store(test_map(SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA);
	IS(fault.kind != 0);
	test_unmap(SLOT);
	IS(twz_rt_grant(id, twz_rt_info()->context, TWZ_READ) < 0);
	IS(twz_rt_delete(id) < 0);
}

/* Calls of the keyring with what no client sends. */
static void odd_calls(struct twz_id alice, struct twz_id keyring)
{
	const uint64_t odd[] = {0, 1, 0xfff, TWZ_OBJ_DATA, 1ull << 30, 1ull << 47, ~0ull};
	struct twz_service service;
	struct twz_buffer buffer;
	struct keyring_login *login;
	struct twz_cap *cap;

	EQ(twz_service_open(TWZ_KEYRING, KEYRING_VERSION, &service), 0);
	EQ(twz_service_open(TWZ_KEYRING, TWZ_VERSION(2, 0), &service), TWZ_E_VERSION);
	EQ(twz_service_open(TWZ_KEYRING, KEYRING_VERSION, &service), 0);
	for (uint32_t call = 0; call < 8; call++)
		for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			for (unsigned j = 0; j < sizeof(odd) / sizeof(odd[0]); j++)
				IS(twz_service_call(&service, call,
						    (const uint64_t[5]){odd[i], odd[j], odd[j],
									odd[i], odd[j]}) < 0);
	EQ(twz_buffer_take(&service, 2 * sizeof(*login), &buffer), 0);
	/* A name without an end, a passphrase of 4 GiB, names that are paths, a part of a buffer. */
	login = buffer.data;
	memset(login, 'a', sizeof(*login));
	EQ(TWZ_CALL(&service, keyring_login, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_RIGHT);
	memset(login, 0, sizeof(*login));
	memcpy(login->name, "bob", 4);
	login->bytes = ~0u;
	EQ(TWZ_CALL(&service, keyring_login, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_RIGHT);
	login->bytes = 0;
	memcpy(login->name, "../home", 8);
	EQ(TWZ_CALL(&service, keyring_login, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_RIGHT);
	memcpy(login->name, "..", 3);
	EQ(TWZ_CALL(&service, keyring_login, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_RIGHT);
	login->name[0] = 0;
	EQ(TWZ_CALL(&service, keyring_login, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_RIGHT);
	EQ(TWZ_CALL(&service, keyring_login, TWZ_ID_ARGS(buffer.id), 1ull << 30), TWZ_E_RANGE);
	/* The keyring's own, by which it would be its deputy: what bob may not read is not read. */
	EQ(TWZ_CALL(&service, keyring_sign, TWZ_ID_ARGS(keyring), TWZ_OBJ_DATA), TWZ_E_NOTFOUND);
	EQ(TWZ_CALL(&service, keyring_sign, TWZ_ID_ARGS(alice), TWZ_OBJ_DATA), TWZ_E_NOTFOUND);
	/* A right for the keyring's own memory. */
	cap = buffer.data;
	*cap = (struct twz_cap){.perms = TWZ_READ, .target = keyring, .accessor = alice};
	EQ(TWZ_CALL(&service, keyring_sign, TWZ_BUFFER_ARGS(&buffer)), TWZ_E_NOTFOUND);
	twz_service_close(&service);
}

/* ids: alice's context, her session, her home, the keyring's context, view, data, stack and stacks. Bob tries them. */
static void attack(const struct twz_id ids[])
{
	struct twz_cap cap = {
		.perms = TWZ_READ, .target = ids[2], .accessor = twz_rt_info()->context};
	struct twz_session session;

	/* The keyring's context, and what lies in its memory; alice's. */
	for (unsigned i = 0; i < IDS_MAX; i++)
		has_nothing(ids[i]);
	IS(twz_context_attach(ids[3], 0) < 0);
	IS(twz_context_switch(ids[1]) < 0);
	/* He cannot have alice's key sign, neither for himself nor for her. */
	EQ(twz_keyring_sign(&cap), TWZ_E_NOTFOUND);
	cap.accessor = ids[0];
	EQ(twz_keyring_sign(&cap), TWZ_E_NOTFOUND);
	cap.target = resolve(TWZ_HOMES "/bob");
	EQ(twz_keyring_sign(&cap), 0);
	IS(twz_id_equal(cap.signer, twz_rt_info()->key));
	EQ(twz_keyring_logout(ids[1]), TWZ_E_NOTFOUND);
	EQ(twz_keyring_logout(none), TWZ_E_NOTFOUND);
	EQ(twz_keyring_login("alice", "secret", 6, &session), TWZ_E_RIGHT);
	IS(twz_id_none(session.context));
	odd_calls(ids[0], ids[3]);
	/* After all that it works. */
	EQ(twz_keyring_login("bob", "secret", 6, &session), 0);
	EQ(twz_keyring_logout(session.context), 0);
}

/* Alice takes all that there is for her, and holds it till there is the name. */
#define ENOUGH "/enough"
static void fill(const struct twz_id ids[])
{
	const uint32_t never = 0;
	struct twz_id id, last[3];
	struct twz_obj obj;
	int error;

	(void)ids;
	while (!(error = twz_obj_new(&(struct twz_new){.ending = true, .bytes = 16 * TWZ_PAGE},
				     &obj)))
		;
	EQ(error, TWZ_E_LIMIT);
	for (unsigned i = 0;; i++) {
		error = twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 16 * TWZ_PAGE},
				    &obj);
		if (error)
			break;
		last[i % 3] = obj.id;
	}
	EQ(error, TWZ_E_LIMIT);
	for (unsigned i = 0; i < 3; i++) /* what this program itself still needs */
		EQ(twz_obj_delete(last[i]), 0);
	while (twz_name_resolve(ENOUGH, &id))
		twz_rt_wait(&never, 0, SECOND_NS / 50);
}

/* Bob works on. */
static void work(const struct twz_id ids[])
{
	struct twz_obj obj;

	(void)ids;
	for (unsigned i = 0; i < 64; i++) {
		EQ(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 16 * TWZ_PAGE}, &obj), 0);
		EQ(twz_obj_delete(obj.id), 0);
		EQ(twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 16 * TWZ_PAGE}, &obj),
		   0);
		EQ(twz_obj_delete(obj.id), 0);
	}
}

/* Is there anything more for this user? */
static void take(const struct twz_id ids[])
{
	struct twz_obj obj;

	(void)ids;
	good = !twz_obj_new(&(struct twz_new){.ending = true, .bytes = 16 * TWZ_PAGE}, &obj);
}

static const struct {
	const char *name;
	void (*run)(const struct twz_id ids[]);
} roles[] = {{"sign", sign}, {"end", end},   {"attack", attack},
	     {"fill", fill}, {"work", work}, {"take", take}};

static void play(const char *name, int nids, char *text[])
{
	struct twz_id ids[IDS_MAX] = {{0}};

	for (int i = 0; i < nids && i < (int)IDS_MAX; i++)
		IS(!twz_id_parse(text[i], &ids[i]));
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(roles[i].name, name))
			roles[i].run(ids);
}

/* ---- the whole, in the boot context ------------------------------------------------------------------ */

/* The keyring's view, data, stack, and the stacks of its callers. */
static void find_keyring(struct twz_id ids[4])
{
	static const uint32_t slots[] = {TWZ_SLOT_DATA, TWZ_SLOT_STACK, TWZ_SLOT_GATE};
	struct twz_rt_thread thread = {0};
	struct twz_view_slot slot;

	while (!twz_rt_thread_next(&thread) && strcmp(thread.name, "keyring") != 0)
		;
	IS(!strcmp(thread.name, "keyring"));
	ids[0] = thread.view;
	for (unsigned i = 0; i < 3; i++) {
		EQ(window_read(thread.view, offsetof(struct twz_view, slot[slots[i]]), &slot,
			       sizeof(slot)),
		   0);
		IS(!twz_id_none(slot.id));
		ids[1 + i] = slot.id;
	}
}

static uint64_t refusing_takes(const char *user, const char *passphrase)
{
	const uint64_t start = twz_rt_time_ns();
	struct twz_session session;

	EQ(twz_keyring_login(user, passphrase, strlen(passphrase), &session), TWZ_E_RIGHT);
	return twz_rt_time_ns() - start;
}

static void passphrases_are_tried_so_often(void)
{
	struct twz_session session;

	uint64_t known = ~0ull, unknown = ~0ull, ns;

	for (unsigned i = 0; i < TWZ_LOGIN_TRIES; i++) {
		ns = refusing_takes("bob", "wrong");
		known = ns < known ? ns : known;
		ns = refusing_takes("nobody", "secret");
		unknown = ns < unknown ? ns : unknown;
	}
	/* At the least: the host may be busy. */
	IS(unknown * 8 > known && known * 8 > unknown); /* without the work it is 1000 times */
	/* The right one is not even looked at; of others it is. */
	EQ(twz_keyring_login("bob", "secret", 6, &session), TWZ_E_BUSY);
	EQ(twz_keyring_login("nobody", "secret", 6, &session), TWZ_E_BUSY);
	session = log_in("alice", "sesame");
	EQ(twz_keyring_logout(session.context), 0);
	EQ(twz_keyring_login("alice", "sesame", TWZ_PASSPHRASE_MAX + 1, &session), TWZ_E_ARG);
}

/* A session is no use to those who did not log in, and goes with the thread that did. */
static int log_in_and_end(void *arg)
{
	*(struct twz_session *)arg = log_in("bob", "secret");
	return 0;
}

static void a_session_ends_with_its_thread(void)
{
	struct twz_rt_program program = {.argv = (const char *const[]){"whoami", NULL},
					 .timeout_ns = ~0ull};
	struct twz_session session;
	struct twz_id thread;
	int status;

	EQ(twz_rt_thread_start(log_in_and_end, &session, "login", &thread), 0);
	EQ(twz_rt_thread_wait(thread, ~0ull, &status), 0);
	EQ(twz_keyring_logout(session.context), TWZ_E_NOTFOUND);
	program.context = session.context;
	IS(twz_rt_run_as(&program, &status) < 0);
}

/* Sessions are alice's own, till there is no room for another; the keyring works on for others. */
static void log_in_till_full(void)
{
	struct twz_session session[TWZ_SESSIONS], other;
	unsigned n = 0;
	int error;

	while (!(error = twz_keyring_login("alice", "sesame", 6, &session[n])) && ++n < 16)
		;
	test_say("users: %u more sessions: %s", n, twz_error_text(error));
	EQ(error, TWZ_E_LIMIT);
	other = log_in("bob", "secret");
	EQ(twz_keyring_logout(other.context), 0);
	while (n)
		EQ(twz_keyring_logout(session[--n].context), 0);
}

/* One user is at his limits; the other works on. */
static void limits_are_each_users(const struct twz_session *alice, const struct twz_session *bob)
{
	struct twz_rt_account account = {0};
	struct twz_id thread, space;
	struct twz_rt_stat stat;
	struct role role, more;
	const uint32_t never = 0;
	int status;

	EQ(twz_obj_stat(alice->user, &stat),
	   TWZ_E_NOTFOUND); /* the boot context knows none of it */
	role_of(&role, alice, "fill", &bob->user, 1);
	EQ(program_start(program_find("as"), &role.program, &thread), 0);
	for (unsigned i = 0; i < 500; i++) {
		EQ(twz_rt_account(alice->key, &account), 0);
		if (account.pages + 20 > account.page_limit &&
		    account.frames + 80 > account.frame_limit)
			break;
		twz_rt_wait(&never, 0, SECOND_NS / 50);
	}
	IS(account.pages + 20 > account.page_limit && account.frames + 80 > account.frame_limit);
	log_in_till_full();
	EQ(run(bob, "work", &alice->user, 1), 0);
	role_of(&more, alice, "take", &bob->user, 1);
	status = 0;
	IS(twz_rt_run_as(&more.program, &status) == TWZ_E_LIMIT || status);
	EQ(twz_ns_make(ENOUGH, &space), 0);
	EQ(twz_rt_thread_wait(thread, 20 * SECOND_NS, &status), 0);
	twz_rt_delete(thread);
	EQ(twz_name_unbind(ENOUGH, TWZ_NAME_DELETE), 0);
}

/* ---- what is left in the keyring's memory ------------------------------------------------------------ */

#define SCANNED (16u << 20) /* bytes of each object: more than any of them has */
#define SEEDS_MAX 8u

static struct {
	uint8_t seed[SEEDS_MAX][32];
	unsigned n;
} seen;

/* Open private keys, noted. */
static unsigned look_for_secrets(const uint8_t *page)
{
	unsigned found = 0;

	for (unsigned at = 0; at + sizeof(struct twz_secret) <= 2 * TWZ_PAGE && at < TWZ_PAGE;
	     at += 8) {
		struct twz_secret secret;

		memcpy(&secret, page + at, sizeof(secret));
		if (twz_secret_check(&secret))
			continue;
		if (seen.n < SEEDS_MAX)
			memcpy(seen.seed[seen.n++], secret.seed, sizeof(secret.seed));
		found++;
	}
	return found;
}

static unsigned look_for_seeds(const uint8_t *page)
{
	unsigned found = 0;

	for (unsigned i = 0; i < seen.n; i++)
		for (unsigned at = 0; at < TWZ_PAGE; at += 8) /* half of one is enough */
			found += !memcmp(page + at, seen.seed[i], 16) ||
				 !memcmp(page + at, seen.seed[i] + 16, 16);
	return found;
}

/* In all that it has, by the boot context, which has started it. */
static unsigned scan(const struct twz_id parts[4], unsigned (*look)(const uint8_t *page))
{
	static uint8_t page[2 * TWZ_PAGE]; /* what crosses into the next one is seen, too */
	unsigned found = 0;

	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *data = test_map(SLOT, parts[i], TWZ_VIEW_READ) + TWZ_OBJ_DATA;

		for (uint64_t at = 0; at < SCANNED; at += TWZ_PAGE) {
			memset(page, 0, sizeof(page));
			if (!probe_copy(page, data + at, TWZ_PAGE))
				continue; /* a guard page */
			probe_copy(page + TWZ_PAGE, data + at + TWZ_PAGE, TWZ_PAGE);
			found += look(page);
		}
	}
	test_unmap(SLOT);
	return found;
}

static void play_all(void)
{
	struct twz_session alice = log_in("alice", "sesame"), more = log_in("alice", "sesame"),
			   bob = log_in("bob", "secret");
	struct twz_id ids[IDS_MAX] = {alice.user, alice.context, resolve(TWZ_HOMES "/alice"),
				      resolve(TWZ_KEYRING)};

	find_keyring(&ids[4]);
	EQ(run(&alice, "sign", &bob.user, 1), 0);
	EQ(run(&bob, "attack", ids, IDS_MAX), 0);
	limits_are_each_users(&alice, &bob);
	EQ(scan(&ids[4], look_for_secrets), 3); /* one for each session, and nowhere else */
	EQ(seen.n, 3);
	run(&alice, "end", (const struct twz_id[]){bob.user, alice.context, more.context}, 3);
	EQ(twz_keyring_logout(bob.context), 0);
	EQ(scan(&ids[4], look_for_seeds), 0);
	a_session_ends_with_its_thread();
	passphrases_are_tried_so_often();
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		play(argv[1], argc - 2, argv + 2);
		return !good;
	}
	play_all();
	test_say("users: %s", good ? "all is as it must be" : "FAILED");
	return !good;
}
