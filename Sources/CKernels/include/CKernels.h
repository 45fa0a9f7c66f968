/* The plain-C contract of the vector kernels: pointers, sizes, int status.
 *
 * Matrices are row-major float32; `ld*` is the distance between rows in elements. What a step keeps for its backward may be
 * stored as bfloat16 instead: such arguments are void pointers behind a flag `bf16`, without gaps. Letters (docs/shapes.md): T packed positions, D model width, H heads, M tokens of an item,
 * W token width, K experts, A active experts, N negatives. A kernel adds to a gradient unless it says that it writes it.
 * No kernel allocates or locks. */
#ifndef PRECISE_CKERNELS_H
#define PRECISE_CKERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* machine.c ------------------------------------------------------------------------------------------------------ */

/* "avx512_bf16" and the like: the widest vectors of this machine that matter here. */
const char *ck_instruction_set(void);
/* Denormal results of the calling thread become zero. */
void ck_flush_denormals(void);

/* product.c: products whose elements are functions of their row and column alone, whatever stands beside them ------- */

/* Whether this machine multiplies bfloat16 (strip.c); without it `bf16` below must be 0. */
int ck_bf16_products(void);
/* Words of 32 bits that B [k,n] takes when it is packed. */
long ck_packed_words(int bf16, long k, long n);
/* Packs factor * B [k,n], or of [n,k] when transposed; rounded to bfloat16 when `bf16`. */
void ck_pack(int bf16, int transpose, long k, long n, float factor, const float *b, long ldb, void *packed);
/* Packs B [k,n] that is bfloat16 already, without gaps. */
void ck_pack_bf16(long k, long n, const uint16_t *b, void *packed);
/* pairs[i,c] = rows 2i and 2i+1 of x in one word; a missing last row is zero. The transpose of x as a left factor. */
void ck_pair_rows(long rows, long columns, const uint16_t *x, uint32_t *pairs);
/* C[m,n] = A B, or += when `add`. A[i,j] stands at word i * a_row + j * a_column: a float32, or (bf16) two along the sum. */
void ck_product(int bf16, long m, long n, long k, const void *a, long a_row, long a_column, const void *packed, int add, float *c,
                long ldc);
/* counts[i] += how many of (A B)[i,:] are not below bounds[i] (NaN counts); the product is not kept. Float32. */
void ck_packed_count(long m, long n, long k, const float *a, long lda, const void *packed, const float *bounds,
                     int64_t *counts);

/* philox.c: counter-based random numbers (Salmon et al., SC'11), Philox 4x32-10 --------------------------------- */

/* What a draw is for: two 32-bit keys and the two upper counter words; the lower words count along a row. */
struct ck_stream {
  uint32_t key0, key1, purpose, step;
};
void ck_philox(const uint32_t counter[4], uint32_t key0, uint32_t key1, uint32_t out[4]);
/* out[i] = mean 0, given deviation, element i of row `row` of the stream. */
void ck_fill_normal(struct ck_stream stream, uint64_t row, long count, float deviation, float *out);
/* out[i] uniform in [-bound, bound). */
void ck_fill_uniform(struct ck_stream stream, uint64_t row, long count, float bound, float *out);

/* dropout.c: masks are a function of (stream, row key, column), never stored ------------------------------------ */

/* out[r,:] = z[r,:] + keep * (x[r,:] + bias) / (1 - rate); `bias` and `z` may be null (zeros), out may be z or x. */
void ck_dropout_add(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns, const float *x,
                    const float *bias, const float *z, float *out);
/* dx[r,:] = keep * dz[r,:] / (1 - rate): writes dx. */
void ck_dropout_backward(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns, const float *dz,
                         int bf16, void *dx);
/* The same through a gate: result = keep * (x + bias) / (1 - rate), out = z + sigmoid(logits) * result, which may
 * be z in place. */
void ck_gated_add(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns, const float *x,
                  const float *bias, const float *z, int bf16, const void *logits, void *result, float *out);
