/*
 * svg.c - a picture of a graph, as SVG or for graphviz.
 *
 * The SVG stands alone: no script, no font, nothing from elsewhere. What points at a card or a line is
 * told more; a line leads to where it ends; FILE.svg#oID marks the object ID. It is bounded, as there
 * are at most CARDS_MAX cards and LINES_MAX lines, and each text has a largest length.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twz/graph.h"

#define HEAD 58 /* above the picture: what it is of */
#define FOOT 40 /* below: what the colours say */
#define TITLE_HEIGHT 26
#define TITLE_MIDDLE 15 /* of a box: lines end there */
#define NAME_SHOWN 25   /* characters of a name on a card */
#define NAME_HOVER 300  /* bytes of a path in what is told */

/* ---- texts --------------------------------------------------------------------------------------- */

/* XML's characters are escaped; what it cannot hold is "?". At most so many characters, then dots. */
static void put_xml(FILE *out, const char *text, unsigned most)
{
	size_t left = strlen(text);

	for (unsigned shown = 0; left; shown++) {
		unsigned n = utf8_length(text, left);
		unsigned char c = (unsigned char)*text;

		if (shown == most) {
			fputs("\xe2\x80\xa6", out);
			return;
		}
		if (!n || c < ' ' || c == 127 || (n == 3 && !memcmp(text, "\xef\xbf", 2)))
			fputc('?', out);
		else if (strchr("<>&\"'", c))
			fprintf(out, "&#%u;", c);
		else
			fwrite(text, 1, n, out);
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

/* In a string of graphviz: as in XML, but for its quotes and backslashes. */
static void put_dot(FILE *out, const char *text)
{
	size_t left = strlen(text);

	for (unsigned shown = 0; left && shown < NAME_HOVER; shown++) {
		unsigned n = utf8_length(text, left);
		unsigned char c = (unsigned char)*text;

		if (!n || c < ' ' || c == 127)
			fputc('?', out);
		else
			fprintf(out, "%s%.*s", c == '"' || c == '\\' ? "\\" : "", (int)n, text);
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

static const char *size_text(uint64_t pages, char text[static 32])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double size = (double)pages * 4;
	int unit = 0;

	while (size >= 1024 && unit < 3) {
		size /= 1024;
		unit++;
	}
	snprintf(text, 32, unit && size < 100 ? "%.1f %s" : "%.0f %s", size, units[unit]);
	return text;
}

/* 12,345 */
static const char *count_text(uint32_t n, char text[static 16])
{
	char digits[16];
	int length = snprintf(digits, sizeof(digits), "%u", n), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = 0;
	return text;
}

/* The last name of its path, or how its ID begins; the well-listed ones without a name by what they are. */
static const char *object_name(const struct picture *p, uint32_t i, char text[static 64])
{
	const struct objects *all = &p->graph->all;
	const struct listed *k = &all->listed[i];
	const struct twz_super *super = all->store->super;
	char id[TWZ_ID_TEXT];

	if (i == all->root)
		return "/";
	if (k->name != NO_OBJECT)
		return all->names[k->name].text;
	if (twz_id_equal(k->id, super->key))
		return "@key";
	if (twz_id_equal(k->id, super->boot))
		return "@boot";
	twz_id_text(k->id, id);
	snprintf(text, 64, "%.8s\xe2\x80\xa6", id);
	return text;
}

/* Outside of boxes a last name alone may be that of several: its path, if that is short. */
static const char *card_name(const struct picture *p, const struct card *c,
			     char text[static TWZ_PATH_MAX + 1])
{
	const struct objects *all = &p->graph->all;
	const char *path;

	if (c->up == NO_OBJECT && c->object != all->root) {
		path = objects_path(all, c->object, text);
		if (strlen(path) <= NAME_SHOWN)
			return path;
	}
	return object_name(p, c->object, text);
}

static const char *kind_text(const struct card *c)
{
	return c->type <= TWZ_TYPE_DEVICE ? type_name(c->type) : "unlisted";
}

/* What stands on the card: a name, or how many of what. */
static void put_name(const struct picture *p, const struct card *c, FILE *out)
{
	char text[TWZ_PATH_MAX + 1], n[16];

	if (c->behind) {
		fprintf(out, "%s behind ", count_text(c->count, n));
		put_xml(out, object_name(p, c->object, text), NAME_SHOWN - 10);
	} else if (c->object == NO_OBJECT && c->box)
		fputs("without a name", out);
	else if (c->object == NO_OBJECT && c->type == TWZ_TYPE_NAMESPACE)
		fprintf(out, "more namespaces: %s objects", count_text(c->count, n));
	else if (c->object == NO_OBJECT)
		fprintf(out, "%s more: %s", count_text(c->count, n), kind_text(c));
	else
		put_xml(out, card_name(p, c, text), NAME_SHOWN);
}

static void put_facts(const struct card *c, FILE *out)
{
	char size[32], n[16], m[16];

	if (c->object != NO_OBJECT && c->type == TWZ_TYPE_NAMESPACE && !c->behind)
		fprintf(out, "%s object%s, ", count_text(c->count - 1, n),
			c->count == 2 ? "" : "s");
	else if (c->object != NO_OBJECT && !c->behind)
		fprintf(out, "%s, ", kind_text(c));
	fputs(size_text(c->pages, size), out);
	if (c->out)
		fprintf(out, "  \xe2\x86\x92%s", count_text(c->out, n));
	if (c->in)
		fprintf(out, "  \xe2\x86\x90%s", count_text(c->in, m));
}

/* Of what points at it: path, ID, and how to see more. */
static void put_hover(const struct picture *p, const struct card *c, FILE *out)
{
	const struct graph *g = p->graph;
	char path[TWZ_PATH_MAX + 1], id[TWZ_ID_TEXT];

	fputs("<title>", out);
	if (c->object != NO_OBJECT) {
		put_xml(out, objects_path(&g->all, c->object, path), NAME_HOVER);
		twz_id_text(g->all.listed[c->object].id, id);
		fprintf(out, "\nID %s", id);
	} else {
		put_name(p, c, out);
		if (c->up != NO_OBJECT && p->card[c->up].object != NO_OBJECT) {
			fputs(" in ", out);
			put_xml(out, objects_path(&g->all, p->card[c->up].object, path),
				NAME_HOVER);
		}
	}
	fputc('\n', out);
	put_facts(c, out);
	if (c->object != NO_OBJECT) {
		fprintf(out, "\ntwz graph STORE --from %s", id);
	}
	fputs("</title>", out);
}

/* ---- SVG ----------------------------------------------------------------------------------------- */

static const char style[] =
	"text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:12px;fill:#1c2733}"
	".t{font-size:17px;font-weight:600}.f{font-size:10.5px;fill:#5d6b7a}"
	".b{fill:#f3f6f9;stroke:#c3ced9}.h{font-weight:600;pointer-events:none;"
	"paint-order:stroke;stroke:#f3f6f9;stroke-width:4px}"
	".c{fill:#fff;stroke:#b4c0cc}.d{fill:#fff;stroke:#b4c0cc;stroke-dasharray:4 3}"
	".l{fill:none;stroke-width:1.3;opacity:.65}.q{opacity:.09}.l:hover{opacity:1;stroke-width:"
	"3}"
	":target .c,:target .b{stroke:#d62728;stroke-width:3}"
	".pointer{stroke:#2f6db5}.late{stroke:#2f6db5;stroke-dasharray:6 4}"
	".tie{stroke:#c2452d;stroke-dasharray:2 3}.name{stroke:#8a97a5;stroke-dasharray:1 3}";

static const char *const type_colours[] = {"#4c78a8", "#b98a2f", "#3f9e8f", "#cf4f52",
					   "#6aa84f", "#e0b93c", "#8c6bb1", "#777777"};

static const char *colour(const struct card *c)
{
	return type_colours[c->type < 7 ? c->type : 7];
}

/* How others lead to it inside of the file. */
static void put_anchor(const struct picture *p, uint32_t card, FILE *out)
{
	const struct card *c = &p->card[card];
	char id[TWZ_ID_TEXT];

	if (c->object == NO_OBJECT || c->behind) {
		fprintf(out, "c%u", card);
		return;
	}
	twz_id_text(p->graph->all.listed[c->object].id, id);
	fprintf(out, "o%s", id);
}

static void put_end(const struct picture *p, uint32_t card, FILE *out)
{
	const struct card *c = &p->card[card];
	char path[TWZ_PATH_MAX + 1];

	if (c->object == NO_OBJECT || c->behind)
		put_name(p, c, out);
	else
		put_xml(out, objects_path(&p->graph->all, c->object, path), NAME_HOVER);
}

/* How it is drawn: as what most of it is. */
static enum link_kind line_kind(const struct line *l)
{
	enum link_kind kind = LINK_POINTER;

	for (int k = 0; k < LINK_KINDS; k++)
		if (l->count[k] > l->count[kind])
			kind = (enum link_kind)k;
	return kind;
}

/* "3 pointers (1 holds), 1 tie" */
static void put_counts(const struct line *l, FILE *out)
{
	static const char *const what[] = {"pointer", "", "late-bound name", "tie", "further name"};
	const char *comma = "";

	for (int k = 0; k < LINK_KINDS; k++) {
		if (!l->count[k])
			continue;
		fprintf(out, "%s%u %s%s", comma, l->count[k], what[k], l->count[k] == 1 ? "" : "s");
		if (k == LINK_POINTER && l->holds)
			fprintf(out, " (%u hold%s)", l->holds, l->holds == 1 ? "s" : "");
		comma = ", ";
	}
}

/* From side to side where the target lies beside it; else out of and into the same side. */
static void put_curve(const struct card *a, const struct card *b, FILE *out)
{
	int ay = a->y + (a->box ? TITLE_MIDDLE : a->height / 2);
	int by = b->y + (b->box ? TITLE_MIDDLE : b->height / 2);
	int ax, bx, bend, way;

	if (b->x > a->x + a->width) {
		ax = a->x + a->width;
		bx = b->x;
		bend = (bx - ax) / 2;
		way = -1;
	} else if (b->x + b->width < a->x) {
		ax = a->x;
		bx = b->x + b->width;
		bend = (bx - ax) / 2;
		way = 1;
	} else {
		ax = a->x + a->width;
		bx = b->x + b->width;
		way = 1;
		bend = 26;
	}
	bx += way * 5; /* the arrow's head */
	if (way == 1 && bend == 26)
		fprintf(out, "M%d %dC%d %d %d %d %d %d", ax, ay, ax + bend, ay, bx + bend, by, bx,
			by);
	else
		fprintf(out, "M%d %dC%d %d %d %d %d %d", ax, ay, ax + bend, ay, bx - bend, by, bx,
			by);
}

static void put_line(const struct picture *p, const struct line *l, FILE *out)
{
	const struct card *a = &p->card[l->from], *b = &p->card[l->to];
	const char *kind = link_names[line_kind(l)];
	uint32_t n = 0;

	for (int k = 0; k < LINK_KINDS; k++)
		n += l->count[k];
	fputs("<a href=\"#", out);
	put_anchor(p, l->to, out);
	fprintf(out, "\"><path class=\"l %s%s t%u\" marker-end=\"url(#%s)\"", kind,
		l->faint ? " q" : "", l->to, kind);
	if (n > 1)
		fprintf(out, " style=\"stroke-width:%s\"",
			n < 10    ? "1.8"
			: n < 100 ? "2.4"
				  : "3.2");
	fputs(" d=\"", out);
	put_curve(a, b, out);
	fputs("\"><title>", out);
	put_end(p, l->from, out);
	fputs(" leads to ", out);
	put_end(p, l->to, out);
	fputs(":\n", out);
	put_counts(l, out);
	fputs("</title></path></a>\n", out);
}

static void put_box(const struct picture *p, uint32_t i, FILE *out)
{
	const struct card *c = &p->card[i];

	fputs("<g id=\"", out);
	put_anchor(p, i, out);
	fprintf(out,
		"\"><rect class=\"b\" x=\"%d.5\" y=\"%d.5\" width=\"%d\" height=\"%d\" rx=\"6\">",
		c->x, c->y, c->width - 1, c->height - 1);
	put_hover(p, c, out);
	fputs("</rect></g>\n", out);
}

/* Its title stands over the lines. */
static void put_box_title(const struct picture *p, const struct card *c, FILE *out)
{
	char path[TWZ_PATH_MAX + 1];

	fprintf(out,
		"<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><text class=\"h\" x=\"14\" "
		"y=\"19\">",
		c->x, c->y, c->width, TITLE_HEIGHT);
	if (c->object == NO_OBJECT)
		put_name(p, c, out);
	else
		put_xml(out, objects_path(&p->graph->all, c->object, path),
			(unsigned)c->width / 11);
	fputs("<tspan class=\"f\" dx=\"8\">", out);
	put_facts(c, out);
	fputs("</tspan></text></svg>\n", out);
}

static void put_card(const struct picture *p, uint32_t i, FILE *out)
{
	const struct card *c = &p->card[i];
	bool folded = c->object == NO_OBJECT || c->behind;

	fputs("<g id=\"", out);
	put_anchor(p, i, out);
	fprintf(out,
		"\"><svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">"
		"<rect class=\"%s\" x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"4\"/>"
		"<rect x=\"1\" y=\"1\" width=\"5\" height=\"%d\" rx=\"2\" fill=\"%s\"/>",
		c->x, c->y, c->width, c->height, folded ? "c d" : "c", c->width - 1, c->height - 1,
		c->height - 2, colour(c));
	put_hover(p, c, out);
	fputs("<text x=\"13\" y=\"17\">", out);
	put_name(p, c, out);
	if (c->object != NO_OBJECT && !c->behind && c->type == TWZ_TYPE_NAMESPACE)
		fputc('/', out);
	fputs("</text><text class=\"f\" x=\"13\" y=\"32\">", out);
	put_facts(c, out);
	fputs("</text></svg></g>\n", out);
}

static void put_head(const struct picture *p, FILE *out)
{
	const struct graph *g = p->graph;
	char path[TWZ_PATH_MAX + 1], n[16], m[16];
	uint32_t shown = 0;

	for (uint32_t i = 0; i < p->ncards; i++)
		shown += p->card[i].object != NO_OBJECT && !p->card[i].behind;
	fputs("<text class=\"t\" x=\"14\" y=\"26\">", out);
	put_xml(out, p->store, 60);
	if (p->from != NO_OBJECT) {
		fputs(": ", out);
		put_xml(out, objects_path(&g->all, p->from, path), 60);
	}
	fprintf(out, "</text><text class=\"f\" x=\"14\" y=\"45\">%s objects in the store, %s shown",
		count_text(g->all.nlisted, n), count_text(shown, m));
	fputs(" one by one. Point at a card or a line for more; --from PATH or ID opens a part.",
	      out);
	if (p->lines_left_out)
		fprintf(out, " %s thinner lines are left out.", count_text(p->lines_left_out, n));
	fputs("</text>\n", out);
}

/* What the colours and lines say. */
static void put_foot(int y, FILE *out)
{
	static const struct {
		const char *kind, *text;
	} lines[] = {{"pointer", "pointer"},
		     {"late", "late-bound"},
		     {"tie", "tie"},
		     {"name", "further name"}};
	int x = 14;

	fprintf(out,
		"<text class=\"f\" x=\"470\" y=\"%d\">\xe2\x86\x92 so many lead out, "
		"\xe2\x86\x90 so many lead in</text>",
		y + 18);
	for (uint32_t t = 0; t <= TWZ_TYPE_DEVICE; t++, x += 86)
		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"9\" height=\"9\" rx=\"2\" fill=\"%s\"/>"
			"<text class=\"f\" x=\"%d\" y=\"%d\">%s</text>",
			x, y - 9, type_colours[t], x + 13, y, type_name(t));
	x = 14;
	y += 18;
	for (int i = 0; i < 4; i++, x += 110)
		fprintf(out,
			"<path class=\"l %s\" marker-end=\"url(#%s)\" d=\"M%d %dh22\"/>"
			"<text class=\"f\" x=\"%d\" y=\"%d\">%s</text>",
			lines[i].kind, lines[i].kind, x, y - 4, x + 34, y, lines[i].text);
	fputc('\n', out);
}

static void put_markers(FILE *out)
{
	static const char *const colours[LINK_KINDS] = {"#2f6db5", NULL, "#2f6db5", "#c2452d",
							"#8a97a5"};

	fputs("<defs>", out);
	for (int k = 0; k < LINK_KINDS; k++)
		if (colours[k])
			fprintf(out,
				"<marker id=\"%s\" viewBox=\"0 0 8 8\" refX=\"2\" refY=\"4\" "
				"markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\" "
				"markerUnits=\"userSpaceOnUse\"><path d=\"M0 0L8 4L0 8z\" "
				"fill=\"%s\"/></marker>",
				link_names[k], colours[k]);
	fputs("</defs>\n", out);
}

/* Who points at a card or box sees the lines out of it and into it, faint ones too. */
static void put_pointing(const struct picture *p, FILE *out)
{
	for (uint32_t i = 0; i < p->ncards; i++) {
		fputs("svg:has(#", out);
		put_anchor(p, i, out);
		fprintf(out, ":hover) :is(#l%u .l,.t%u){opacity:1;stroke-width:2.4}\n", i, i);
	}
}

void svg_write(const struct picture *p, FILE *out)
{
	const int width = p->width < 660 ? 660 : p->width, height = p->height + HEAD + FOOT;
	uint32_t line = 0;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\">\n<style>%s\n",
		width, height, width, height, style);
	put_pointing(p, out);
	fputs("</style>\n", out);
	put_markers(out);
	fputs("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", out);
	put_head(p, out);
	fprintf(out, "<g transform=\"translate(0 %d)\">\n", HEAD);
	for (uint32_t i = 0; i < p->ncards; i++)
		if (p->card[i].box)
			put_box(p, i, out);
	for (uint32_t i = 0; i < p->ncards; i++) {
		fprintf(out, "<g id=\"l%u\">\n", i);
		for (; line < p->nlines && p->line[line].from == i; line++)
			put_line(p, &p->line[line], out);
		fputs("</g>\n", out);
	}
	for (uint32_t i = 0; i < p->ncards; i++)
		if (p->card[i].box)
			put_box_title(p, &p->card[i], out);
		else
			put_card(p, i, out);
	fputs("</g>\n", out);
	put_foot(p->height + HEAD + 14, out);
	fputs("</svg>\n", out);
}

/* ---- graphviz ------------------------------------------------------------------------------------ */

/* Cards right in the box (NO_OBJECT: outside of all), its boxes as clusters in it. */
static void put_cluster(const struct picture *p, uint32_t box, FILE *out)
{
	char path[TWZ_PATH_MAX + 1], n[16];

	for (uint32_t i = 0; i < p->ncards; i++) {
		const struct card *c = &p->card[i];

		if (c->up != box)
			continue;
		if (c->box)
			fprintf(out, "subgraph cluster_%u { label=\"", i);
		else
			fprintf(out, "c%u [color=\"%s\" label=\"", i, colour(c));
		if (c->behind)
			fprintf(out, "%s behind it", count_text(c->count, n));
		else if (c->object == NO_OBJECT)
			fprintf(out, c->box ? "without a name" : "%u more: %s", c->count,
				kind_text(c));
		else
			put_dot(out, c->box ? objects_path(&p->graph->all, c->object, path)
					    : card_name(p, c, path));
		fputs("\\n", out);
		put_facts(c, out);
		if (c->box) {
			fprintf(out, "\";\nc%u [shape=point];\n", i);
			put_cluster(p, i, out);
			fputs("}\n", out);
		} else {
			fputs("\"];\n", out);
		}
	}
}

void dot_write(const struct picture *p, FILE *out)
{
	fputs("digraph store {\nrankdir=LR;\nnode [shape=box style=rounded];\n", out);
	put_cluster(p, NO_OBJECT, out);
	for (uint32_t i = 0; i < p->nlines; i++) {
		const struct line *l = &p->line[i];
		enum link_kind kind = line_kind(l);

		fprintf(out, "c%u -> c%u [tooltip=\"", l->from, l->to);
		put_counts(l, out);
		fprintf(out, "\"%s];\n",
			kind == LINK_POINTER ? ""
			: kind == LINK_TIE   ? " style=dotted color=red"
					     : " style=dashed");
	}
	fputs("}\n", out);
}
