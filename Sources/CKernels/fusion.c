/* Embedding fusion of one item: token mean, gate, attention pooling (PRECISE, section on the mixture of experts), each
 * forward then backward. An item's states [m, dt] fit in the L1 or L2 cache, so reading them twice costs little; what is read
 * next is fetched meanwhile. States are read as they are stored: each body is compiled for every way.
 *
 * Bodies take values where the kernels at the end take structs: an argument is read again from the stack when registers run out, a
 * struct's field has to be kept, which made backward 8% slower. */
#include "CKernels.h"
#include "row_update.h"

/* Vectors that a tile of columns holds. */
enum { WIDE = 4 };

/* Calls `tile` for all columns: WIDE vectors at a time, then one, then the rest of the row. */
#define FOR_COLUMNS(width, tile, ...)                                                                                             \
  {                                                                                                                               \
    long c = 0;                                                                                                                   \
    for (; c + 16 * WIDE <= (width); c += 16 * WIDE) tile(WIDE, 16, c, __VA_ARGS__);                                              \
    for (; c + 16 <= (width); c += 16) tile(1, 16, c, __VA_ARGS__);                                                               \
    if (c < (width)) tile(1, (width)-c, c, __VA_ARGS__);                                                                          \
  }

/* out (+)= the sum of two tokens or one, in `lanes` columns from c on. */
INLINE void mean_tile(int two, int add, int element, const void *states, long width, long c, long lanes, float *out) {
  v16 sum = stored_load(states, element, c, lanes);
  if (two) sum += stored_load(states, element, width + c, lanes);
  if (add) sum += float_load(out + c, lanes);
  float_store(out + c, lanes, sum);
}

/* Token after token and not column after column: what the caches expect. */
INLINE void mean_rows(int two, int add, int element, const void *states, long width, float *out, struct ahead *ahead) {
  long c = 0;
  for (; c + 32 <= width; c += 32) {
    fetch(ahead);
    mean_tile(two, add, element, states, width, c, 16, out);
    mean_tile(two, add, element, states, width, c + 16, 16, out);
  }
  for (; c < width; c += 16) mean_tile(two, add, element, states, width, c, width - c < 16 ? width - c : 16, out);
}

INLINE void token_mean(int element, long tokens, long width, const void *states, float *out, const void *next, long next_bytes) {
  struct ahead ahead = ahead_of(next, next_bytes, (tokens + 1) / 2 * (width / 32));
  if (tokens == 0) memset(out, 0, sizeof(float) * (size_t)width);
  for (long t = 0; t < tokens; t += 2) {
    const void *from = stored_at(states, element, t * width);
    if (t + 1 == tokens)
      mean_rows(0, t > 0, element, from, width, out, &ahead);
    else
      mean_rows(1, t > 0, element, from, width, out, &ahead);
  }
  float inverse = tokens > 0 ? 1.0f / (float)tokens : 0.0f;
  VECTOR_LOOP
  for (long c = 0; c < width; c++) out[c] *= inverse;
}

STORED_FUNCTION(token_mean, (int element, long tokens, long width, const void *states, float *out, const void *next, long next_bytes),
              tokens, width, states, out, next, next_bytes)

INLINE void softmax(long n, const float *logits, float *out) {
  FAST_SUMS
  float top = ck_largest(n, logits), sum = 0;
  VECTOR_LOOP
  for (long i = 0; i < n; i++) {
    out[i] = ck_expf(logits[i] - top);
    sum += out[i];
  }
  VECTOR_LOOP
  for (long i = 0; i < n; i++) out[i] /= sum;
}

INLINE void gate_top(long experts, long active, const float *logits, int32_t *chosen, float *gates, float *probabilities) {
  softmax(experts, logits, probabilities);
  for (long a = 0; a < active; a++) {
    long best = -1;
    for (long e = 0; e < experts; e++) {
      int taken = 0;
      for (long b = 0; b < a; b++) taken |= chosen[b] == e;
      if (!taken && (best < 0 || logits[e] > logits[best])) best = e;
    }
    chosen[a] = (int32_t)best;
    gates[a] = logits[best];
  }
  softmax(active, gates, gates);
}

KERNEL void ck_gate_top(long experts, long active, const float *logits, int32_t *chosen, float *gates, float *probabilities) {
  gate_top(experts, active, logits, chosen, gates, probabilities);
}