/* Writes dx and dlogits from dz, the gradient of out. */
void ck_gated_backward(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns, const float *dz,
                       int bf16, const void *logits, const void *result, void *dx, void *dlogits);

/* bfloat16.c --------------------------------------------------------------------------------------------------------- */

void ck_bf16_widen(long count, const uint16_t *from, float *to);    /* exact */
void ck_bf16_narrow(long count, const float *from, uint16_t *to);   /* to the nearest, ties to even; NaN stays NaN */
/* IEEE half precision: exact; to the nearest, but never to infinity (half.h). */
void ck_fp16_widen(long count, const uint16_t *from, float *to);
void ck_fp16_narrow(long count, const float *from, uint16_t *to);

/* elementwise.c -------------------------------------------------------------------------------------------------- */

void ck_add(long count, const float *x, float *y);               /* y += x */
void ck_scale(long count, float factor, float *x);               /* x *= factor */
double ck_sum_of_squares(long count, const float *x);
int ck_all_within(long count, const float *x, float bound);      /* 1 when all |x| are numbers of at most bound */
/* y[r,:] = x[r,:] + bias; may be in place. */
void ck_add_bias(long rows, long columns, const float *bias, const float *x, int bf16, void *y);
void ck_bias_gradient(long rows, long columns, int bf16, const void *dy, float *dbias); /* dbias += sum of rows */
/* before = x + bias, as it is stored (kept for backward; may be x); after = gelu(before), the exact erf form. */
void ck_bias_gelu(long rows, long columns, const float *bias, const float *x, int bf16, void *before, void *after);
/* after = gelu(before) once more, and dbefore = dafter * gelu'(before), which may be dafter in place. */
void ck_gelu_backward(long count, int bf16, const void *before, const float *dafter, void *after, void *dbefore);
/* before [rows, 2 width] = x + bias, as it is stored; after [rows, width] = swish of its left half times its right half. */
void ck_bias_swiglu(long rows, long width, const float *bias, const float *x, int bf16, void *before, void *after);
/* after once more, and dbefore [rows, 2 width] from dafter [rows, width]. */
void ck_swiglu_backward(long rows, long width, int bf16, const void *before, const float *dafter, void *after, void *dbefore);

/* layer_norm.c ---------------------------------------------------------------------------------------------------- */

void ck_layer_norm(long rows, long columns, float epsilon, const float *x, const float *scale, const float *bias, int bf16, void *y,
                   float *mean, float *inverse_deviation);
/* dx += ...; dscale, dbias += ... */
void ck_layer_norm_backward(long rows, long columns, const float *x, const float *scale, const float *mean,
                            const float *inverse_deviation, const float *dy, float *dx, float *dscale, float *dbias);

/* attention_time.c: the relative time bias of attention ------------------------------------------------------------- */

/* Buckets of the time between a query and a key, floor(ln(max(1, |seconds|)) / 0.301), as HSTU has them. */
enum { CK_TIME_BUCKETS = 128 };
/* One sequence: seconds from each query and from each key to a common moment, at most 2^30 of either sign; what is added to the scores
 * [heads, CK_TIME_BUCKETS], and its gradient, which backward adds to. */
struct ck_time {
  const int32_t *query_ages, *key_ages;
  const float *bias;
  float *dbias;
};
/* Scores of one query become factor * score + bias[bucket]; the buckets [keys] are written. */
void ck_time_scores(long keys, float factor, int32_t query_age, const int32_t *key_ages, const float *bias, float *scores,
                    uint8_t *buckets);
/* Adds dscores by bucket to `sums` [4, CK_TIME_BUCKETS], whose four rows are parts of one sum. */
void ck_time_gradient(long keys, const uint8_t *buckets, const float *dscores, float *sums);

/* attention.c: one sequence, all heads; qkv [length, 3D] holds q | k | v, each split into heads; without a time bias `time` is null - */

