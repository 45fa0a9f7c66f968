/* Embedding fusion of one item: token mean, gate, attention pooling (PRECISE, section on the mixture of experts), each
 * forward then backward. An item's states (M x W) fit in the L1 or L2 cache, so reading them twice costs little. States are
 * float32 or bfloat16 in memory and float32 in registers: each body is compiled for both. */
#include "CKernels.h"
#include "bfloat16.h"

INLINE void token_mean(long tokens, long width, int bf16, const void *states, float *out) {
  memset(out, 0, sizeof(float) * (size_t)width);
  for (long t = 0; t < tokens; t++)
    VECTOR_LOOP
    for (long c = 0; c < width; c++) out[c] += stored(states, bf16, t * width + c);
  float inverse = tokens > 0 ? 1.0f / (float)tokens : 0.0f;
  VECTOR_LOOP
  for (long c = 0; c < width; c++) out[c] *= inverse;
}

KERNEL void ck_token_mean(long tokens, long width, int bf16, const void *states, float *out) {
  if (bf16)
    token_mean(tokens, width, 1, states, out);
  else
    token_mean(tokens, width, 0, states, out);
}

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

void ck_gate_top(long experts, long active, const float *logits, int32_t *chosen, float *gates, float *probabilities) {
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

void ck_gate_backward(long experts, long active, const int32_t *chosen, const float *gates, const float *dgates,
                      const float *probabilities, const float *dprobabilities, float *dlogits) {
  float kept = 0, all = 0;
  for (long a = 0; a < active; a++) kept += gates[a] * dgates[a];
  for (long e = 0; e < experts; e++) all += probabilities[e] * dprobabilities[e];
  for (long e = 0; e < experts; e++) dlogits[e] = probabilities[e] * (dprobabilities[e] - all);
  for (long a = 0; a < active; a++) dlogits[chosen[a]] += gates[a] * (dgates[a] - kept);
}

INLINE float dot(long n, int bf16, const void *x, const float *y) {
  FAST_SUMS
  float sum = 0;
  VECTOR_LOOP
  for (long i = 0; i < n; i++) sum += stored(x, bf16, i) * y[i];
  return sum;
}

INLINE void add_scaled(long n, float factor, int bf16, const void *x, float *y) {
  VECTOR_LOOP
  for (long i = 0; i < n; i++) y[i] += factor * stored(x, bf16, i);
}

INLINE void attention_pool(long tokens, long width, long active, const int32_t *chosen, const float *queries, int bf16,
                           const void *states, float *weights, float *pooled) {
  float factor = 1.0f / sqrtf((float)width);
  memset(pooled, 0, sizeof(float) * (size_t)(active * width));
  if (tokens == 0) return;
  for (long a = 0; a < active; a++) {
    float *w = weights + a * tokens;
    for (long t = 0; t < tokens; t++)
      w[t] = factor * dot(width, bf16, stored_from(states, bf16, t * width), queries + (long)chosen[a] * width);
    softmax(tokens, w, w);
    for (long t = 0; t < tokens; t++) add_scaled(width, w[t], bf16, stored_from(states, bf16, t * width), pooled + a * width);
  }
}

KERNEL void ck_attention_pool(long tokens, long width, long active, const int32_t *chosen, const float *queries, int bf16,
                              const void *states, float *weights, float *pooled) {
  if (bf16)
    attention_pool(tokens, width, active, chosen, queries, 1, states, weights, pooled);
  else
    attention_pool(tokens, width, active, chosen, queries, 0, states, weights, pooled);
}

/* p = sum_t w_t x_t, w = softmax(x . q / sqrt(W)):  dw_t = dp . x_t,  ds_t = w_t (dw_t - sum w dw) / sqrt(W),
 * dx_t = w_t dp + ds_t q,  dq = sum_t ds_t x_t. */
INLINE void attention_pool_backward(long tokens, long width, long active, const int32_t *chosen, const float *queries, int bf16,
                                    const void *states, const float *weights, const float *dpooled, float *dstates,
                                    float *dqueries) {
  float factor = 1.0f / sqrtf((float)width);
  for (long a = 0; a < active; a++) {
    const float *w = weights + a * tokens, *dp = dpooled + a * width, *query = queries + (long)chosen[a] * width;
    float *dquery = dqueries + (long)chosen[a] * width, mean = 0;
    /* Two passes over the tokens: the mean of dw must be known before any ds. */
    for (long t = 0; t < tokens; t++) mean += w[t] * dot(width, bf16, stored_from(states, bf16, t * width), dp);
    for (long t = 0; t < tokens; t++) {
      const void *x = stored_from(states, bf16, t * width);
      float ds = w[t] * (dot(width, bf16, x, dp) - mean) * factor;
      add_scaled(width, ds, bf16, x, dquery);
      if (!dstates) continue;
      float *dx = dstates + t * width, weight = w[t];
      VECTOR_LOOP
      for (long c = 0; c < width; c++) dx[c] += weight * dp[c] + ds * query[c];
    }
  }
}

KERNEL void ck_attention_pool_backward(long tokens, long width, long active, const int32_t *chosen, const float *queries,
                                       int bf16, const void *states, const float *weights, const float *dpooled,
                                       float *dstates, float *dqueries) {
  if (bf16)
    attention_pool_backward(tokens, width, active, chosen, queries, 1, states, weights, dpooled, dstates, dqueries);
  else
    attention_pool_backward(tokens, width, active, chosen, queries, 0, states, weights, dpooled, dstates, dqueries);
}