void ck_gate_backward(long experts, long active, const int32_t *chosen, const float *gates, const float *dgates,
                      const float *probabilities, const float *dprobabilities, float *dlogits) {
  float kept = 0, all = 0;
  for (long a = 0; a < active; a++) kept += gates[a] * dgates[a];
  for (long e = 0; e < experts; e++) all += probabilities[e] * dprobabilities[e];
  for (long e = 0; e < experts; e++) dlogits[e] = probabilities[e] * (dprobabilities[e] - all);
  for (long a = 0; a < active; a++) dlogits[chosen[a]] += gates[a] * (dgates[a] - kept);
}

/* Items whose gates go back side by side. */
enum { GATED = 4 };

/* `items` (a constant) items in `lanes` columns from c on. All loads of an item come before its store, which may be to the same place. */
INLINE void gate_back_tile(int items, long lanes, long c, long experts, long width, const float *dlogits, const float *input,
                           const float *gate, float *dgate, float *dinput) {
#pragma clang fp contract(fast)
  v16 x[GATED], dx[GATED] = {0};
#pragma clang loop unroll(full)
  for (int i = 0; i < items; i++) x[i] = float_load(input + i * width + c, lanes);
  for (long e = 0; e < experts; e++) {
    v16 g = float_load(gate + e * width + c, lanes), dg = float_load(dgate + e * width + c, lanes);
#pragma clang loop unroll(full)
    for (int i = 0; i < items; i++) {
      float dlogit = dlogits[i * experts + e];
      dx[i] += dlogit * g;
      dg += dlogit * x[i];
    }
    float_store(dgate + e * width + c, lanes, dg);
  }
#pragma clang loop unroll(full)
  for (int i = 0; dinput && i < items; i++) float_store(dinput + i * width + c, lanes, dx[i]);
}

INLINE void gate_back(int items, long experts, long width, const float *dlogits, const float *input, const float *gate,
                      float *dgate, float *dinput) {
  long c = 0;
  for (; c + 16 <= width; c += 16) gate_back_tile(items, 16, c, experts, width, dlogits, input, gate, dgate, dinput);
  if (c < width) gate_back_tile(items, width - c, c, experts, width, dlogits, input, gate, dgate, dinput);
}

KERNEL void ck_gate_product_backward(long items, long experts, long width, const float *dlogits, const float *input,
                                     const float *gate, float *dgate, float *dinput) {
  for (long i = 0, few = GATED; i < items; i += few) {
    const float *dl = dlogits + i * experts, *x = input + i * width;
    float *dx = dinput ? dinput + i * width : 0;
    if (i + GATED > items) few = 1;
    few == 1 ? gate_back(1, experts, width, dl, x, gate, dgate, dx) : gate_back(GATED, experts, width, dl, x, gate, dgate, dx);
  }
}

/* The turns of a pass over the states for all active experts. */
INLINE long pass_turns(long tokens, long width, long active) { return tokens * (width / 64) * ((active + 1) / 2); }

/* out[q, t] = x_t . y_q for `count` tokens and `several` vectors y, both constants. */
INLINE void dots_tile(int count, int several, int element, long width, const void *states, const float *const *y, float *out,
                      long ld, struct ahead *ahead) {
#pragma clang fp contract(fast)
  v16 sum[4][2] = {0};
  long c = 0;
  for (; c + 16 <= width; c += 16) {
    fetch(ahead);
#pragma clang loop unroll(full)
    for (int t = 0; t < count; t++) {
      v16 x = stored_load(states, element, t * width + c, 16);
#pragma clang loop unroll(full)
      for (int q = 0; q < several; q++) sum[t][q] += x * float_load(y[q] + c, 16);
    }
  }
  if (c < width)
    for (int t = 0; t < count; t++) {
      v16 x = stored_load(states, element, t * width + c, width - c);
      for (int q = 0; q < several; q++) sum[t][q] += x * float_load(y[q] + c, width - c);
    }
#pragma clang loop unroll(full)
  for (int t = 0; t < count; t++)
#pragma clang loop unroll(full)
    for (int q = 0; q < several; q++) out[q * ld + t] = lane_sum(sum[t][q]);
}

