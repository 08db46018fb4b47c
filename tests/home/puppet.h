/*
 * puppet.h - for tests on the hosted runtime: other processes in the same store, which do one thing at a time.
 *
 * A puppet is this executable in the role "puppet" (main calls puppet_role). puppet_do has it do something
 * and waits for the answer; puppet_begin and puppet_end are the two halves, for what others do meanwhile.
 */
#ifndef TESTS_HOME_PUPPET_H
#define TESTS_HOME_PUPPET_H

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "rt/linux/home.h"
#include "rt/linux/lease.h"
#include "tests/home/home.h"
#include "tests/home/moment.h"

struct puppet {
	pid_t pid;
	int to, from;
};

enum puppet_op {
	PUPPET_LOAD, /* the word */
	PUPPET_PUT,  /* a plain store */
	PUPPET_KEEP, /* its address, for the next two, which open nothing */
	PUPPET_LOAD_KEPT,
	PUPPET_PUT_KEPT,
	PUPPET_PAIR, /* counts it up, and the word `value` bytes behind, until the one next to it is set */
	PUPPET_PAIR_TX, /* the same, each time in a transaction */
	PUPPET_TOUCH,   /* so many bytes, to be written */
	PUPPET_COPY,    /* what: a new object */
	PUPPET_DELETE,  /* and all else that changes pages */
	PUPPET_DROP,
	PUPPET_STAGE, /* in a transaction that begins with it */
	PUPPET_COMMIT,
	PUPPET_WAIT,  /* until the word is another than `value` */
	PUPPET_LIMIT, /* of leases in the table */
	PUPPET_SLEEP, /* until it is woken (moment.h), or as ever */
	PUPPET_LOCK,  /* the store's, and keeps it */
};

struct puppet_say {
	uint32_t op;   /* enum puppet_op */
	uint32_t kind; /* in the answer: of a fault, 0: none */
	struct twz_id id;
	uint64_t offset, value;
	int64_t error;
};

/* ---- in the puppet ------------------------------------------------------------------------------ */

static struct twz_tx puppet_tx;
static uint64_t *puppet_kept;

static void puppet_act(struct puppet_say *say, uint8_t *base)
{
	uint64_t *word = (uint64_t *)(base + say->offset);
	uint64_t *staged, i;

	switch (say->op) {
	case PUPPET_LOAD:
		say->value = load(word);
		break;
	case PUPPET_PUT:
		put(word, say->value);
		break;
	case PUPPET_KEEP:
		puppet_kept = word;
		break;
	case PUPPET_LOAD_KEPT:
		say->value = load(puppet_kept);
		break;
	case PUPPET_PUT_KEPT:
		put(puppet_kept, say->value);
		break;
	case PUPPET_PAIR:
		for (i = 0; !load(word + 1); i++) {
			put(word, i + 1);
			put((uint8_t *)word + say->value, i + 1);
			if (i % 64 == 63)
				sched_yield(); /* who is recalled has another thread to run */
		}
		say->value = i;
		break;
	case PUPPET_PAIR_TX:
		for (i = 0; !load(word + 1); i++) {
			twz_tx_begin(&puppet_tx);
			twz_tx_set(&puppet_tx, word, i + 1);
			twz_tx_set(&puppet_tx, (uint64_t *)((uint8_t *)word + say->value), i + 1);
			MUST(twz_tx_commit(&puppet_tx));
		}
		say->value = i;
		break;
	case PUPPET_TOUCH:
		say->error = twz_rt_touch(word, say->value);
		break;
	case PUPPET_COPY:
		say->error = twz_obj_copy(say->id, true, &say->id);
		break;
	case PUPPET_DELETE:
		say->error = twz_obj_delete(say->id);
		break;
	case PUPPET_DROP:
		say->error = twz_rt_drop(say->id, say->offset / TWZ_PAGE, say->value);
		break;
	case PUPPET_STAGE:
		twz_tx_begin(&puppet_tx);
		staged = twz_tx_write(&puppet_tx, word, 8);
		if (staged)
			*staged = say->value;
		break;
	case PUPPET_COMMIT:
		say->error = twz_tx_commit(&puppet_tx);
		break;
	case PUPPET_WAIT:
		while (load(word) == say->value && !say->error)
			say->error = twz_rt_wait((uint32_t *)word, (uint32_t)say->value, ~0ull);
		say->value = load(word);
		break;
	case PUPPET_LIMIT:
		lease_limit((uint32_t)say->value);
		break;
	case PUPPET_SLEEP:
		sleep_until_woken(say->value);
		break;
	case PUPPET_LOCK:
		home_lock();
	}
}

static _Noreturn void puppet_role(void)
{
	struct puppet_say say;
	struct twz_obj obj;

	while (read(0, &say, sizeof(say)) == sizeof(say)) {
		say.error = 0;
		obj.base = NULL;
		if (say.id.lo | say.id.hi)
			say.error = twz_obj_open(say.id, &obj);
		say.kind = 0;
		if (!say.error && CATCH(puppet_act(&say, obj.base)))
			say.kind = caught.kind;
		if (write(3, &say, sizeof(say)) != sizeof(say))
			break;
	}
	_exit(0);
}

/* ---- who holds the strings ---------------------------------------------------------------------- */

static inline struct puppet puppet_make(void)
{
	int to[2], from[2];
	struct puppet p;
	char fd[32];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		abort();
	snprintf(fd, sizeof(fd), "%d", fcntl(home.image.fd, F_DUPFD, 10));
	p.pid = fork();
	if (!p.pid) {
		int out = fcntl(from[1], F_DUPFD, 10);

		dup2(to[0], 0);
		dup2(out, 3);
		setenv("TWZ_STORE_FD", fd, 1);
		execl("/proc/self/exe", program_invocation_short_name, "puppet", NULL);
		_exit(127);
	}
	close(atoi(fd));
	close(to[0]);
	close(from[1]);
	p.to = to[1];
	p.from = from[0];
	return p;
}

static inline void puppet_begin(const struct puppet *p, struct puppet_say say)
{
	if (write(p->to, &say, sizeof(say)) != sizeof(say))
		abort();
}

static inline struct puppet_say puppet_end(const struct puppet *p)
{
	struct puppet_say say;

	if (read(p->from, &say, sizeof(say)) != sizeof(say)) {
		fprintf(stderr, "a puppet ended\n");
		abort();
	}
	return say;
}

static inline struct puppet_say puppet_do(const struct puppet *p, struct puppet_say say)
{
	puppet_begin(p, say);
	return puppet_end(p);
}

static inline uint64_t puppet_load(const struct puppet *p, struct twz_id id, uint64_t offset)
{
	struct puppet_say say =
		puppet_do(p, (struct puppet_say){.op = PUPPET_LOAD, .id = id, .offset = offset});

	if (say.kind || say.error)
		abort();
	return say.value;
}

static inline void puppet_put(const struct puppet *p, struct twz_id id, uint64_t offset,
			      uint64_t value)
{
	struct puppet_say say = puppet_do(
		p,
		(struct puppet_say){.op = PUPPET_PUT, .id = id, .offset = offset, .value = value});

	if (say.kind || say.error)
		abort();
}

static inline void puppet_kill(struct puppet *p)
{
	int status;

	kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	close(p->to);
	close(p->from);
}

#endif
