/* The plain-C contract of the vector kernels: pointers, sizes, int status.
 *
 * Matrices are row-major float32; `ld*` is the distance between rows in elements. What a step keeps for its backward may be
 * stored as bfloat16 instead: such arguments are void pointers beside a flag `bf16`, without gaps. Letters are those of
 * docs/shapes.md: d width of the model, H heads, n length of a sequence, m tokens of an item, dt width of a token state,
 * K experts, k of them computed, N negatives; a product [m,k] x [k,n] has the letters of every library. A kernel adds to a
 * gradient unless it says that it writes it. What takes more than eight arguments takes a struct, which it only reads.
 * No kernel allocates or locks. */
#ifndef PRECISE_CKERNELS_H
#define PRECISE_CKERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* machine.c ------------------------------------------------------------------------------------------------------ */

/* "avx512_bf16" and the like: the kernel of bfloat16 products in use, else the widest vectors of this machine that matter here. */
const char *ck_instruction_set(void);
/* Denormal results of the calling thread become zero. */
void ck_flush_denormals(void);

/* bf16_kernel.c: which kernel multiplies bfloat16 ---------------------------------------------------------------- */

/* In order of preference: the last usable one is used, unless ck_use_bf16_kernel says another. */
enum ck_bf16_kernel { CK_BF16_NONE, CK_BF16_BFMMLA, CK_BF16_AVX512, CK_BF16_AMX, CK_BF16_KERNELS };
enum ck_kernel_state {
  CK_KERNEL_USABLE,
  CK_KERNEL_ELSEWHERE,    /* of other processors than the program is built for */
  CK_KERNEL_NO_PROCESSOR, /* this processor lacks the instructions */
  CK_KERNEL_NOT_ALLOWED,  /* the operating system does not give them */
  CK_KERNEL_WRONG,        /* its results were not those of plain loops */
};
/* Looked up and tried once, when first asked. */
int ck_bf16_kernel_state(int kernel);
/* The kernel in use. */
int ck_bf16_kernel(void);
/* Takes another usable kernel, in all threads; not while products are computed. */
void ck_use_bf16_kernel(int kernel);

/* product.c: products whose elements are functions of their row and column alone, whatever stands beside them ------- */

/* Whether this machine multiplies bfloat16; without it `bf16` below must be 0. */
int ck_bf16_products(void);
/* Words of 32 bits that B [k,n] takes when it is packed. */
long ck_packed_words(int bf16, long k, long n);
/* Packs factor * B [k,n], or of [n,k] when transposed; rounded to bfloat16 when `bf16`. */
void ck_pack(int bf16, int transpose, long k, long n, float factor, const float *b, long ldb, void *packed);
/* Packs B [k,n] that is bfloat16 already, without gaps. */
void ck_pack_bf16(long k, long n, const uint16_t *b, void *packed);
/* pairs[i,c] = rows 2i and 2i+1 of x in one word; a missing last row is zero. The transpose of x as a left factor. */
void ck_pair_rows(long rows, long columns, const uint16_t *x, uint32_t *pairs);
/* What is multiplied: A [m,k], whose element (i,j) stands at word i * a_row + j * a_column, and B [k,n]. A word is a float32,
 * or (bf16) two numbers along the sum. */
struct ck_factors {
  int bf16;
  long m, n, k;
  const void *a;
  long a_row, a_column;
  const void *packed; /* B, from ck_pack: [ck_packed_words] */
};
/* C[m,n] = A B, or += when `add`. */
void ck_product(const struct ck_factors *factors, int add, float *c, long ldc);
/* counts[i] += how many of (A B)[i,:] are not below bounds[i] (NaN counts); the product is not kept. Float32. */
void ck_packed_count(long m, long n, long k, const float *a, long lda, const void *packed, const float *bounds,
                     int64_t *counts);

/* screen.c: which scores are below a bound, in bfloat16, as float32 decides it ------------------------------------------ */