INLINE void dots_strip(int several, int element, long tokens, long width, const void *states, const float *const *y, float *out,
                       struct ahead *ahead) {
  long t = 0;
  for (; t + 4 <= tokens; t += 4)
    dots_tile(4, several, element, width, stored_at(states, element, t * width), y, out + t, tokens, ahead);
  for (; t < tokens; t++)
    dots_tile(1, several, element, width, stored_at(states, element, t * width), y, out + t, tokens, ahead);
}

/* out[a, t] = x_t . y_a, y_a being row rows[a] of y. */
INLINE void dots(int element, long tokens, long width, long active, const void *states, const int32_t *rows, const float *y,
                 float *out, struct ahead *ahead) {
  long a = 0;
  for (; a + 2 <= active; a += 2) {
    const float *two[2] = {y + rows[a] * width, y + rows[a + 1] * width};
    dots_strip(2, element, tokens, width, states, two, out + a * tokens, ahead);
  }
  if (a < active) {
    const float *one[1] = {y + rows[a] * width};
    dots_strip(1, element, tokens, width, states, one, out + a * tokens, ahead);
  }
}

/* out[q] (+)= sum of weights[q, t] x_t, for `several` (a constant) rows. */
INLINE void pool_tile(int wide, long lanes, long column, int several, int add, int element, long tokens, long width,
                      const void *states, const float *weights, float *const *out, struct ahead *ahead) {
#pragma clang fp contract(fast)
  v16 sum[WIDE][2] = {0};
  for (long t = 0; t < tokens; t++) {
    fetch(ahead);
#pragma clang loop unroll(full)
    for (int w = 0; w < wide; w++) {
      v16 x = stored_load(states, element, t * width + column + 16 * w, lanes);
#pragma clang loop unroll(full)
      for (int q = 0; q < several; q++) sum[w][q] += weights[q * tokens + t] * x;
    }
  }
#pragma clang loop unroll(full)
  for (int w = 0; w < wide; w++)
#pragma clang loop unroll(full)
    for (int q = 0; q < several; q++) {
      float *to = out[q] + column + 16 * w;
      float_store(to, lanes, add ? float_load(to, lanes) + sum[w][q] : sum[w][q]);
    }
}

/* out[rows[a]] (+)= sum of weights[a, t] x_t; rows a of out where `rows` is null. */
INLINE void pool(int add, int element, long tokens, long width, long active, const void *states, const float *weights,
                 const int32_t *rows, float *out, struct ahead *ahead) {
  long a = 0;
  for (; a + 2 <= active; a += 2) {
    float *two[2] = {out + (rows ? rows[a] : a) * width, out + (rows ? rows[a + 1] : a + 1) * width};
    FOR_COLUMNS(width, pool_tile, 2, add, element, tokens, width, states, weights + a * tokens, two, ahead)
  }
  if (a < active) {
    float *one[1] = {out + (rows ? rows[a] : a) * width};
    FOR_COLUMNS(width, pool_tile, 1, add, element, tokens, width, states, weights + a * tokens, one, ahead)
  }
}

INLINE void attention_pool(int element, long tokens, long width, long active, const int32_t *chosen, const float *queries,
                           const void *states, float *weights, float *pooled, const void *next, long next_bytes) {
  float factor = 1.0f / sqrtf((float)width);
  struct ahead ahead = ahead_of(next, next_bytes, 2 * pass_turns(tokens, width, active));
  dots(element, tokens, width, active, states, chosen, queries, weights, &ahead);
  for (long i = 0; i < active * tokens; i++) weights[i] *= factor;
  for (long a = 0; a < active && tokens > 0; a++) softmax(tokens, weights + a * tokens, weights + a * tokens);
  pool(0, element, tokens, width, active, states, weights, 0, pooled, &ahead);
}

STORED_FUNCTION(attention_pool,
              (int element, long tokens, long width, long active, const int32_t *chosen, const float *queries, const void *states,
               float *weights, float *pooled, const void *next, long next_bytes),
              tokens, width, active, chosen, queries, states, weights, pooled, next, next_bytes)

/* Of what is read next, a third is fetched while the mean is formed, which takes about a third of the time. */
INLINE void fuse_item(int element, long tokens, long width, long experts, long active, const void *states, const float *gate,
                      const float *bias, const float *queries, float *mean, float *logits, int32_t *chosen, float *gates,
                      float *probabilities, float *weights, float *pooled, const void *next, long next_bytes) {
  const int32_t first = 0;
  long third = next_bytes / 3 & ~63L;
  struct ahead none = ahead_of(next, 0, 1);
  token_mean(element, tokens, width, states, mean, next, third);
  dots(CK_FP32, experts, width, 1, gate, &first, mean, logits, &none);
  for (long e = 0; e < experts; e++) logits[e] += bias[e];
  gate_top(experts, active, logits, chosen, gates, probabilities);
  attention_pool(element, tokens, width, active, chosen, queries, states, weights, pooled, (const char *)next + third,
                 next_bytes - third);
}

