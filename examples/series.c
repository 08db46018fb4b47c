/*
 * series.c - measurements by time: put in any order, read by ranges, forwards and backwards.
 *
 * Shows: an ordered map, cursors, changing it in one transaction.
 *
 *     cc -o series series.c $(pkg-config --cflags --libs twz)
 *
 *     ./series my.store put 1200 20.5       at 1200 it was 20.5
 *     ./series my.store range 1000 1300     those from 1000 on, before 1300
 *     ./series my.store last 2              the last two, backwards
 *     ./series my.store thin 100            keeps the first of every 100
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twz/map.h>
#include <twz/store.h>
#include <twz/twz.h>

struct series {
	twz_map(int64_t, double) values; /* by time */
};

static void check(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "series: %s: %s\n", what, twz_error_text(error));
	exit(1);
}

static void print(int64_t time, double value)
{
	printf("%6lld  %g\n", (long long)time, value);
}

/* What others put meanwhile is seen or not; no value is ever half of one. */
static int range(const struct series *series, int64_t from, int64_t to)
{
	struct twz_map_cursor c;
	int64_t time;
	double value;
	int error;

	error = twz_map_seek(&series->values, &c, from, &time, &value);
	for (; !error && time < to; error = twz_map_next(&series->values, &c, &time, &value))
		print(time, value);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

static int last(const struct series *series, unsigned long count)
{
	struct twz_map_cursor c;
	int64_t time;
	double value;
	int error;

	error = twz_map_last(&series->values, &c, &time, &value);
	for (; !error && count--; error = twz_map_prev(&series->values, &c, &time, &value))
		print(time, value);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

/* All of it happens or nothing: a crash leaves the series as it was, or thinned. */
static int thin(struct series *series, int64_t step)
{
	struct twz_map_cursor c;
	int64_t time, next = INT64_MIN;
	struct twz_tx tx;
	double value;
	int error;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, series);
	error = twz_map_first_tx(&tx, &series->values, &c, &time, &value);
	while (!error) {
		if (time < next)
			error = twz_map_remove(&tx, &series->values, time);
		else
			next = time - (time % step + step) % step + step;
		if (!error) /* the cursor goes on, though its entry is gone */
			error = twz_map_next(&series->values, &c, &time, &value);
	}
	if (error == TWZ_E_NOTFOUND)
		return twz_tx_commit(&tx);
	twz_tx_abort(&tx);
	return error;
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[2] : "";
	struct series *series;
	struct twz_obj obj;
	int error;

	if (argc < 4) {
		fprintf(stderr, "usage: series STORE put TIME VALUE | range FROM TO | last N | "
				"thin STEP\n");
		return 2;
	}
	error = twz_store_open_or_make(argv[1], 64 << 20);
	if (error) {
		fprintf(stderr, "series: %s\n", twz_store_error_text(error));
		return 1;
	}
	check("/series", twz_name_open_or_make("/series", &(struct twz_new){.heap = true}, &obj));
	check("/series", twz_first(&obj, &series));

	if (!strcmp(what, "put") && argc == 5)
		error = twz_map_put(NULL, &series->values, atoll(argv[3]), atof(argv[4]));
	else if (!strcmp(what, "range") && argc == 5)
		error = range(series, atoll(argv[3]), atoll(argv[4]));
	else if (!strcmp(what, "last"))
		error = last(series, strtoul(argv[3], NULL, 10));
	else if (!strcmp(what, "thin") && atoll(argv[3]) > 0)
		error = thin(series, atoll(argv[3]));
	else
		error = TWZ_E_ARG;
	check(what, error);
	return 0;
}