/* Whether this machine can: it has AVX-512's products of bfloat16. */
int ck_screens(void);
/* norms[r] >= |x[r,:]| and remainders[r] >= |x[r,:] - x'[r,:]|, where x' is x rounded to bfloat16; both by a millionth at most. */
void ck_rounded_norms(long rows, long k, const float *x, long ldx, float *norms, float *remainders);
/* scores[j] = a[k] . b[rows[j],:], with the bits that ck_product gives. */
void ck_row_scores(long count, long k, const float *a, const float *b, long ldb, const int32_t *rows, float *scores);
/* Rows of A [m,k] against columns of B [k,n], k <= 65536, with what ck_rounded_norms says of both in float32. */
struct ck_screened {
  long m, n, k;
  const void *a;                          /* bfloat16 [m, k rounded up to pairs, a zero behind] */
  const void *packed;                     /* B, from ck_pack in bfloat16 */
  const float *a_norms, *a_remainders;    /* [m] */
  const float *b_norms, *b_remainders;    /* [n] */
  const float *bounds;                    /* [m] */
  const float *wanted;                    /* [m]: a score above it is wanted itself; null = none is */
  long first, open_stride;                /* the number of the first column; between the rows of `open` */
};
/* For every element of A B that is not wanted and is surely, in float32 too, not below its row's bound: counts[row] += 1. The columns
 * of which that is not sure either way, and the wanted ones, are put behind what stands in open [m, open_stride], open_counts [m]
 * numbers a row, in order; up to 16 words behind are lost. Returns how many they are. Only where ck_screens() is 1. */
long ck_screen(const struct ck_screened *screen, int64_t *counts, int32_t *open, int32_t *open_counts);

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

/* Where the masks of [rows, columns] come from. */
struct ck_dropout {
  struct ck_stream stream;
  const uint64_t *row_keys; /* [rows] */
  float rate;               /* 0 keeps everything */
  long rows, columns;
};
/* out[r,:] = z[r,:] + keep * (x[r,:] + bias) / (1 - rate); `bias` and `z` may be null (zeros), out may be z or x. */
void ck_dropout_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, float *out);
/* dx[r,:] = keep * dz[r,:] / (1 - rate): writes dx. */
void ck_dropout_backward(const struct ck_dropout *dropout, const float *dz, int bf16, void *dx);
/* The same through a gate: result = keep * (x + bias) / (1 - rate), out = z + sigmoid(logits) * result, which may
 * be z in place. */
void ck_gated_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, int bf16,
                  const void *logits, void *result, float *out);
/* Writes dx and dlogits from dz, the gradient of out. */
void ck_gated_backward(const struct ck_dropout *dropout, const float *dz, int bf16, const void *logits, const void *result,
                       void *dx, void *dlogits);

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

/* Rows and what forward keeps of them for backward. */
struct ck_norm {
  long rows, columns;
  const float *x;           /* [rows, columns] */
  const float *scale;       /* [columns] */
  float *mean;              /* [rows], written by forward */
  float *inverse_deviation; /* [rows], written by forward */
};
/* y [rows, columns] = (x - mean) * inverse_deviation * scale + bias, written. */
void ck_layer_norm(const struct ck_norm *norm, float epsilon, const float *bias, int bf16, void *y);
/* dx += ...; dscale, dbias += ... */
void ck_layer_norm_backward(const struct ck_norm *norm, const float *dy, float *dx, float *dscale, float *dbias);

/* attention_time.c: the relative time bias of attention ------------------------------------------------------------- */

/* Buckets of the time between a query and a key, floor(ln(max(1, |seconds|)) / 0.301), as HSTU has them. */
enum { CK_TIME_BUCKETS = 128 };
/* One sequence: seconds from each query and from each key to a common moment, at most 2^30 of either sign; what is added to the scores
 * [H, CK_TIME_BUCKETS], and its gradient, which backward adds to. */
struct ck_time {
  const int32_t *query_ages, *key_ages; /* [n], [n] */
  const float *bias;                    /* [H, CK_TIME_BUCKETS] */
  float *dbias;                         /* [H, CK_TIME_BUCKETS] */
};
/* Scores of one query become factor * score + bias[bucket]; the buckets [keys] are written. */
void ck_time_scores(long keys, float factor, int32_t query_age, const int32_t *key_ages, const float *bias, float *scores,
                    uint8_t *buckets);
/* Adds dscores by bucket to `sums` [4, CK_TIME_BUCKETS], whose four rows are parts of one sum. */
void ck_time_gradient(long keys, const uint8_t *buckets, const float *dscores, float *sums);

/* attention.c: one sequence, all heads ------------------------------------------------------------------------------ */