/* Floats of scratch that the functions need for sequences up to `length`. */
long ck_attention_scratch(long length, long head_width);
/* out [length, D]; log_sum [heads, length] is kept for backward. Row p reads rows <= p when causal, else all. */
void ck_attention(long length, long heads, long head_width, int causal, const float *qkv, const struct ck_time *time, float *out,
                  float *log_sum, float *scratch);
/* dqkv [length, 3D] is written. */
void ck_attention_backward(long length, long heads, long head_width, int causal, const float *qkv, const struct ck_time *time,
                           const float *out, const float *log_sum, const float *dout, float *dqkv, float *scratch);
/* The newest row alone: query [D] over all keys and values, k | v in rows of keys_values [length, 2D]; of `time` the first query;
 * scratch [2 length]. */
void ck_attention_newest(long length, long heads, long head_width, const float *query, const float *keys_values,
                         const struct ck_time *time, float *out, float *scratch);

/* attention_bf16.c: the same where ck_bf16_products() is 1; an even head_width ------------------------------------------ */

long ck_attention_bf16_scratch(long length, long head_width);
void ck_attention_bf16(long length, long heads, long head_width, int causal, const uint16_t *qkv, const struct ck_time *time,
                       uint16_t *out, float *log_sum, float *scratch);
void ck_attention_bf16_backward(long length, long heads, long head_width, int causal, const uint16_t *qkv,
                                const struct ck_time *time, const uint16_t *out, const float *log_sum, const float *dout,
                                uint16_t *dqkv, float *scratch);

/* gather.c ---------------------------------------------------------------------------------------------------------- */

/* out[i,:] = table[rows[i],:] */
void ck_gather_rows(long count, long columns, const int32_t *rows, const float *table, long ld_table, float *out, long ld_out);
/* table[rows[i],:] += in[i,:] in order of i */
void ck_scatter_add_rows(long count, long columns, const int32_t *rows, const float *in, long ld_in, float *table, long ld_table);
/* table[rows[i],:] += factors[i] * in[i,:] */
void ck_scatter_add_scaled_rows(long count, long columns, const int32_t *rows, const float *factors, const float *in, long ld_in,
                                float *table, long ld_table);

/* loss.c ------------------------------------------------------------------------------------------------------------ */

/* One block of sampled softmax. The gradient of `logits` [rows, N], which are lost, is written to `gradient` [rows, ld], zeros
 * beyond N (it may be the memory of logits); `positive` [rows] becomes its gradient. A column whose id equals the row's target is left out; `correction` [N] (log q, may be null) is subtracted first.
 * Every gradient is multiplied by `weight`. Returns the sum of the rows' losses. */
double ck_sampled_softmax(long rows, long negatives, float weight, const int32_t *targets, const int32_t *negative_ids,
                          const float *correction, float *logits, float *positive, int bf16, void *gradient, long ld_gradient);
/* One block of cross-user BPR. `scores` [rows, users]: row u holds s * h'_{u'} . e_{t_u} for every u'; `own` [rows] is
 * the row's own user's column. Pairs with equal targets are left out. `scores` becomes its gradient times `weight`,
 * the own column's summed part included. Returns the sum of the pairs' losses. */
double ck_cross_user_bpr(long rows, long users, float weight, const int32_t *row_targets, const int32_t *user_targets,
                         const int32_t *own, float *scores);
/* out[r] = factor * x[r,:] . y[r,:] */
void ck_row_dots(long rows, long columns, float factor, const float *x, long ldx, const float *y, long ldy, float *out);
/* y[r,:] += factors[r] * x[r,:] */
void ck_add_scaled_rows(long rows, long columns, const float *factors, const float *x, long ldx, float *y, long ldy);

/* How rows of a table are stored. */
enum ck_element { CK_FP32, CK_BF16, CK_FP16 };
enum ck_row_rule { CK_ADAGRAD, CK_ADAM };

