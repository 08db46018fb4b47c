/*
 * flow.h - messages through queues, from some threads to others: the part of the test that is the same in
 * both homes. Threads are the home's own.
 *
 * Producers put numbered messages into two queues, in turns; consumers wait for both at once, and for a
 * byte object, to which each consumer appends what it got. At the end every message was got once, and what
 * one producer put into one queue was appended by each consumer in that order.
 */
#ifndef TESTS_HOME_FLOW_H
#define TESTS_HOME_FLOW_H

#include <twz/twz.h>

#define FLOW_PRODUCERS 2
#define FLOW_CONSUMERS 2
#define FLOW_MESSAGES 60 /* of each producer */
#define FLOW_ALL (FLOW_PRODUCERS * FLOW_MESSAGES)
#define FLOW_PATIENCE_NS 200000000000ull /* only what hangs takes so long */

struct flow {
	twz_queue_of(uint32_t) queue[2];
	struct twz_obj log; /* struct flow_line, one for each message */
	uint32_t got;       /* messages */
	uint32_t waits;     /* that consumers woke from */
};

struct flow_line {
	uint32_t consumer, message;
};

static inline int flow_setup(struct flow *f)
{
	const struct twz_new new = {.ending = true};
	int error = twz_obj_new(&new, &f->log);

	for (unsigned i = 0; i < 2 && !error; i++) {
		error = twz_obj_new(&new, &f->queue[i].obj);
		if (!error)
			error = twz_queue_make_of(&f->queue[i], 6);
	}
	return error;
}

/* Null or what is wrong. */
static inline const char *flow_produce(struct flow *f, uint32_t number)
{
	for (uint32_t i = 0; i < FLOW_MESSAGES; i++) {
		uint32_t message = number * FLOW_MESSAGES + i;

		if (twz_queue_send(&f->queue[i % 2], message, ~0ull))
			return "a message could not be put";
	}
	return NULL;
}

/* The first message of the second queue, in a transaction. */
static inline int flow_get_tx(struct flow *f, uint32_t *message)
{
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = twz_queue_receive_tx(&tx, &f->queue[1], message);
	if (error) {
		twz_tx_abort(&tx);
		return error == TWZ_E_BUSY ? TWZ_E_TIMEOUT : error;
	}
	error = twz_tx_commit(&tx);
	twz_queue_wake(&f->queue[1].obj);
	return error;
}

/* One message of the queue, if there still is one. */
static inline const char *flow_get(struct flow *f, unsigned i, struct flow_line *line,
				   struct twz_io *log)
{
	int error = i ? flow_get_tx(f, &line->message)
		      : twz_queue_receive(&f->queue[0], &line->message, 0);

	if (error == TWZ_E_TIMEOUT)
		return NULL;
	if (error)
		return "a message could not be got";
	__atomic_add_fetch(&f->got, 1, __ATOMIC_SEQ_CST); /* before who waits for the log looks */
	return twz_io_write(log, line, sizeof(*line)) == sizeof(*line)
		       ? NULL
		       : "nothing could be appended";
}

static inline const char *flow_consume(struct flow *f, uint32_t number)
{
	struct flow_line line = {.consumer = number};
	struct twz_event events[3];
	struct twz_io log;
	const char *wrong = NULL;

	if (twz_io_open(&f->log, TWZ_IO_APPEND, &log) ||
	    twz_event_of(&f->queue[0].obj, TWZ_EVENT_READ, &events[0]) ||
	    twz_event_of(&f->queue[1].obj, TWZ_EVENT_READ, &events[1]) ||
	    twz_event_of(&f->log, TWZ_EVENT_READ, &events[2]))
		return "something cannot be waited for";
	while (!wrong && __atomic_load_n(&f->got, __ATOMIC_SEQ_CST) < FLOW_ALL) {
		int n = twz_event_wait(events, 3,
				       FLOW_PATIENCE_NS); /* the last one is in the log */

		if (n < 0)
			return "nothing happens";
		__atomic_add_fetch(&f->waits, 1, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 2 && !wrong; i++)
			if (events[i].ready)
				wrong = flow_get(f, i, &line, &log);
	}
	return wrong;
}

/* Afterwards. */
static inline const char *flow_check(struct flow *f)
{
	uint32_t last[FLOW_CONSUMERS][FLOW_PRODUCERS][2] = {
		0}; /* 1 + the number of the last message */
	uint8_t seen[FLOW_ALL] = {0};
	struct flow_line line;
	struct twz_io log;

	if (twz_io_open(&f->log, 0, &log))
		return "the log cannot be read";
	for (uint32_t i = 0; i < FLOW_ALL; i++) {
		uint32_t *before, number;

		if (twz_io_read(&log, &line, sizeof(line)) != sizeof(line) ||
		    line.message >= FLOW_ALL || line.consumer >= FLOW_CONSUMERS)
			return "the log is not whole";
		if (seen[line.message]++)
			return "a message was got twice";
		number = line.message % FLOW_MESSAGES;
		before = &last[line.consumer][line.message / FLOW_MESSAGES][number % 2];
		if (number + 1 <= *before)
			return "a message came before an earlier one";
		*before = number + 1;
	}
	return twz_io_read(&log, &line, 1) ? "the log is too long" : NULL;
}

#endif