/* A sequence of n = length positions; d = heads * head_width. */
struct ck_sequence {
  long length, heads, head_width;
  int causal;                 /* position p reads positions <= p, else all */
  const void *qkv;            /* [n, 3d]: q | k | v, each split into heads */
  const struct ck_time *time; /* null without a time bias */
  void *out;                  /* [n, d], written by forward */
  float *log_sum;             /* [H, n], written by forward */
  float *scratch;             /* as many floats as the function beside says */
};
/* Floats of scratch that the functions need for sequences up to `length`. */
long ck_attention_scratch(long length, long head_width);
/* Forward; all is float32. */
void ck_attention(const struct ck_sequence *sequence);
/* From dout [n, d]: dqkv [n, 3d] is written. */
void ck_attention_backward(const struct ck_sequence *sequence, const float *dout, float *dqkv);
/* The newest position alone: query [d] over all keys and values, k | v in rows of keys_values [n, 2d]; of `time` the first query;
 * scratch [2n]. */
void ck_attention_newest(long length, long heads, long head_width, const float *query, const float *keys_values,
                         const struct ck_time *time, float *out, float *scratch);

/* attention_bf16.c: the same where ck_bf16_products() is 1; an even head_width; qkv, out and dqkv are bfloat16 ------------ */

long ck_attention_bf16_scratch(long length, long head_width);
void ck_attention_bf16(const struct ck_sequence *sequence);
void ck_attention_bf16_backward(const struct ck_sequence *sequence, const float *dout, uint16_t *dqkv);

/* gather.c ---------------------------------------------------------------------------------------------------------- */

/* Whether x [count] holds a number. */
int ck_holds(long count, const int32_t *x, int32_t number);
/* out[i,:] = table[rows[i],:] */
void ck_gather_rows(long count, long columns, const int32_t *rows, const float *table, long ld_table, int bf16, void *out,
                    long ld_out);
/* table[rows[i],:] += in[i,:] in order of i */
void ck_scatter_add_rows(long count, long columns, const int32_t *rows, const float *in, long ld_in, float *table, long ld_table);
/* table[rows[i],:] += factors[i] * in[i,:] */
void ck_scatter_add_scaled_rows(long count, long columns, const int32_t *rows, const float *factors, const float *in, long ld_in,
                                float *table, long ld_table);

/* loss.c ------------------------------------------------------------------------------------------------------------ */

/* One block of rows of sampled softmax. */
struct ck_softmax_block {
  long rows, negatives;        /* negatives is N */
  float weight;                /* of every gradient */
  const int32_t *targets;      /* [rows]: a column whose id equals the row's target is left out */
  const int32_t *negative_ids; /* [N] */
  const float *correction;     /* [N], log q: subtracted first; may be null */
  float *logits;               /* [rows, N], lost */
  float *positive;             /* [rows], the targets' logits; becomes their gradient */
  void *exponentials;          /* [rows, ld_exponentials], written, zeros beyond N; may be the memory of logits */
  long ld_exponentials;
  float *factors;              /* [rows], written: factor times exponential is the gradient of a logit */
};
/* Returns the sum of the rows' losses, unweighted. */
double ck_sampled_softmax(const struct ck_softmax_block *block, int bf16);
/* One block of cross-user BPR. `scores` [rows, users]: row u holds s * h'_{u'} . e_{t_u} for every u'; `own` [rows] is
 * the row's own user's column. Pairs with equal targets are left out. `scores` becomes its gradient times `weight`,
 * the own column's summed part included. Returns the sum of the pairs' losses. */
double ck_cross_user_bpr(long rows, long users, float weight, const int32_t *row_targets, const int32_t *user_targets,
                         const int32_t *own, float *scores);
/* out[r] = factor * x[r,:] . y[r,:] */
void ck_row_dots(long rows, long columns, float factor, const float *x, long ldx, const float *y, long ldy, float *out);
/* y[r,:] += factors[r] * x[r,:] */
void ck_add_scaled_rows(long rows, long columns, const float *factors, const float *x, long ldx, float *y, long ldy);
/* out[r,:] = factors[r] * x[r,:], as activations are stored */
void ck_scale_rows(long rows, long columns, const float *factors, const float *x, long ldx, int bf16, void *out);

/* How rows of a table are stored. */
enum ck_element { CK_FP32, CK_BF16, CK_FP16 };
enum ck_row_rule { CK_ADAGRAD, CK_ADAM };

/* An update of rows of a table: the rule with its constants, the rows' own state, and the random bits of their rounding. */
struct ck_row_update {
  int rule; /* ck_row_rule */
  float learning_rate, epsilon, beta1, beta2;
  float *accumulator;        /* [rows], for AdaGrad */
  float *m, *v, *updates;    /* [rows, width], [rows, width], [rows], for Adam */
  struct ck_stream rounding; /* for what is stored in sixteen bits */
  uint64_t key;              /* row r is rounded by row key + r of the stream (philox.h, draw_rows) */
};