/* An update of rows of a table: the rule with its constants, the rows' own state, and the random bits of their rounding. */
struct ck_row_update {
  int rule; /* ck_row_rule */
  float learning_rate, epsilon, beta1, beta2;
  float *accumulator;        /* [rows], for AdaGrad */
  float *m, *v, *updates;    /* [rows, W], [rows, W], [rows], for Adam */
  struct ck_stream rounding; /* for what is stored in sixteen bits */
  uint64_t key;              /* row r is rounded by row key + r of the stream (philox.h, draw_rows) */
};

/* fusion.c: one item; states [M, W] as `element` (ck_element) says. While it is computed, `next_bytes` from `next` on are
 * fetched into the cache. --------------------------------------------------------------------------------------------- */

/* out [W] = mean over the M tokens; zero when there are none. */
void ck_token_mean(int element, long tokens, long width, const void *states, float *out, const void *next, long next_bytes);
/* The `active` largest of logits [K] (ties: the lower index), their softmax, and the softmax of all K. */
void ck_gate_top(long experts, long active, const float *logits, int32_t *chosen, float *gates, float *probabilities);
/* Attention pooling of the chosen experts: weights [A, M] and pooled [A, W] are written. queries [K, W]. */
void ck_attention_pool(int element, long tokens, long width, long active, const int32_t *chosen, const float *queries,
                       const void *states, float *weights, float *pooled, const void *next, long next_bytes);
/* The three in one, the states coming from memory once: gate [K, W] has a row an expert; mean [W], logits [K], chosen, gates [A],
 * probabilities [K], weights and pooled are written. */
void ck_fuse_item(int element, long tokens, long width, long experts, long active, const void *states, const float *gate,
                  const float *bias, const float *queries, float *mean, float *logits, int32_t *chosen, float *gates,
                  float *probabilities, float *weights, float *pooled, const void *next, long next_bytes);
/* What becomes of the states' gradients [M, W]: the update of the states, or `dstates` is written when `update` is null. */
struct ck_states_gradient {
  const float *gate; /* row t starts from gate_factor * gate[t * gate_stride + ..] */
  long gate_stride;
  float gate_factor;
  const struct ck_row_update *update;
  float *scratch; /* ck_states_gradient_scratch(W) floats, for an update */
  float *dstates;
};
long ck_states_gradient_scratch(long width);
/* Gradients of the pooling from rows places[a] of dpooled [.., W]: dqueries [K, W] is added to, dstates is null for frozen
 * states. `dscores` [A, M] is scratch. */
void ck_attention_pool_backward(int element, long tokens, long width, long active, const int32_t *chosen, const float *queries,
                                void *states, const float *weights, const int32_t *places, const float *dpooled, float *dscores,
                                float *dqueries, const struct ck_states_gradient *dstates, const void *next, long next_bytes);
/* dlogits [K] of the gate: through the kept softmax from dgates [A], and from dprobabilities [K] through the full one. */
void ck_gate_backward(long experts, long active, const int32_t *chosen, const float *gates, const float *dgates,
                      const float *probabilities, const float *dprobabilities, float *dlogits);

/* optimizer.c -------------------------------------------------------------------------------------------------------- */

/* AdamW (Loshchilov & Hutter 2019; epsilon outside the bias correction, as PyTorch): decay [count] is 0 or 1. */
void ck_adamw(long count, float learning_rate, float beta1, float beta2, float epsilon, float weight_decay, float correction1,
              float correction2, float gradient_factor, const uint8_t *decay, const float *gradient, float *value, float *m,
              float *v);
/* values [rows, W], stored as `element` says, from gradient [rows, W]. Row-wise AdaGrad: G += mean(g^2); w -= lr * g /
 * (sqrt(G) + epsilon), a zero gradient changing nothing. Adam: corrected by 1 - beta^t of the row's own count of updates.
 * Sixteen-bit rows are rounded up or down at random, so that they are right on average. */
void ck_update_rows(int element, long rows, long width, const struct ck_row_update *update, const float *gradient, void *values);

#ifdef __cplusplus
}
#endif
#endif