STORED_FUNCTION(fuse_item,
              (int element, long tokens, long width, long experts, long active, const void *states, const float *gate,
               const float *bias, const float *queries, float *mean, float *logits, int32_t *chosen, float *gates,
               float *probabilities, float *weights, float *pooled, const void *next, long next_bytes),
              tokens, width, experts, active, states, gate, bias, queries, mean, logits, chosen, gates, probabilities, weights,
              pooled, next, next_bytes)

/* One item's way back. */
struct pool_backward {
  long tokens, width, active;
  const int32_t *chosen, *indices;
  const float *queries, *weights, *dpooled;
  float *dscores; /* [k, m] */
};

/* What the gradients of some tokens are made of: for each of one or two experts its dp and q, and their factors for each token. */
struct gradient_parts {
  const float *dp[2], *query[2];
  v16 weight[UPDATE_ROWS][2], dscore[UPDATE_ROWS][2];
};

/* dx of `rows` tokens in `lanes` columns from c on. They start from `from`, `stride` floats a token, times `factor`. */
INLINE void gradient_tile(int rows, int several, long lanes, long c, const struct gradient_parts *parts, const float *from,
                          long stride, float factor, float *dx, long width, v16 *squares) {
#pragma clang fp contract(fast)
  v16 g[UPDATE_ROWS], dp[2], query[2]; /* all loads before the stores, which might be to the same place for all the compiler knows */
#pragma clang loop unroll(full)
  for (int q = 0; q < several; q++) dp[q] = float_load(parts->dp[q] + c, lanes), query[q] = float_load(parts->query[q] + c, lanes);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    g[r] = factor * float_load(from + r * stride + c, lanes);
#pragma clang loop unroll(full)
    for (int q = 0; q < several; q++) g[r] += parts->weight[r][q] * dp[q], g[r] += parts->dscore[r][q] * query[q];
    squares[r] += g[r] * g[r];
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) float_store(dx + r * width + c, lanes, g[r]);
}

/* dx [rows, dt] of `rows` tokens from number t on through `several` experts from `a` on (constants), and the sums of its squares.
 * The first experts start from the gate's part, the others add. */
INLINE void state_gradients(int rows, int several, long a, long t, const struct pool_backward *b,
                            const struct ck_states_gradient *to, float *dx, float *squares, struct ahead *ahead) {
  v16 sum[UPDATE_ROWS] = {0};
  struct gradient_parts parts;
#pragma clang loop unroll(full)
  for (int q = 0; q < several; q++) {
    parts.dp[q] = b->dpooled + b->indices[a + q] * b->width, parts.query[q] = b->queries + b->chosen[a + q] * b->width;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      parts.weight[r][q] = (v16){} + b->weights[(a + q) * b->tokens + t + r];
      parts.dscore[r][q] = (v16){} + b->dscores[(a + q) * b->tokens + t + r];
    }
  }
  const float *from = a == 0 ? to->gate + t * to->gate_stride : dx;
  long stride = a == 0 ? to->gate_stride : b->width, c = 0;
  float factor = a == 0 ? to->gate_factor : 1.0f;
  for (; c + 16 <= b->width; c += 16) {
    fetch(ahead);
    gradient_tile(rows, several, 16, c, &parts, from, stride, factor, dx, b->width, sum);
  }
  if (c < b->width) gradient_tile(rows, several, b->width - c, c, &parts, from, stride, factor, dx, b->width, sum);
  for (int r = 0; r < rows; r++) squares[r] = lane_sum(sum[r]);
}

/* The gradients of `rows` (a constant) tokens from number t on: kept, or at once the update of their states. */
INLINE void states_backward(int rows, int element, long t, const struct pool_backward *b, const struct ck_states_gradient *to,
                            void *states, struct ahead *ahead) {
  float squares[UPDATE_ROWS], *dx = to->update ? to->scratch : to->dstates + t * b->width;
  long a = 0;
  do {
    if (a + 2 <= b->active)
      state_gradients(rows, 2, a, t, b, to, dx, squares, ahead);
    else
      state_gradients(rows, 1, a, t, b, to, dx, squares, ahead);
    a += 2;
  } while (a < b->active);
  if (to->update) update_few(rows, element, t, b->width, to->update, dx, squares, states);
}