/* fusion.c: one item, whose states are stored as `element` (ck_element) says --------------------------------------------- */

/* An item's states; while they are computed with, what is read next is fetched into the cache. */
struct ck_item {
  long tokens, width; /* m, dt */
  void *states;       /* [m, dt] */
  const void *next;   /* [next_bytes] */
  long next_bytes;
};
/* out [dt] = mean over the tokens; zero when there are none. */
void ck_token_mean(int element, const struct ck_item *item, float *out);
/* The `active` (k) largest of logits [K] (ties: the lower index), their softmax gates [k], and the softmax of all, probabilities
 * [K]. */
void ck_gate_top(long experts, long active, const float *logits, int32_t *chosen, float *gates, float *probabilities);
/* Through logits = input gate^T, from dlogits [items, K]: dgate [K, width] is added to, dinput [items, width] is written unless it is
 * null; it may be the memory of input [items, width]. */
void ck_gate_product_backward(long items, long experts, long width, const float *dlogits, const float *input, const float *gate,
                              float *dgate, float *dinput);
/* Attention of an item's chosen experts over its tokens. */
struct ck_pooling {
  long active;           /* k */
  const int32_t *chosen; /* [k] */
  const float *queries;  /* [K, dt] */
  float *weights;        /* [k, m], written by forward */
};
/* pooled [k, dt] and the weights are written. */
void ck_attention_pool(int element, const struct ck_item *item, const struct ck_pooling *pooling, float *pooled);
/* What fusion of an item reads and writes: its token mean, the gate on it, and the pooling of the experts that the gate chooses. */
struct ck_fusion {
  long experts, active; /* K, k */
  const float *gate;    /* [K, dt]: a row an expert */
  const float *bias;    /* [K] */
  const float *queries; /* [K, dt] */
  float *mean;          /* [dt], written as all that follows; zero without tokens */
  float *logits;        /* [K] */
  int32_t *chosen;      /* [k] */
  float *gates;         /* [k] */
  float *probabilities; /* [K] */
  float *weights;       /* [k, m] */
  float *pooled;        /* [k, dt] */
};
/* The three in one, the states coming from memory once. */
void ck_fuse_item(int element, const struct ck_item *item, const struct ck_fusion *fusion);
/* What becomes of the states' gradients [m, dt]: the update of the states, or `dstates` is written when `update` is null. */
struct ck_states_gradient {
  const float *gate; /* row t starts from gate_factor * gate[t * gate_stride + ..] */
  long gate_stride;
  float gate_factor;
  const struct ck_row_update *update;
  float *scratch; /* ck_states_gradient_scratch(dt) floats, for an update */
  float *dstates; /* [m, dt] */
};
long ck_states_gradient_scratch(long width);
/* Gradients of the pooling from rows indices[a] of dpooled [.., dt]: dqueries [K, dt] is added to, dstates is null for frozen
 * states. `dscores` [k, m] is scratch. */
void ck_attention_pool_backward(int element, const struct ck_item *item, const struct ck_pooling *pooling,
                                const int32_t *indices, const float *dpooled, float *dscores, float *dqueries,
                                const struct ck_states_gradient *dstates);
/* dlogits [K] of the gate: through the kept softmax from dgates [k], and from dprobabilities [K] through the full one. */
void ck_gate_backward(long experts, long active, const int32_t *chosen, const float *gates, const float *dgates,
                      const float *probabilities, const float *dprobabilities, float *dlogits);

/* optimizer.c -------------------------------------------------------------------------------------------------------- */

/* AdamW (Loshchilov & Hutter 2019; epsilon outside the bias correction, as PyTorch): the constants of one update. */
struct ck_adamw_step {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2; /* 1 - beta^t */
  float gradient_factor;          /* every gradient is multiplied by it first */
};
/* decay [count] is 0 or 1; value, m, v [count]. */
void ck_adamw(const struct ck_adamw_step *step, long count, const uint8_t *decay, const float *gradient, float *value, float *m,
              float *v);
/* values [rows, width], stored as `element` says, from gradient [rows, width]. Row-wise AdaGrad: G += mean(g^2); w -= lr * g /
 * (sqrt(G) + epsilon), a zero gradient changing nothing. Adam: corrected by 1 - beta^t of the row's own count of updates.
 * Sixteen-bit rows are rounded up or down at random, so that they are right on average. */
void ck_update_rows(int element, long rows, long width, const struct ck_row_update *update, const float *gradient, void *values);

#ifdef __cplusplus
}
#endif
#endif
