/* A graph of near neighbors over inner products, behind hnswlib (Malkov and Yashunin, 2016), in plain C.
 *
 * Rows are float32. A row is stored with its label, which a search gives back. The file is hnswlib's own: Python's
 * `hnswlib.Index('ip', dim)` loads it. A graph is searched by one thread at a time or by many; it is built by one.
 *
 * Nothing is thrown: a call that fails returns NULL or -1, and cn_failure says why. */
#ifndef PRECISE_CNEIGHBORS_H
#define PRECISE_CNEIGHBORS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cn_graph;

/* What a graph is made of. */
struct cn_settings {
  long rows, width; /* of the rows that it holds */
  long neighbors;   /* M: links of a row in an upper layer; in the lowest twice as many */
  long build_width; /* efConstruction: candidates whose best become links */
  uint64_t seed;    /* of the layers' draws */
};

/* What is searched for: the rows with the highest product, or the highest cosine, over the first `columns` columns. */
struct cn_query {
  const float *row;
  long columns;
  int cosine;
};

/* Starts a graph without a row; NULL when there is no memory. */
struct cn_graph *cn_create(const struct cn_settings *settings);

/* Adds a row of `width` columns, by which it is linked; -1 when it cannot. */
int cn_add(struct cn_graph *graph, const float *row, uint64_t label);

/* Links a row to others as far as its lowest layer has places left; those that it is linked to, and itself, take none. -1 for a label
 * that is not there. */
int cn_link(struct cn_graph *graph, uint64_t label, const int32_t *others, long count);

/* Hands out the file, piece by piece, until `take` returns other than 0, which is then returned. In place of the rows by which it
 * was built the file has others, `rows` [labels, width], in the place of each label. */
int cn_write(const struct cn_graph *graph, const float *rows, long width,
             int (*take)(void *context, const void *bytes, size_t count), void *context);

/* A graph from the bytes of its file, which are believed: check them first. NULL when there is no memory. */
struct cn_graph *cn_read(const struct cn_settings *settings, const void *bytes, size_t count);

/* Searches `breadth` wide for the `count` best rows. Labels and scores come best first; of equal scores the lower label.
 * Returns how many were found; -1 when there is no memory. */
long cn_search(const struct cn_graph *graph, const struct cn_query *query, long breadth, long count, uint64_t *labels, float *scores);

/* Frees a graph; NULL is fine. */
void cn_free(struct cn_graph *graph);

/* Why this thread's last failing call failed. */
const char *cn_failure(void);

#ifdef __cplusplus
}
#endif

#endif