/* p = sum_t w_t x_t, w = softmax(x . q / sqrt(dt)):  dw_t = dp . x_t,  ds_t = w_t (dw_t - sum w dw) / sqrt(dt),
 * dx_t = w_t dp + ds_t q,  dq = sum_t ds_t x_t. */
INLINE void pool_way_back(int element, const struct pool_backward *b, void *states, float *dqueries,
                          const struct ck_states_gradient *to, const void *next, long next_bytes) {
  float factor = 1.0f / sqrtf((float)b->width);
  struct ahead ahead = ahead_of(next, next_bytes, (to ? 3 : 2) * pass_turns(b->tokens, b->width, b->active));
  dots(element, b->tokens, b->width, b->active, states, b->indices, b->dpooled, b->dscores, &ahead);
  for (long a = 0; a < b->active; a++) {
    const float *w = b->weights + a * b->tokens;
    float *ds = b->dscores + a * b->tokens, mean = 0;
    for (long t = 0; t < b->tokens; t++) mean += w[t] * ds[t];
    for (long t = 0; t < b->tokens; t++) ds[t] = w[t] * (ds[t] - mean) * factor;
  }
  pool(1, element, b->tokens, b->width, b->active, states, b->dscores, b->chosen, dqueries, &ahead);
  if (!to) return;
  long t = 0;
  for (; t + UPDATE_ROWS <= b->tokens; t += UPDATE_ROWS) states_backward(UPDATE_ROWS, element, t, b, to, states, &ahead);
  for (; t < b->tokens; t++) states_backward(1, element, t, b, to, states, &ahead);
}

long ck_states_gradient_scratch(long width) { return UPDATE_ROWS * width; }

INLINE void attention_pool_backward(int element, long tokens, long width, long active, const int32_t *chosen,
                                    const float *queries, void *states, const float *weights, const int32_t *indices,
                                    const float *dpooled, float *dscores, float *dqueries,
                                    const struct ck_states_gradient *dstates, const void *next, long next_bytes) {
  struct pool_backward b = {tokens, width, active, chosen, indices, queries, weights, dpooled, dscores};
  pool_way_back(element, &b, states, dqueries, dstates, next, next_bytes);
}

STORED_FUNCTION(attention_pool_backward,
              (int element, long tokens, long width, long active, const int32_t *chosen, const float *queries, void *states,
               const float *weights, const int32_t *indices, const float *dpooled, float *dscores, float *dqueries,
               const struct ck_states_gradient *dstates, const void *next, long next_bytes),
              tokens, width, active, chosen, queries, states, weights, indices, dpooled, dscores, dqueries, dstates, next,
              next_bytes)

/* ---- The kernels ----------------------------------------------------------------------------------------------------------- */

void ck_token_mean(int element, const struct ck_item *item, float *out) {
  token_mean_stored(element, item->tokens, item->width, item->states, out, item->next, item->next_bytes);
}

void ck_attention_pool(int element, const struct ck_item *item, const struct ck_pooling *pooling, float *pooled) {
  attention_pool_stored(element, item->tokens, item->width, pooling->active, pooling->chosen, pooling->queries, item->states,
                        pooling->weights, pooled, item->next, item->next_bytes);
}

void ck_fuse_item(int element, const struct ck_item *item, const struct ck_fusion *f) {
  fuse_item_stored(element, item->tokens, item->width, f->experts, f->active, item->states, f->gate, f->bias, f->queries, f->mean,
                   f->logits, f->chosen, f->gates, f->probabilities, f->weights, f->pooled, item->next, item->next_bytes);
}

void ck_attention_pool_backward(int element, const struct ck_item *item, const struct ck_pooling *pooling,
                                const int32_t *indices, const float *dpooled, float *dscores, float *dqueries,
                                const struct ck_states_gradient *dstates) {
  attention_pool_backward_stored(element, item->tokens, item->width, pooling->active, pooling->chosen, pooling->queries,
                                 item->states, pooling->weights, indices, dpooled, dscores, dqueries, dstates, item->next,
                                 item->next_bytes);
}
